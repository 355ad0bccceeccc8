//! L3 over `fetch`, with `cf.image.format = "json"`.

use js_sys::{Object, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, Response, Url};

use super::body;
use super::object::object;
use super::thrown::{is_subrequest_limit, message};
use crate::failure::{Cause, ConnectionFault, Failure, OriginFault};
use crate::head::Head;
use crate::image_header::Limits;
use crate::origin::Reply;

/// How many redirects within the origin are followed.
const MAX_REDIRECTS: usize = 3;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch)]
    fn fetch(url: &str, init: &Object) -> Result<Promise, JsValue>;
}

/// A signal that aborts every fetch it is given to, so that the origin sees the connection close.
pub(super) fn deadline(timeout_ms: u64) -> AbortSignal {
    AbortSignal::timeout_with_u32(u32::try_from(timeout_ms).unwrap_or(u32::MAX))
}

/// Asks for the metadata of the image at `url`.
pub(super) async fn ask(
    url: &str,
    limits: Limits,
    deadline: &AbortSignal,
) -> Result<Reply, OriginFault> {
    let mut url = url.to_owned();
    for _ in 0..=MAX_REDIRECTS {
        let response = send(&url, deadline).await?;
        let status = response.status();
        let headers = response.headers();
        let head = if Reply::has_body(status) {
            let content_type = header(&headers, "content-type");
            let mut head = Head::new(limits, content_type.as_deref());
            let length = content_length(&headers).and_then(|length| length.parse().ok());
            body::begin(response.body(), length, &mut head, || deadline.aborted())
                .await
                .map_err(|thrown| failed(deadline, &thrown, ConnectionFault::Broken))?;
            Some(head)
        } else {
            discard(&response);
            None
        };
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Ok(Reply {
                status,
                cf_resized: header(&headers, "cf-resized"),
                retry_after: header(&headers, "retry-after"),
                content_length: content_length(&headers),
                content_range: header(&headers, "content-range"),
                content_encoding: header(&headers, "content-encoding"),
                head,
            });
        }
        url = header(&headers, "location")
            .and_then(|location| within_origin(&url, &location))
            .ok_or_else(|| refused(status))?;
    }
    Err(Cause::RedirectRefused.into())
}

async fn send(url: &str, deadline: &AbortSignal) -> Result<Response, OriginFault> {
    // By hand, and nothing but the image option: the typed options of the worker crate would send
    // `cacheTtl: 0` along, which turns the edge cache off for this request.
    let image = object(&[("format", "json".into())]);
    let cf = object(&[("image", image.into())]);
    let init = object(&[
        // `error` is not supported by the runtime, and `follow` follows to any host.
        ("redirect", "manual".into()),
        ("signal", deadline.into()),
        ("cf", cf.into()),
    ]);
    let unsent = |thrown| failed(deadline, &thrown, ConnectionFault::Refused);
    let promise = fetch(url, &init).map_err(unsent)?;
    let response = JsFuture::from(promise).await.map_err(unsent)?;
    Ok(response.unchecked_into())
}

/// Frees the connection of a response whose body is of no use.
fn discard(response: &Response) {
    if let Some(body) = response.body() {
        body::abandon(body.cancel());
    }
}

/// The length of the body as it is read: the runtime unpacks one, and leaves the length of the packed one.
fn content_length(headers: &Headers) -> Option<String> {
    header(headers, "content-length").filter(|_| header(headers, "content-encoding").is_none())
}

fn header(headers: &Headers, name: &str) -> Option<String> {
    headers.get(name).ok().flatten()
}

/// Where a redirect leads, if it stays on the scheme, host and port it came from.
fn within_origin(from: &str, location: &str) -> Option<String> {
    let to = Url::new_with_base(location, from).ok()?;
    let same = to.origin() == Url::new(from).ok()?.origin()
        && to.username().is_empty()
        && to.password().is_empty();
    same.then(|| to.href())
}

fn refused(status: u16) -> Failure {
    Failure {
        origin_status: Some(status),
        ..Cause::RedirectRefused.into()
    }
}

/// How the runtime's words begin if it could not connect for a reason of its own: no address for the host name, or a failed
/// TLS handshake. For a connection that was refused or lost it says "Network connection lost.".
const INTERNAL_ERROR: &str = "internal error";

/// Why there is no whole response: the deadline has passed, or the connection failed, at the latest at `step`.
fn failed(deadline: &AbortSignal, thrown: &JsValue, step: ConnectionFault) -> OriginFault {
    if deadline.aborted() {
        return Cause::OriginTimeout.into();
    }
    let message = message(thrown);
    if is_subrequest_limit(&message) {
        return OriginFault {
            failure: Cause::SubrequestLimit.into(),
            message: Some(message),
        };
    }
    let connection = if message.starts_with(INTERNAL_ERROR) {
        ConnectionFault::Dns
    } else {
        step
    };
    OriginFault {
        failure: Failure {
            connection: Some(connection),
            ..Cause::OriginUnreachable.into()
        },
        message: Some(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn a_redirect_may_not_leave_the_origin() {
        let from = "https://images.test/a/b";
        for (location, to) in [
            ("c", Some("https://images.test/a/c")),
            ("/c", Some("https://images.test/c")),
            ("https://images.test:443/c", Some("https://images.test/c")),
            ("http://images.test/c", None),
            ("https://images.test:8443/c", None),
            ("https://evil.test/c", None),
            ("//evil.test/c", None),
            ("\\\\evil.test/c", None),
            ("https://images.test@evil.test/c", None),
            ("https://user:word@images.test/c", None),
            ("javascript:alert(1)", None),
            ("https://", None),
        ] {
            assert_eq!(within_origin(from, location).as_deref(), to, "{location}");
        }
    }

    #[wasm_bindgen_test]
    fn what_ends_after_the_deadline_is_late() {
        let aborted = AbortSignal::abort();
        let lost = js_sys::Error::new("Network connection lost.").into();
        let fault = |signal| failed(signal, &lost, ConnectionFault::Broken);
        assert_eq!(fault(&aborted).failure.cause, Cause::OriginTimeout);
        let in_time = fault(&deadline(60_000));
        assert_eq!(in_time.failure.cause, Cause::OriginUnreachable);
        assert_eq!(in_time.failure.reason(), Some("broken"));
        assert_eq!(in_time.message.as_deref(), Some("Network connection lost."));
    }
}
