//! L3 over `fetch`, with `cf.image.format = "json"`.

use std::array;

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, ReadableStream};

use super::body;
use super::connection_fault::fault;
use super::redirect::within_origin;
use super::service::Service;
use super::wanted::Wanted;
use crate::image::header::Limits;
use crate::image::prefix::BodyPrefix;
use crate::origin::error::{ConnectionFault, ErrorKind, OriginError, OriginFault};
use crate::origin::request::OriginRequest;
use crate::origin::response::OriginResponse;
use crate::origin::s3_error::{MAX_BODY_BYTES, S3ErrorCode};

/// How much of an S3 server's error is read, in bytes.
#[allow(clippy::cast_possible_truncation)] // 1,024
const MAX_ERROR_BYTES: u32 = MAX_BODY_BYTES as u32;

/// Maximum number of redirects, which must stay within the origin.
const MAX_REDIRECTS: usize = 3;

#[wasm_bindgen(module = "/src/edge/origin.js")]
extern "C" {
    #[wasm_bindgen(js_name = ask)]
    fn send(
        service: Option<&Service>,
        url: &str,
        headers: &str,
        wanted: &str,
        is_private: bool,
        deadline: &AbortSignal,
    ) -> Promise;

    /// Resolves with up to `most` bytes from the beginning, and cancels the rest.
    #[wasm_bindgen(js_name = startOf)]
    pub(super) fn start_of(stream: &ReadableStream, most: f64) -> Promise;
}

/// Returns a signal that aborts all fetches with it after `timeout_ms`, so that their connections are closed.
pub(super) fn deadline(timeout_ms: u64) -> AbortSignal {
    AbortSignal::timeout_with_u32(u32::try_from(timeout_ms).unwrap_or(u32::MAX))
}

/// Requests metadata, and reads as much of the response as it needs.
///
/// # Errors
/// If the deadline passes, the connection fails, the request has no subrequests left, or a redirect is refused.
pub(super) async fn ask(
    service: Option<&Service>,
    request: &OriginRequest<'_>,
    limits: Limits,
    deadline: &AbortSignal,
) -> Result<OriginResponse, OriginFault> {
    let wanted = if request.probe.uses_resizer() {
        Wanted::Json
    } else {
        Wanted::File
    };
    let mut conversation = Conversation::new(service, request, wanted, deadline);
    let headers = lines(&request.headers);
    let received = conversation.send(&headers).await?;
    conversation.read_forward(received, limits).await
}

/// The head of a response and its body, as `src/edge/origin.js` returns it.
pub(super) struct Received {
    /// Without a prefix.
    pub(super) head: OriginResponse,
    content_type: Option<String>,
    pub(super) body: JsValue,
}

/// The requests for one image: one, or one for each part of a file.
pub(super) struct Conversation<'a> {
    service: Option<&'a Service>,
    request: &'a OriginRequest<'a>,
    wanted: Wanted,
    deadline: &'a AbortSignal,
    /// The URL that the next request is sent to: after redirects, their target.
    url: String,
    redirects: usize,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(
        service: Option<&'a Service>,
        request: &'a OriginRequest<'a>,
        wanted: Wanted,
        deadline: &'a AbortSignal,
    ) -> Self {
        Self {
            service,
            request,
            wanted,
            deadline,
            url: request.url.clone(),
            redirects: 0,
        }
    }

    /// Sends a request with these headers, and follows redirects within the origin.
    pub(super) async fn send(&mut self, headers: &str) -> Result<Received, OriginFault> {
        let is_private = !self.request.headers.is_empty();
        loop {
            let sent = send(
                self.service,
                &self.url,
                headers,
                self.wanted.name(),
                is_private,
                self.deadline,
            );
            let response = JsFuture::from(sent)
                .await
                .map_err(|thrown| self.fault(&thrown, ConnectionFault::Refused))?;
            let response: Array = response.unchecked_into();
            let (fields, body) = (response.get(0).as_string(), response.get(1));
            let (received, location) = received(&fields.unwrap_or_default(), body);
            let status = received.head.status;
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                return Ok(received);
            }
            discard(received.body);
            if self.redirects == MAX_REDIRECTS {
                return Err(ErrorKind::RedirectRefused.into());
            }
            self.redirects = self.redirects.saturating_add(1);
            self.url = location
                .filter(|_| !self.request.is_signed)
                .and_then(|location| within_origin(&self.url, &location))
                .ok_or_else(|| redirect_refused(status))?;
        }
    }

    /// Reads a body forward, as far as its header needs it, and cancels the rest.
    pub(super) async fn read_forward(
        &self,
        received: Received,
        limits: Limits,
    ) -> Result<OriginResponse, OriginFault> {
        let Received {
            head,
            content_type,
            body,
        } = received;
        if !OriginResponse::has_body(head.status) {
            let s3_error = read_s3_error(self.request, head.status, body, self.deadline).await?;
            return Ok(OriginResponse { s3_error, ..head });
        }
        let prefix = BodyPrefix::new(limits, content_type.as_deref());
        let length = head.content_length.as_ref();
        let length = length.and_then(|text| text.parse().ok());
        let prefix = read(body, length, prefix, self.deadline)
            .await
            .map_err(|thrown| self.fault(&thrown, ConnectionFault::Broken))?;
        Ok(OriginResponse {
            prefix: Some(prefix),
            ..head
        })
    }

    pub(super) fn fault(&self, thrown: &JsValue, otherwise: ConnectionFault) -> OriginFault {
        fault(self.deadline, thrown, otherwise)
    }

    /// Returns `true` if the deadline has passed.
    pub(super) fn is_late(&self) -> bool {
        self.deadline.aborted()
    }
}

/// Reads the head of a response: its status and headers, one per line. Returns its `Location` as well.
fn received(fields: &str, body: JsValue) -> (Received, Option<String>) {
    let mut fields = fields.split('\n');
    let status = fields.next().and_then(|status| status.parse().ok());
    let header = |_| {
        let value = fields.next().filter(|value| !value.is_empty());
        value.map(str::to_owned)
    };
    // An array, so that the Worker has the code of `header` once.
    let [
        content_type,
        cf_resized,
        retry_after,
        content_length,
        content_range,
        content_encoding,
        location,
        etag,
        last_modified,
    ] = array::from_fn(header);
    let head = OriginResponse {
        status: status.unwrap_or_default(),
        cf_resized,
        retry_after,
        // The runtime decodes bodies, but leaves the length of the encoded body in the header.
        content_length: content_length.filter(|_| content_encoding.is_none()),
        content_range,
        content_encoding,
        etag,
        last_modified,
        s3_error: None,
        prefix: None,
    };
    let received = Received {
        head,
        content_type,
        body,
    };
    (received, location)
}

/// Encodes headers for `src/edge/origin.js`: names and values, one per line. Neither can contain a line break.
pub(super) fn lines(headers: &[(&str, String)]) -> String {
    let lines = headers
        .iter()
        .map(|(name, value)| [name, "\n", value].concat());
    lines.collect::<Vec<_>>().join("\n")
}

/// Reads as much of a body as `prefix` needs. `src/edge/origin.js` returns a body as bytes, a stream or `null`, or the
/// error of reading it.
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
        Err(value) if value.is_null() => None,
        Err(thrown) => return Err(thrown),
    };
    body::read_prefix(stream, length, &mut prefix, || deadline.aborted()).await?;
    Ok(prefix)
}

/// Frees the connection of a response whose body is not needed.
pub(super) fn discard(body: JsValue) {
    if let Ok(body) = body.dyn_into::<ReadableStream>() {
        body::detach(body.cancel());
    }
}

/// Reads the error code of an S3 server from the beginning of a body, if the request is signed and `status` can have one.
/// Frees the connection: nothing else of the body is read.
///
/// # Errors
/// If the code cannot be read. Without it, wrong credentials would look like a missing permission, which ends a record.
pub(super) async fn read_s3_error(
    request: &OriginRequest<'_>,
    status: u16,
    body: JsValue,
    deadline: &AbortSignal,
) -> Result<Option<S3ErrorCode>, OriginFault> {
    let Ok(stream) = body.dyn_into::<ReadableStream>() else {
        return Ok(None);
    };
    if !request.is_signed || !S3ErrorCode::may_be_in(status) {
        body::detach(stream.cancel());
        return Ok(None);
    }
    let start = JsFuture::from(start_of(&stream, MAX_ERROR_BYTES.into())).await;
    let start = start.map_err(|thrown| fault(deadline, &thrown, ConnectionFault::Broken))?;
    Ok(S3ErrorCode::from_body(&Uint8Array::new(&start).to_vec()))
}

fn redirect_refused(status: u16) -> OriginError {
    OriginError {
        origin_status: Some(status),
        ..ErrorKind::RedirectRefused.into()
    }
}
