//! L3 over `fetch`, with `cf.image.format = "json"`.

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, ReadableStream, Url};

use super::body;
use super::js_value::{is_subrequest_limit, message};
use crate::image::header::Limits;
use crate::image::prefix::BodyPrefix;
use crate::origin::error::{ConnectionFault, ErrorKind, OriginError, OriginFault};
use crate::origin::response::OriginResponse;

/// How many redirects within the origin are followed.
const MAX_REDIRECTS: usize = 3;

#[wasm_bindgen(module = "/src/edge/origin.js")]
extern "C" {
    #[wasm_bindgen(js_name = ask)]
    fn send(url: &str, deadline: &AbortSignal) -> Promise;
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
) -> Result<OriginResponse, OriginFault> {
    let mut url = url.to_owned();
    for _ in 0..=MAX_REDIRECTS {
        let response = JsFuture::from(send(&url, deadline))
            .await
            .map_err(|thrown| failed(deadline, &thrown, ConnectionFault::Refused))?;
        let response: Array = response.unchecked_into();
        let (fields, body) = (response.get(0).as_string(), response.get(1));
        let fields = fields.unwrap_or_default();
        let mut fields = fields.split('\n');
        let status = fields.next().and_then(|status| status.parse().ok());
        let status = status.unwrap_or_default();
        let mut header = || {
            let value = fields.next().filter(|value| !value.is_empty());
            value.map(str::to_owned)
        };
        let content_type = header();
        let (cf_resized, retry_after) = (header(), header());
        let (content_length, content_range, content_encoding) = (header(), header(), header());
        let location = header();
        // The runtime decodes a body, and leaves the length of the encoded one.
        let content_length = content_length.filter(|_| content_encoding.is_none());
        let prefix = if OriginResponse::has_body(status) {
            let prefix = BodyPrefix::new(limits, content_type.as_deref());
            let length = content_length.as_ref().and_then(|text| text.parse().ok());
            let prefix = read(body, length, prefix, deadline).await;
            Some(prefix.map_err(|thrown| failed(deadline, &thrown, ConnectionFault::Broken))?)
        } else {
            discard(body);
            None
        };
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Ok(OriginResponse {
                status,
                cf_resized,
                retry_after,
                content_length,
                content_range,
                content_encoding,
                prefix,
            });
        }
        url = location
            .and_then(|location| within_origin(&url, &location))
            .ok_or_else(|| refused(status))?;
    }
    Err(ErrorKind::RedirectRefused.into())
}

/// Reads a body, as `src/edge/origin.js` hands it over, as far as `head` wants.
async fn read(
    body: JsValue,
    length: Option<u64>,
    mut prefix: BodyPrefix,
    deadline: &AbortSignal,
) -> Result<BodyPrefix, JsValue> {
    if let Some(bytes) = body.dyn_ref::<Uint8Array>() {
        prefix.push(&bytes.to_vec());
        prefix.end();
        return Ok(prefix);
    }
    let stream = match body.dyn_into::<ReadableStream>() {
        Ok(stream) => Some(stream),
        Err(none) if none.is_null() => None,
        Err(thrown) => return Err(thrown),
    };
    body::begin(stream, length, &mut prefix, || deadline.aborted()).await?;
    Ok(prefix)
}

/// Frees the connection of a response whose body is of no use.
fn discard(body: JsValue) {
    if let Ok(body) = body.dyn_into::<ReadableStream>() {
        body::abandon(body.cancel());
    }
}

/// Where a redirect leads, if it stays on the scheme, host and port it came from.
fn within_origin(from: &str, location: &str) -> Option<String> {
    let to = Url::new_with_base(location, from).ok()?;
    let same = to.origin() == Url::new(from).ok()?.origin()
        && to.username().is_empty()
        && to.password().is_empty();
    same.then(|| to.href())
}

fn refused(status: u16) -> OriginError {
    OriginError {
        origin_status: Some(status),
        ..ErrorKind::RedirectRefused.into()
    }
}

/// How the runtime's words begin if it could not connect for a reason of its own: no address for the host name, or a failed
/// TLS handshake. For a connection that was refused or lost it says "Network connection lost.".
const INTERNAL_ERROR: &str = "internal error";

/// Why there is no whole response: the deadline has passed, or the connection failed, at the latest at `step`.
fn failed(deadline: &AbortSignal, thrown: &JsValue, step: ConnectionFault) -> OriginFault {
    if deadline.aborted() {
        return ErrorKind::OriginTimeout.into();
    }
    let message = message(thrown);
    if is_subrequest_limit(&message) {
        return OriginFault {
            error: ErrorKind::SubrequestLimit.into(),
            message: Some(message),
        };
    }
    let connection = if message.starts_with(INTERNAL_ERROR) {
        ConnectionFault::Dns
    } else {
        step
    };
    OriginFault {
        error: OriginError {
            connection: Some(connection),
            ..ErrorKind::OriginUnreachable.into()
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
        assert_eq!(fault(&aborted).error.kind, ErrorKind::OriginTimeout);
        let in_time = fault(&deadline(60_000));
        assert_eq!(in_time.error.kind, ErrorKind::OriginUnreachable);
        assert_eq!(in_time.error.reason(), Some("broken"));
        assert_eq!(in_time.message.as_deref(), Some("Network connection lost."));
    }
}
