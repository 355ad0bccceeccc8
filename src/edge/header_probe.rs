//! Reads the header of a file at a URL or a service by range requests, without a resizer.
//!
//! A server that supports ranges returns only the [parts](RangeResponse) that hold the header, wherever they are. From
//! any other server, the file is read forward.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, ReadableStream};

use super::decompress::decompress;
use super::js_value::number;
use super::origin::{Conversation, Received, discard, lines, start_of};
use super::prefix_share::PrefixShares;
use super::service::Service;
use super::wanted::Wanted;
use crate::image::header::Limits;
use crate::image::prefix::BodyPrefix;
use crate::origin::error::{ConnectionFault, ErrorKind, OriginError, OriginFault};
use crate::origin::range_response::{RangeResponse, RangedFile, range};
use crate::origin::request::OriginRequest;
use crate::origin::response::OriginResponse;

/// Reads the header of the file that `request` is for.
///
/// # Errors
/// As `origin::ask`, and if the file is replaced while it is read.
pub(super) async fn read(
    service: Option<&Service>,
    request: &OriginRequest<'_>,
    limits: Limits,
    deadline: &AbortSignal,
) -> Result<OriginResponse, OriginFault> {
    let mut parts = Parts {
        conversation: Conversation::new(service, request, Wanted::File, deadline),
        headers: lines(&request.headers),
        file: RangedFile::default(),
        first: None,
        shares: PrefixShares::default(),
    };
    let received = match parts.read_header(limits).await {
        Ok(response) => return Ok(response),
        Err(Obstacle::Fault(fault)) => return Err(fault),
        Err(Obstacle::NotPartial(received)) => received,
        Err(Obstacle::Unusable) => parts.conversation.send(&parts.headers).await?,
    };
    // Reading forward takes shares of its own. If it waited for them with these taken, all reads could wait for each
    // other.
    drop(parts.shares);
    parts.conversation.read_forward(received, limits).await
}

/// Why a file is not read in parts.
enum Obstacle {
    /// The response is the whole file, or an error.
    NotPartial(Received),
    /// The response cannot be used.
    Unusable,
    Fault(OriginFault),
}

impl<T: Into<OriginFault>> From<T> for Obstacle {
    fn from(fault: T) -> Self {
        Self::Fault(fault.into())
    }
}

/// Reads a file in parts.
struct Parts<'a> {
    conversation: Conversation<'a>,
    /// The headers of the request, one name or value a line.
    headers: String,
    file: RangedFile,
    /// The head of the first part.
    first: Option<OriginResponse>,
    shares: PrefixShares,
}

impl Parts<'_> {
    /// Reads the parts that the header needs, most often one.
    async fn read_header(&mut self, limits: Limits) -> Result<OriginResponse, Obstacle> {
        let mut prefix = BodyPrefix::new(limits, None);
        loop {
            let part = self.load(prefix.next_range(), &prefix).await?;
            let is_first = prefix.is_empty();
            prefix.push(&part.to_vec());
            if is_first && prefix.is_gzip() {
                prefix = self.decoded(part, &prefix).await?;
                break;
            }
            prefix.set_object_bytes(self.file.bytes());
            if !prefix.wants_more() {
                break;
            }
        }
        Ok(OriginResponse {
            prefix: Some(prefix),
            ..self.first.take().unwrap_or_default()
        })
    }

    /// Loads a range of the file for `prefix`: all of it, or less if the server returns less.
    async fn load(
        &mut self,
        wanted: (u64, u64),
        prefix: &BodyPrefix,
    ) -> Result<Uint8Array, Obstacle> {
        let (offset, length) = wanted;
        let mut headers = self.headers.clone();
        if !headers.is_empty() {
            headers.push('\n');
        }
        headers.push_str("Accept-Encoding\nidentity\nRange\n");
        headers.push_str(&range(offset, length));
        let received = self.conversation.send(&headers).await?;
        let length = match self.file.interpret(wanted, &received.head) {
            RangeResponse::Part { length } => length,
            RangeResponse::NotPartial => return Err(Obstacle::NotPartial(received)),
            RangeResponse::Unusable => {
                discard(received.body);
                return Err(Obstacle::Unusable);
            }
            RangeResponse::Replaced => {
                discard(received.body);
                return Err(replaced().into());
            }
        };
        let bytes = self.file.bytes();
        if !self.make_room(prefix, Some(bytes)).await {
            discard(received.body);
            return Err(ErrorKind::OriginTimeout.into());
        }
        let Ok(stream) = received.body.dyn_into::<ReadableStream>() else {
            return Err(Obstacle::Unusable);
        };
        let read = JsFuture::from(start_of(&stream, number(length))).await;
        let fault = |thrown| self.conversation.fault(&thrown, ConnectionFault::Broken);
        let part: Uint8Array = read.map_err(fault)?.unchecked_into();
        if u64::from(part.length()) < length {
            return Err(Obstacle::Unusable);
        }
        self.first.get_or_insert(received.head);
        Ok(part)
    }

    /// Returns the beginning of the data that a gzip file decodes to. Its first part is loaded in `prefix`.
    async fn decoded(
        &mut self,
        first: Uint8Array,
        prefix: &BodyPrefix,
    ) -> Result<BodyPrefix, Obstacle> {
        let most = prefix.most_bytes();
        let end = self.file.bytes().min(most);
        let mut loaded = u64::from(first.length());
        let chunks = Array::of1(&first);
        // JavaScript holds all of them until the header is decoded.
        if loaded < end {
            let is_late = || self.conversation.is_late();
            if !self.shares.make_room_for_rest(most, is_late).await {
                return Err(ErrorKind::OriginTimeout.into());
            }
        }
        while loaded < end {
            let part = self
                .load((loaded, end.saturating_sub(loaded)), prefix)
                .await?;
            loaded = loaded.saturating_add(part.length().into());
            chunks.push(&part);
        }
        let mut decoded = prefix.decoded(false);
        while decoded.wants_more() {
            if !self.make_room(&decoded, None).await {
                return Err(ErrorKind::OriginTimeout.into());
            }
            let (offset, length) = decoded.next_range();
            let bytes =
                JsFuture::from(decompress("gzip", &chunks, number(offset), number(length))).await;
            let fault = |thrown| self.conversation.fault(&thrown, ConnectionFault::Broken);
            let bytes = Uint8Array::new(&bytes.map_err(fault)?);
            decoded.push(&bytes.to_vec());
            if u64::from(bytes.length()) < length {
                // If the file is longer than the limit, the data was cut and has not ended.
                if self.file.bytes() <= most {
                    decoded.end();
                }
                break;
            }
        }
        Ok(decoded)
    }

    /// Waits for memory for the next bytes of `prefix`, of data of this length if it is known.
    async fn make_room(&mut self, prefix: &BodyPrefix, length: Option<u64>) -> bool {
        let is_late = || self.conversation.is_late();
        self.shares.make_room(prefix, length, is_late).await
    }
}

/// Returns the fault of a file that was replaced between two parts. Another attempt may succeed.
fn replaced() -> OriginFault {
    OriginFault {
        error: OriginError {
            connection: Some(ConnectionFault::Broken),
            ..ErrorKind::OriginUnreachable.into()
        },
        message: Some("the file was replaced while it was read".to_owned()),
    }
}
