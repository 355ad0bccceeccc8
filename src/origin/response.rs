//! L3's answer: what the origin, or a bucket, says to the question for an image, as metadata or as a failure.
//!
//! The question asks for `format=json`. An origin without image resizing answers with the image itself, and so does
//! the resizer at times: its header tells the rest. Shapes and codes of the resizer are those of
//! <https://developers.cloudflare.com/images/reference/troubleshooting/>.

use serde_json::Value;

use crate::image::content_encoding::ContentEncoding;
use crate::image::displayed_size::DisplayedSize;
use crate::image::header::ImageError;
use crate::image::metadata::{Dimensions, Format, ImageMetadata, Traits, confidence};
use crate::image::prefix::BodyPrefix;
use crate::origin::error::{ErrorKind, InvalidAnswer, OriginError};
use crate::text::json;

/// Longest `Retry-After` that is passed on, in seconds.
const MAX_RETRY_AFTER_S: u32 = 3_600;

/// Longest entity tag that is kept, in bytes. R2's have 32.
const MAX_ETAG_BYTES: usize = 64;

/// One HTTP answer of the origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OriginResponse {
    /// HTTP status.
    pub status: u16,
    /// The `Cf-Resized` header.
    pub cf_resized: Option<String>,
    /// The `Retry-After` header.
    pub retry_after: Option<String>,
    /// The `Content-Length` header, where it tells the length of what was read.
    pub content_length: Option<String>,
    /// The `Content-Range` header.
    pub content_range: Option<String>,
    /// The `Content-Encoding` header. The runtime has decoded `gzip` and `br`, and no other.
    pub content_encoding: Option<String>,
    /// `None` where it was not read because of its status.
    pub prefix: Option<BodyPrefix>,
}

impl OriginResponse {
    /// Whether the body is of use for an answer with `status`: all of it, or a part that has to be its first.
    #[must_use]
    pub fn has_body(status: u16) -> bool {
        matches!(status, 200 | 206)
    }

    /// Reads the answer.
    ///
    /// Of JSON, the dimensions are those of `original`, the image before resizing, with the sides swapped if the
    /// top level shows that the image is [displayed](DisplayedSize) so. An answer without `original` may name them
    /// `width`/`height`, `naturalWidth`/`naturalHeight` or `originalWidth`/`originalHeight`. The first pair that
    /// is there counts, even if it is malformed.
    ///
    /// # Errors
    /// What the status, the resizer's error code or a malformed body stands for.
    pub fn metadata(&self) -> Result<ImageMetadata, OriginError> {
        let resizer_code = self.resizer_code();
        let is_part = self.status == 206;
        let prefix = match &self.prefix {
            Some(prefix)
                if resizer_code.is_none() && (!is_part || self.whole_of_part().is_some()) =>
            {
                prefix
            }
            _ => return Err(self.error(resizer_code)),
        };
        let read = match prefix.json() {
            Some(text) => parse(text),
            None => prefix
                .image()
                .map_err(|reason| ErrorKind::ImageError(self.encoded().unwrap_or(reason)))
                .map(|image| ImageMetadata {
                    file_size: self.file_size(),
                    ..image
                }),
        };
        read.map_err(|kind| OriginError {
            origin_status: Some(self.status),
            ..kind.into()
        })
    }

    /// Why what cannot be read is no image, if it is still encoded.
    fn encoded(&self) -> Option<ImageError> {
        use ContentEncoding::{Other, Several, Zstd};
        let encoding = ContentEncoding::parse(self.content_encoding.as_deref()?);
        matches!(encoding, Zstd | Other | Several).then_some(ImageError::Encoded(encoding))
    }

    fn file_size(&self) -> Option<u64> {
        let told = if self.status == 206 {
            self.whole_of_part()
        } else {
            self.content_length.as_deref()
        };
        told?.trim().parse().ok().filter(|bytes| *bytes > 0)
    }

    /// How long the whole is of which this is the first part, or `*`, after RFC 9110, section 14.4.
    fn whole_of_part(&self) -> Option<&str> {
        let range = self.content_range.as_deref()?.trim();
        let (_, whole) = range.strip_prefix("bytes 0-")?.split_once('/')?;
        Some(whole)
    }

    fn resizer_code(&self) -> Option<u16> {
        let (_, code) = self.cf_resized.as_deref()?.split_once("err=")?;
        let digits = code.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    }

    fn error(&self, resizer_code: Option<u16>) -> OriginError {
        let kind = resizer_code
            .and_then(cause_of_code)
            .unwrap_or_else(|| cause_of_status(self.status));
        OriginError {
            kind,
            connection: None,
            origin_status: Some(self.status),
            resizer_code,
            retry_after_s: self
                .retry_after_s()
                .filter(|_| kind == ErrorKind::OriginOverloaded),
        }
    }

    /// Only the form in seconds is read; the other one, an HTTP date, is rare.
    fn retry_after_s(&self) -> Option<u32> {
        let seconds: u32 = self.retry_after.as_deref()?.trim().parse().ok()?;
        Some(seconds.clamp(1, MAX_RETRY_AFTER_S))
    }
}

/// The resizer's JSON.
fn parse(text: Option<&[u8]>) -> Result<ImageMetadata, ErrorKind> {
    let text = text.ok_or(ErrorKind::InvalidAnswer(InvalidAnswer::TooLong))?;
    let answer = json::parse(text).ok_or(ErrorKind::InvalidAnswer(InvalidAnswer::NotJson))?;
    let original = answer.get("original").unwrap_or(&Value::Null);
    let output = size(&answer, "width", "height");
    let displayed = match size(original, "width", "height") {
        Some(stored) => DisplayedSize::of(stored?, output.and_then(Result::ok)),
        None => DisplayedSize {
            dimensions: output
                .or_else(|| size(&answer, "naturalWidth", "naturalHeight"))
                .or_else(|| size(&answer, "originalWidth", "originalHeight"))
                .ok_or(ErrorKind::InvalidAnswer(InvalidAnswer::NoDimensions))??,
            is_certain: true,
        },
    };
    let format = original.get("format").or_else(|| answer.get("format"));
    Ok(ImageMetadata {
        dimensions: displayed.dimensions,
        format: format.and_then(Value::as_str).and_then(Format::parse),
        file_size: original
            .get("file_size")
            .and_then(Value::as_u64)
            .filter(|bytes| *bytes > 0),
        etag: None,
        traits: Traits::default(),
        confidence: confidence(displayed.is_certain).into(),
        source: "format-json".into(),
    })
}

/// The size that two members of an object give. `None` if the object has neither of them.
fn size(object: &Value, width: &str, height: &str) -> Option<Result<Dimensions, ErrorKind>> {
    let (width, height) = match (object.get(width), object.get(height)) {
        (None, None) => return None,
        (width, height) => (
            width.unwrap_or(&Value::Null),
            height.unwrap_or(&Value::Null),
        ),
    };
    let size = Dimensions::from_json(width, height);
    Some(size.ok_or(ErrorKind::InvalidAnswer(InvalidAnswer::BadDimensions)))
}

/// An object of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its beginning.
    pub prefix: BodyPrefix,
    /// In bytes; 0 if that is the size of encoded data.
    pub size: u64,
    /// Its entity tag, without quotes.
    pub etag: String,
}

impl Object {
    /// Reads the image that it is.
    ///
    /// # Errors
    /// Why it is none.
    pub fn metadata(&self) -> Result<ImageMetadata, OriginError> {
        let image = self.prefix.image().map_err(ErrorKind::ImageError)?;
        let is_etag = self.etag.len() <= MAX_ETAG_BYTES
            && self.etag.bytes().all(|byte| byte.is_ascii_graphic());
        Ok(ImageMetadata {
            file_size: Some(self.size).filter(|bytes| *bytes > 0),
            etag: (is_etag && !self.etag.is_empty()).then(|| self.etag.as_str().into()),
            ..image
        })
    }
}

/// `None` for a code whose meaning the HTTP status tells better.
fn cause_of_code(code: u16) -> Option<ErrorKind> {
    Some(match code {
        9401 | 9408 => ErrorKind::Forbidden,
        9402 | 9413 => ErrorKind::SourceTooLarge,
        9404 => ErrorKind::NotFound,
        9412 | 9520 => ErrorKind::NotAnImage,
        9407 => ErrorKind::OriginUnreachable,
        9420 | 9421 => ErrorKind::RedirectRefused,
        9422 | 9423 | 9522 | 9527 => ErrorKind::OriginOverloaded,
        9504 | 9505 | 9510 | 9529 => ErrorKind::OriginTimeout,
        9403 | 9509 => ErrorKind::OriginFailed,
        _ => return None,
    })
}

fn cause_of_status(status: u16) -> ErrorKind {
    match status {
        404 | 410 => ErrorKind::NotFound,
        401 | 403 => ErrorKind::Forbidden,
        413 => ErrorKind::SourceTooLarge,
        415 => ErrorKind::NotAnImage,
        429 | 503 => ErrorKind::OriginOverloaded,
        408 | 504 | 522 | 524 => ErrorKind::OriginTimeout,
        301 | 302 | 303 | 307 | 308 => ErrorKind::RedirectRefused,
        _ => ErrorKind::OriginFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::header::Limits;
    use crate::image::prefix::MAX_JSON_BYTES;

    fn replied(content_type: Option<&str>, body: &[u8]) -> OriginResponse {
        OriginResponse {
            status: 200,
            prefix: Some(BodyPrefix::whole(Limits::default(), content_type, body)),
            ..OriginResponse::default()
        }
    }

    fn answered(body: &str) -> Result<ImageMetadata, OriginError> {
        replied(Some("application/json"), body.as_bytes()).metadata()
    }

    fn refused(status: u16, cf_resized: Option<&str>, retry_after: Option<&str>) -> OriginError {
        OriginResponse {
            status,
            cf_resized: cf_resized.map(Into::into),
            retry_after: retry_after.map(Into::into),
            ..OriginResponse::default()
        }
        .metadata()
        .unwrap_err()
    }

    #[test]
    fn the_original_comes_before_the_resized_image() {
        let metadata = answered(
            r#"{"width":640,"height":360,"original":{"file_size":101031,"width":1280,"height":720,"format":"image/png"}}"#,
        )
        .unwrap();
        assert_eq!(metadata.dimensions, Dimensions::new(1280, 720).unwrap());
        assert_eq!(metadata.format, Some(Format::Png));
        assert_eq!(metadata.file_size, Some(101_031));
        assert_eq!(
            (&*metadata.confidence, &*metadata.source),
            ("high", "format-json")
        );
    }

    #[test]
    fn a_rotated_image_has_its_displayed_size() {
        let size_of = |body: &str| {
            let metadata = answered(body).unwrap();
            let dimensions = metadata.dimensions;
            let size = (dimensions.width(), dimensions.height());
            (size, metadata.confidence.into_owned())
        };
        let original = r#""original":{"width":400,"height":200,"format":"image/jpeg"}"#;
        for (output, size, confidence) in [
            (r#""width":200,"height":400"#, (200, 400), "high"),
            (r#""width":100,"height":200"#, (200, 400), "high"),
            (r#""width":400,"height":200"#, (400, 200), "high"),
            (r#""width":90,"height":90"#, (400, 200), "medium"),
            (r#""width":200"#, (400, 200), "medium"),
            (r#""width":0,"height":400"#, (400, 200), "medium"),
            (r#""width":"200","height":"400""#, (400, 200), "medium"),
            (
                r#""naturalWidth":200,"naturalHeight":400"#,
                (400, 200),
                "medium",
            ),
        ] {
            let body = format!("{{{output},{original}}}");
            assert_eq!(size_of(&body), (size, confidence.to_owned()), "{body}");
        }
        let alone = format!("{{{original}}}");
        assert_eq!(size_of(&alone), ((400, 200), "medium".to_owned()));
    }

    #[test]
    fn other_names_for_the_dimensions_are_read_in_order() {
        for body in [
            r#"{"width":3,"height":2,"naturalWidth":9,"naturalHeight":9}"#,
            r#"{"naturalWidth":3,"naturalHeight":2,"originalWidth":9,"originalHeight":9}"#,
            r#"{"original":{},"originalWidth":3,"originalHeight":2}"#,
        ] {
            let metadata = answered(body).unwrap();
            assert_eq!(
                metadata.dimensions,
                Dimensions::new(3, 2).unwrap(),
                "{body}"
            );
            assert_eq!((metadata.format, metadata.file_size), (None, None));
        }
    }

    #[test]
    fn a_size_is_never_guessed() {
        for (body, reason) in [
            ("", InvalidAnswer::NotJson),
            ("<!doctype html>", InvalidAnswer::NotJson),
            (r#"{"width":1,"#, InvalidAnswer::NotJson),
            ("{}", InvalidAnswer::NoDimensions),
            ("[]", InvalidAnswer::NoDimensions),
            ("null", InvalidAnswer::NoDimensions),
            (r#"{"original":"image"}"#, InvalidAnswer::NoDimensions),
            (r#"{"width":1}"#, InvalidAnswer::BadDimensions),
            (r#"{"width":0,"height":1}"#, InvalidAnswer::BadDimensions),
            (r#"{"width":-1,"height":1}"#, InvalidAnswer::BadDimensions),
            (r#"{"width":1.5,"height":1}"#, InvalidAnswer::BadDimensions),
            (r#"{"width":"1","height":1}"#, InvalidAnswer::BadDimensions),
            (
                r#"{"width":2147483648,"height":1}"#,
                InvalidAnswer::BadDimensions,
            ),
            (
                r#"{"width":1,"height":1,"original":{"width":0,"height":1}}"#,
                InvalidAnswer::BadDimensions,
            ),
        ] {
            let kind = answered(body).unwrap_err().kind;
            assert_eq!(kind, ErrorKind::InvalidAnswer(reason), "{body}");
        }
        let too_long = " ".repeat(MAX_JSON_BYTES + 1);
        assert_eq!(
            answered(&too_long).unwrap_err().kind,
            ErrorKind::InvalidAnswer(InvalidAnswer::TooLong)
        );
    }

    #[test]
    fn deep_nesting_is_refused_rather_than_followed() {
        let body = "[".repeat(MAX_JSON_BYTES);
        assert_eq!(
            answered(&body).unwrap_err().kind,
            ErrorKind::InvalidAnswer(InvalidAnswer::NotJson)
        );
    }

    /// Four by three pixels, and the pixels themselves left out.
    const GIF: &[u8] = b"GIF89a\x04\0\x03\0\0\0\0,\0\0\0\0\x04\0\x03\0\0\x02\0;";

    #[test]
    fn an_image_that_comes_instead_of_json_tells_of_itself() {
        for (content_type, content_length, file_size) in [
            (Some("image/gif"), Some("77"), Some(77)),
            (None, None, None),
            (Some("text/plain"), Some("0"), None),
            (Some("image/png"), Some("seven"), None),
        ] {
            let response = OriginResponse {
                content_length: content_length.map(Into::into),
                ..replied(content_type, GIF)
            };
            let image = response.metadata().unwrap();
            assert_eq!(image.dimensions, Dimensions::new(4, 3).unwrap());
            assert_eq!(image.format, Some(Format::Gif));
            assert_eq!(image.file_size, file_size);
            assert_eq!(
                (&*image.confidence, &*image.source),
                ("high", "image-header")
            );
        }
    }

    #[test]
    fn what_is_still_encoded_is_named() {
        for (encoding, reason) in [
            (Some("zstd"), ImageError::Encoded(ContentEncoding::Zstd)),
            (
                Some("gzip, br"),
                ImageError::Encoded(ContentEncoding::Several),
            ),
            (Some("br"), ImageError::Unknown),
            (Some("gzip"), ImageError::Unknown),
            (None, ImageError::Unknown),
        ] {
            let response = OriginResponse {
                content_encoding: encoding.map(Into::into),
                ..replied(None, b"\x28\xb5\x2f\xfd")
            };
            let error = response.metadata().unwrap_err();
            assert_eq!(error.kind, ErrorKind::ImageError(reason));
            let is_named = error.to_string().contains("Content-Encoding (");
            assert_eq!(is_named, reason != ImageError::Unknown);
            let decoded = OriginResponse {
                content_encoding: encoding.map(Into::into),
                ..replied(None, GIF)
            };
            assert!(decoded.metadata().is_ok());
        }
    }

    #[test]
    fn a_part_of_an_image_has_to_be_its_first() {
        for (content_range, file_size) in [
            (Some("bytes 0-25/1000"), Some(Some(1_000))),
            (Some("bytes 0-25/*"), Some(None)),
            (Some("bytes 5-25/1000"), None),
            (Some("pages 0-25/1000"), None),
            (Some("bytes */1000"), None),
            (None, None),
        ] {
            let part = OriginResponse {
                status: 206,
                content_length: Some("26".into()),
                content_range: content_range.map(Into::into),
                ..replied(None, GIF)
            };
            let told = part.metadata().map(|image| image.file_size);
            assert_eq!(told.ok(), file_size, "{content_range:?}");
        }
    }

    #[test]
    fn what_is_neither_json_nor_an_image_is_refused_with_the_reason() {
        for (body, reason) in [
            (&b""[..], ImageError::Empty),
            (b"<!doctype html><title>hello</title>", ImageError::Unknown),
            (b"hello", ImageError::Unknown),
            (b"[]", ImageError::Unknown),
            (b"GIF89a\x04\0\x03\0\0\0\0;", ImageError::Malformed),
            (GIF.get(..12).unwrap(), ImageError::Truncated),
        ] {
            let error = replied(None, body).metadata().unwrap_err();
            assert_eq!(error.kind, ErrorKind::ImageError(reason));
            assert!(error.allows_stale() && !error.is_worth_a_retry());
        }
        let json = replied(Some("text/html"), b" {").metadata().unwrap_err();
        assert_eq!(json.kind, ErrorKind::InvalidAnswer(InvalidAnswer::NotJson));
    }

    #[test]
    fn an_object_tells_its_size_and_entity_tag() {
        let object = |etag: &str| Object {
            prefix: BodyPrefix::whole(Limits::default(), None, GIF),
            size: 26,
            etag: etag.into(),
        };
        let image = object("0123abc").metadata().unwrap();
        assert_eq!(
            (image.file_size, image.etag.as_deref()),
            (Some(26), Some("0123abc"))
        );
        for odd in ["", "a b", "\"", &"e".repeat(65)] {
            let etag = object(odd).metadata().unwrap().etag;
            assert_eq!(etag.is_some(), odd == "\"", "{odd}");
        }
    }

    #[test]
    fn statuses_and_resizer_codes_have_their_causes() {
        for (status, code, kind) in [
            (404, None, ErrorKind::NotFound),
            (410, None, ErrorKind::NotFound),
            (401, None, ErrorKind::Forbidden),
            (403, None, ErrorKind::Forbidden),
            (400, None, ErrorKind::OriginFailed),
            (500, None, ErrorKind::OriginFailed),
            (502, None, ErrorKind::OriginFailed),
            (503, None, ErrorKind::OriginOverloaded),
            (429, None, ErrorKind::OriginOverloaded),
            (504, None, ErrorKind::OriginTimeout),
            (206, None, ErrorKind::OriginFailed),
            (300, None, ErrorKind::OriginFailed),
            (304, None, ErrorKind::OriginFailed),
            (302, None, ErrorKind::RedirectRefused),
            (403, Some(9401), ErrorKind::Forbidden),
            (502, Some(9402), ErrorKind::SourceTooLarge),
            (404, Some(9404), ErrorKind::NotFound),
            (408, Some(9408), ErrorKind::Forbidden),
            (415, Some(9412), ErrorKind::NotAnImage),
            (403, Some(9413), ErrorKind::SourceTooLarge),
            (429, Some(9422), ErrorKind::OriginOverloaded),
            (522, Some(9504), ErrorKind::OriginTimeout),
            (415, Some(9520), ErrorKind::NotAnImage),
            (200, Some(9404), ErrorKind::NotFound),
            (502, Some(9999), ErrorKind::OriginFailed),
        ] {
            let header = code.map(|code| format!("err={code}"));
            let error = refused(status, header.as_deref(), None);
            assert_eq!(error.kind, kind, "{status} {code:?}");
            assert_eq!(error.resizer_code, code);
            assert_eq!(error.origin_status, Some(status));
        }
        assert_eq!(
            refused(502, Some("internal=ok/- err=x"), None).resizer_code,
            None
        );
        assert_eq!(refused(502, Some("err=99999999"), None).resizer_code, None);
    }

    #[test]
    fn retry_after_is_carried_over_and_capped() {
        assert_eq!(refused(503, None, Some("7")).retry_after_s, Some(7));
        assert_eq!(
            refused(429, None, Some("999999")).retry_after_s,
            Some(3_600)
        );
        assert_eq!(refused(429, None, Some("0")).retry_after_s, Some(1));
        assert_eq!(refused(503, None, Some("soon")).retry_after_s, None);
        assert_eq!(refused(500, None, Some("7")).retry_after_s, None);
    }

    #[test]
    fn a_failed_connection_of_the_proxy_in_front_has_its_reason() {
        for (status, reason) in [
            (520, Some("broken")),
            (521, Some("refused")),
            (522, Some("timeout")),
            (523, Some("refused")),
            (524, Some("timeout")),
            (525, Some("tls")),
            (526, Some("tls")),
            (530, Some("dns")),
            (504, Some("timeout")),
            (500, None),
            (404, None),
        ] {
            assert_eq!(refused(status, None, None).reason(), reason, "{status}");
        }
    }

    #[test]
    fn only_passing_faults_are_worth_a_retry() {
        for status in [502, 503, 504] {
            assert!(refused(status, None, None).is_worth_a_retry(), "{status}");
        }
        for status in [400, 403, 404, 429, 500, 522] {
            assert!(!refused(status, None, None).is_worth_a_retry(), "{status}");
        }
        assert!(!refused(503, None, Some("30")).is_worth_a_retry());
        assert!(!refused(502, Some("err=9402"), None).is_worth_a_retry());
        assert!(OriginError::from(ErrorKind::OriginUnreachable).is_worth_a_retry());
        assert!(!answered("{}").unwrap_err().is_worth_a_retry());
    }
}
