//! Decides what the responses to range requests mean (RFC 9110, sections 14 and 15.3.7).
//!
//! A file is read in up to `MAX_PARTS` parts. All must be of the same version of the file: it may be replaced between
//! two requests. A response that cannot be used as a part means that the server does not support ranges well, so the
//! file is requested without one.

use crate::image::content_encoding::ContentEncoding;
use crate::origin::content_range::ContentRange;
use crate::origin::response::OriginResponse;

/// The maximum number of parts. The longest header takes fewer, unless the server returns shorter parts than requested.
const MAX_PARTS: u32 = 16;

/// What a response to a range request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeResponse {
    /// A part of the file, which begins where it was requested. At most `length` bytes of it are needed.
    Part {
        /// The number of bytes that the body has at least.
        length: u64,
    },
    /// The file from its beginning, because the server ignores ranges; or an error, which the status says.
    NotPartial,
    /// A response that has no usable part. The file is to be requested without a range.
    Unusable,
    /// The file is not the one that the parts before are of.
    Replaced,
}

/// A file that is read in parts.
#[derive(Debug, Default)]
pub struct RangedFile {
    /// The version of the first part.
    version: Option<Version>,
    parts: u32,
}

/// What distinguishes a version of a file from the next one.
#[derive(Debug, PartialEq, Eq)]
struct Version {
    bytes: u64,
    /// The `ETag`, or else `Last-Modified`. Servers behind one address may differ in the latter.
    validator: Option<String>,
}

impl RangedFile {
    /// Returns the length of the file in bytes, or 0 before its first part.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.version.as_ref().map_or(0, |version| version.bytes)
    }

    /// Decides what `response` to a request for this range, an offset and a length, is.
    pub fn interpret(
        &mut self,
        (offset, length): (u64, u64),
        response: &OriginResponse,
    ) -> RangeResponse {
        match response.status {
            206 => {}
            // The file is empty or, if there was a part before, shorter now.
            416 if self.version.is_none() => return RangeResponse::Unusable,
            416 => return RangeResponse::Replaced,
            _ => return RangeResponse::NotPartial,
        }
        let encoding = response.content_encoding.as_deref().unwrap_or_default();
        let range = response.content_range.as_deref().and_then(parse);
        let (Some((first, last, bytes)), ContentEncoding::Identity) =
            (range, ContentEncoding::parse(encoding))
        else {
            // A part of encoded data cannot be decoded, and one of several parts has its range in the body.
            return RangeResponse::Unusable;
        };
        let version = Version {
            bytes,
            validator: response
                .etag
                .as_ref()
                .or(response.last_modified.as_ref())
                .cloned(),
        };
        if self.version.as_ref().is_some_and(|old| *old != version) {
            return RangeResponse::Replaced;
        }
        self.version = Some(version);
        self.parts = self.parts.saturating_add(1);
        if first != offset || self.parts > MAX_PARTS {
            return RangeResponse::Unusable;
        }
        let sent = last.saturating_sub(first).saturating_add(1);
        RangeResponse::Part {
            length: sent.min(length),
        }
    }
}

/// Returns the value of `Range` for an offset and a length.
#[must_use]
pub fn range(offset: u64, length: u64) -> String {
    let last = offset.saturating_add(length).saturating_sub(1);
    format!("bytes={offset}-{last}")
}

/// Reads a `Content-Range`: the first and the last byte, and the length of the file. `None` if it is malformed or does
/// not say the length.
fn parse(content_range: &str) -> Option<(u64, u64, u64)> {
    let ContentRange {
        first,
        last,
        length,
    } = ContentRange::parse(content_range)?;
    let bytes = length.parse().ok()?;
    (first <= last && last < bytes).then_some((first, last, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a response with this `Content-Range` and `ETag`.
    fn part(content_range: &str, etag: Option<&str>) -> OriginResponse {
        OriginResponse {
            status: 206,
            content_range: Some(content_range.into()),
            etag: etag.map(Into::into),
            ..OriginResponse::default()
        }
    }

    fn first(response: &OriginResponse) -> RangeResponse {
        RangedFile::default().interpret((0, 100), response)
    }

    #[test]
    fn a_part_has_at_most_the_requested_bytes() {
        for (content_range, length) in [
            ("bytes 0-99/1000", 100),
            ("Bytes 0-99/1000 ", 100),
            ("bytes 0-49/1000", 50),
            ("bytes 0-999/1000", 100),
            ("bytes 0-25/26", 26),
            ("bytes 0-18446744073709551614/18446744073709551615", 100),
        ] {
            let expected = RangeResponse::Part { length };
            assert_eq!(first(&part(content_range, None)), expected);
        }
    }

    #[test]
    fn a_part_without_a_usable_range_is_unusable() {
        for content_range in [
            "",
            "bytes",
            "bytes 0-99",
            "bytes 0-99/*",
            "bytes */1000",
            "bytes 1-99/1000",
            "bytes 0-100/100",
            "bytes 9-0/100",
            "bytes -1-99/1000",
            "bytes 0-18446744073709551616/18446744073709551617",
            "pages 0-99/1000",
        ] {
            let response = part(content_range, None);
            assert_eq!(first(&response), RangeResponse::Unusable, "{content_range}");
        }
        let multipart = OriginResponse {
            content_range: None,
            ..part("", None)
        };
        assert_eq!(first(&multipart), RangeResponse::Unusable);
        let backward = RangedFile::default().interpret((500, 100), &part("bytes 500-9/1000", None));
        assert_eq!(backward, RangeResponse::Unusable);
    }

    #[test]
    fn a_part_of_encoded_data_is_unusable() {
        for (encoding, is_usable) in [
            ("identity", true),
            ("aws-chunked", true),
            ("gzip", false),
            ("br", false),
            ("zstd", false),
        ] {
            let response = OriginResponse {
                content_encoding: Some(encoding.into()),
                ..part("bytes 0-99/1000", None)
            };
            let is_part = matches!(first(&response), RangeResponse::Part { .. });
            assert_eq!(is_part, is_usable, "{encoding}");
        }
    }

    #[test]
    fn a_response_of_another_status_is_not_partial() {
        let with_status = |status| OriginResponse {
            status,
            ..OriginResponse::default()
        };
        for status in [200, 304, 403, 404, 500] {
            let response = with_status(status);
            assert_eq!(first(&response), RangeResponse::NotPartial, "{status}");
        }
        assert_eq!(first(&with_status(416)), RangeResponse::Unusable);
    }

    #[test]
    fn all_parts_are_of_the_same_version() {
        let dated = |date: &str| OriginResponse {
            last_modified: Some(date.into()),
            ..part("bytes 500-599/1000", None)
        };
        let tagged = || part("bytes 500-599/1000", Some("\"a\""));
        let longer = |etag| part("bytes 500-599/1001", etag);
        let short = OriginResponse {
            status: 416,
            ..OriginResponse::default()
        };
        let both = OriginResponse {
            etag: tagged().etag,
            ..dated("Tuesday")
        };
        for (before, then, is_same) in [
            (tagged(), tagged(), true),
            (tagged(), part("bytes 500-599/1000", Some("\"b\"")), false),
            (tagged(), part("bytes 500-599/1000", None), false),
            (tagged(), longer(Some("\"a\"")), false),
            (tagged(), both, true),
            (tagged(), short, false),
            (dated("Monday"), dated("Monday"), true),
            (dated("Monday"), dated("Tuesday"), false),
            (
                part("bytes 500-599/1000", None),
                part("bytes 500-599/1000", None),
                true,
            ),
            (part("bytes 500-599/1000", None), longer(None), false),
        ] {
            let mut file = RangedFile::default();
            file.interpret((500, 100), &before);
            assert_eq!(file.bytes(), 1_000);
            let expected = if is_same {
                RangeResponse::Part { length: 100 }
            } else {
                RangeResponse::Replaced
            };
            assert_eq!(file.interpret((500, 100), &then), expected, "{then:?}");
        }
    }

    #[test]
    fn a_file_is_not_read_in_any_number_of_tiny_parts() {
        let mut file = RangedFile::default();
        let mut offset = 0;
        let parts = std::iter::from_fn(|| {
            let response = part(&format!("bytes {offset}-{offset}/1000"), None);
            let meaning = file.interpret((offset, 100), &response);
            offset += 1;
            (meaning == RangeResponse::Part { length: 1 }).then_some(())
        });
        assert_eq!(parts.count(), 16);
    }

    #[test]
    fn a_range_names_its_last_byte() {
        assert_eq!(range(0, 65_536), "bytes=0-65535");
        assert_eq!(range(1_000, 1), "bytes=1000-1000");
    }
}
