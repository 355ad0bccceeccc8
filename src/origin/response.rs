//! Reads image metadata from a response of L3: of the origin over HTTP, or of an R2 bucket.
//!
//! Requests to the origin ask for `format=json`. An origin without image resizing returns the image itself, as the
//! resizer does in some cases. Then the metadata is read from the image's header. The resizer's JSON and error codes
//! are documented at <https://developers.cloudflare.com/images/reference/troubleshooting/>.

use serde_json::Value;

use crate::image::content_encoding::ContentEncoding;
use crate::image::displayed_size::DisplayedSize;
use crate::image::header::ImageError;
use crate::image::metadata::{Dimensions, Format, ImageMetadata, Traits, confidence};
use crate::image::placeholder::Placeholders;
use crate::image::prefix::BodyPrefix;
use crate::origin::content_range::ContentRange;
use crate::origin::endpoint::Probe;
use crate::origin::error::{ErrorKind, InvalidResponse, OriginError};
use crate::origin::resizer_code::kind_of_resizer_code;
use crate::origin::s3_error::S3ErrorCode;
use crate::text::json;

/// The maximum `Retry-After` that is passed on, in seconds.
const MAX_RETRY_AFTER_S: u32 = 3_600;

/// The maximum length of an entity tag that is stored, in bytes. Those of R2 and S3 have 32.
const MAX_ETAG_BYTES: usize = 64;

/// An HTTP response of the origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OriginResponse {
    /// The HTTP status.
    pub status: u16,
    /// The `Cf-Resized` header.
    pub cf_resized: Option<String>,
    /// The `Retry-After` header.
    pub retry_after: Option<String>,
    /// The `Content-Length` header. `None` if there is a `Content-Encoding`: it is not the length of the decoded body
    /// then.
    pub content_length: Option<String>,
    /// The `Content-Range` header.
    pub content_range: Option<String>,
    /// The `Content-Encoding` header. The runtime decodes only `gzip` and `br`, and has already done so.
    pub content_encoding: Option<String>,
    /// The `ETag` header of a file, if no resizer was asked.
    pub etag: Option<String>,
    /// The `Last-Modified` header of a file, if no resizer was asked.
    pub last_modified: Option<String>,
    /// The error code in the body of an S3 server.
    pub s3_error: Option<S3ErrorCode>,
    /// The beginning of the body. `None` if it was not read because of the status.
    pub prefix: Option<BodyPrefix>,
}

impl OriginResponse {
    /// Returns `true` if a response with `status` can have an image or JSON in its body: all of it, or the first part.
    #[must_use]
    pub fn has_body(status: u16) -> bool {
        matches!(status, 200 | 206)
    }

    /// Reads the metadata from the response.
    ///
    /// In JSON, the dimensions are those of `original`, the image before resizing. The sides are swapped if the top
    /// level shows that the image is [displayed](DisplayedSize) that way. Without `original`, they may be named
    /// `width`/`height`, `naturalWidth`/`naturalHeight` or `originalWidth`/`originalHeight`. The first pair that is
    /// present is used, even if it is malformed.
    ///
    /// # Errors
    /// If the status or the resizer's error code is an error, or the body is neither valid metadata nor a readable
    /// image, or is not what `probe` accepts.
    pub fn metadata(&self, probe: Probe) -> Result<ImageMetadata, OriginError> {
        let resizer_code = self.resizer_code();
        let is_partial = self.status == 206;
        let prefix = match &self.prefix {
            Some(prefix)
                if resizer_code.is_none() && (!is_partial || self.complete_length().is_some()) =>
            {
                prefix
            }
            _ => return Err(self.error(resizer_code)),
        };
        // A JSON file of the origin is not the resizer's response.
        let read = match prefix.json().filter(|_| probe.uses_resizer()) {
            Some(text) => parse(text),
            None if probe == Probe::Resizer => {
                Err(ErrorKind::InvalidResponse(InvalidResponse::NotResized))
            }
            None => prefix
                .image()
                .map_err(|reason| {
                    ErrorKind::UnreadableImage(self.encoding_error().unwrap_or(reason))
                })
                .map(|image| ImageMetadata {
                    file_size: self.file_size(),
                    etag: self.file_etag(),
                    ..image
                }),
        };
        read.map_err(|kind| OriginError {
            origin_status: Some(self.status),
            ..kind.into()
        })
    }

    /// Returns the error of a response that should be a picture, by its status and the resizer's error code. `None` if it has
    /// neither.
    #[must_use]
    pub fn picture_error(&self) -> Option<OriginError> {
        let resizer_code = self.resizer_code();
        let is_error = self.status != 200 || resizer_code.is_some();
        is_error.then(|| self.error(resizer_code))
    }

    /// Returns the reason why the image cannot be read if the body is still encoded.
    fn encoding_error(&self) -> Option<ImageError> {
        use ContentEncoding::{Other, Several, Zstd};
        let encoding = ContentEncoding::parse(self.content_encoding.as_deref()?);
        matches!(encoding, Zstd | Other | Several).then_some(ImageError::Encoded(encoding))
    }

    fn file_size(&self) -> Option<u64> {
        let length = if self.status == 206 {
            self.complete_length()
        } else {
            self.content_length.as_deref()
        };
        length?.trim().parse().ok().filter(|bytes| *bytes > 0)
    }

    /// Returns the entity tag of the file. That of encoded data is another one.
    fn file_etag(&self) -> Option<Box<str>> {
        let encoding = self.content_encoding.as_deref().unwrap_or_default();
        let is_file = ContentEncoding::parse(encoding) == ContentEncoding::Identity;
        self.etag
            .as_deref()
            .filter(|_| is_file)
            .and_then(strong_etag)
    }

    /// Returns the complete length (a number, or `*` if it is unknown) from the `Content-Range` of a first part.
    fn complete_length(&self) -> Option<&str> {
        let range = ContentRange::parse(self.content_range.as_deref()?)?;
        (range.first == 0).then_some(range.length)
    }

    fn resizer_code(&self) -> Option<u16> {
        let (_, code) = self.cf_resized.as_deref()?.split_once("err=")?;
        let digits = code.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    }

    fn error(&self, resizer_code: Option<u16>) -> OriginError {
        let kind = resizer_code
            .and_then(kind_of_resizer_code)
            .or_else(|| self.s3_error.map(S3ErrorCode::kind))
            .unwrap_or_else(|| kind_of_status(self.status));
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

    /// Reads `Retry-After` in seconds. Its other form, an HTTP date, is rare and is ignored.
    fn retry_after_s(&self) -> Option<u32> {
        let seconds: u32 = self.retry_after.as_deref()?.trim().parse().ok()?;
        Some(seconds.clamp(1, MAX_RETRY_AFTER_S))
    }
}

/// Reads the resizer's JSON. `text` is `None` if the JSON is too long.
fn parse(text: Option<&[u8]>) -> Result<ImageMetadata, ErrorKind> {
    let text = text.ok_or(ErrorKind::InvalidResponse(InvalidResponse::TooLong))?;
    let response = json::parse(text).ok_or(ErrorKind::InvalidResponse(InvalidResponse::NotJson))?;
    let original = response.get("original").unwrap_or(&Value::Null);
    let output = size(&response, "width", "height");
    let displayed = match size(original, "width", "height") {
        Some(stored) => DisplayedSize::of(stored?, output.and_then(Result::ok)),
        None => DisplayedSize {
            dimensions: output
                .or_else(|| size(&response, "naturalWidth", "naturalHeight"))
                .or_else(|| size(&response, "originalWidth", "originalHeight"))
                .ok_or(ErrorKind::InvalidResponse(InvalidResponse::NoDimensions))??,
            is_certain: true,
        },
    };
    let format = original.get("format").or_else(|| response.get("format"));
    Ok(ImageMetadata {
        dimensions: displayed.dimensions,
        format: format.and_then(Value::as_str).and_then(Format::parse),
        file_size: original
            .get("file_size")
            .and_then(Value::as_u64)
            .filter(|bytes| *bytes > 0),
        etag: None,
        traits: Traits::default(),
        placeholders: Placeholders::default(),
        confidence: confidence(displayed.is_certain).into(),
        source: "format-json".into(),
    })
}

/// Reads a size from two members of an object. Returns `None` if the object has neither of them.
fn size(object: &Value, width: &str, height: &str) -> Option<Result<Dimensions, ErrorKind>> {
    let (width, height) = match (object.get(width), object.get(height)) {
        (None, None) => return None,
        (width, height) => (
            width.unwrap_or(&Value::Null),
            height.unwrap_or(&Value::Null),
        ),
    };
    let size = Dimensions::from_json(width, height);
    Some(size.ok_or(ErrorKind::InvalidResponse(InvalidResponse::BadDimensions)))
}

/// An object of an R2 bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The beginning of the object.
    pub prefix: BodyPrefix,
    /// The size in bytes, or 0 if that is the size of encoded data.
    pub size: u64,
    /// The entity tag, without quotes.
    pub etag: String,
}

impl Object {
    /// Reads the metadata of the image.
    ///
    /// # Errors
    /// If the object cannot be read as an image.
    pub fn metadata(&self) -> Result<ImageMetadata, OriginError> {
        let image = self.prefix.image().map_err(ErrorKind::UnreadableImage)?;
        Ok(ImageMetadata {
            file_size: Some(self.size).filter(|bytes| *bytes > 0),
            etag: stored_etag(&self.etag),
            ..image
        })
    }
}

/// Returns the value of a strong entity tag, without its quotes (RFC 9110, section 8.8.3).
fn strong_etag(etag: &str) -> Option<Box<str>> {
    stored_etag(etag.strip_prefix('"')?.strip_suffix('"')?)
}

/// Returns an entity tag if it can be stored.
fn stored_etag(etag: &str) -> Option<Box<str>> {
    let is_valid = (1..=MAX_ETAG_BYTES).contains(&etag.len())
        && etag.bytes().all(|byte| byte.is_ascii_graphic());
    is_valid.then(|| etag.into())
}

fn kind_of_status(status: u16) -> ErrorKind {
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

    fn response_with(content_type: Option<&str>, body: &[u8]) -> OriginResponse {
        OriginResponse {
            status: 200,
            prefix: Some(BodyPrefix::whole(Limits::default(), content_type, body)),
            ..OriginResponse::default()
        }
    }

    fn read_json(body: &str) -> Result<ImageMetadata, OriginError> {
        response_with(Some("application/json"), body.as_bytes()).metadata(Probe::Auto)
    }

    fn error_of(status: u16, cf_resized: Option<&str>, retry_after: Option<&str>) -> OriginError {
        OriginResponse {
            status,
            cf_resized: cf_resized.map(Into::into),
            retry_after: retry_after.map(Into::into),
            ..OriginResponse::default()
        }
        .metadata(Probe::Auto)
        .unwrap_err()
    }

    #[test]
    fn the_original_takes_precedence_over_the_resized_image() {
        let metadata = read_json(
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
            let metadata = read_json(body).unwrap();
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
            let metadata = read_json(body).unwrap();
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
            ("", InvalidResponse::NotJson),
            ("<!doctype html>", InvalidResponse::NotJson),
            (r#"{"width":1,"#, InvalidResponse::NotJson),
            ("{}", InvalidResponse::NoDimensions),
            ("[]", InvalidResponse::NoDimensions),
            ("null", InvalidResponse::NoDimensions),
            (r#"{"original":"image"}"#, InvalidResponse::NoDimensions),
            (r#"{"width":1}"#, InvalidResponse::BadDimensions),
            (r#"{"width":0,"height":1}"#, InvalidResponse::BadDimensions),
            (r#"{"width":-1,"height":1}"#, InvalidResponse::BadDimensions),
            (
                r#"{"width":1.5,"height":1}"#,
                InvalidResponse::BadDimensions,
            ),
            (
                r#"{"width":"1","height":1}"#,
                InvalidResponse::BadDimensions,
            ),
            (
                r#"{"width":2147483648,"height":1}"#,
                InvalidResponse::BadDimensions,
            ),
            (
                r#"{"width":1,"height":1,"original":{"width":0,"height":1}}"#,
                InvalidResponse::BadDimensions,
            ),
        ] {
            let kind = read_json(body).unwrap_err().kind;
            assert_eq!(kind, ErrorKind::InvalidResponse(reason), "{body}");
        }
        let too_long = " ".repeat(MAX_JSON_BYTES + 1);
        assert_eq!(
            read_json(&too_long).unwrap_err().kind,
            ErrorKind::InvalidResponse(InvalidResponse::TooLong)
        );
    }

    #[test]
    fn deeply_nested_json_is_refused() {
        let body = "[".repeat(MAX_JSON_BYTES);
        assert_eq!(
            read_json(&body).unwrap_err().kind,
            ErrorKind::InvalidResponse(InvalidResponse::NotJson)
        );
    }

    /// A GIF of four by three pixels, without its pixel data.
    const GIF: &[u8] = b"GIF89a\x04\0\x03\0\0\0\0,\0\0\0\0\x04\0\x03\0\0\x02\0;";

    #[test]
    fn the_metadata_is_read_from_an_image_that_is_returned_instead_of_json() {
        for (content_type, content_length, file_size) in [
            (Some("image/gif"), Some("77"), Some(77)),
            (None, None, None),
            (Some("text/plain"), Some("0"), None),
            (Some("image/png"), Some("seven"), None),
        ] {
            let response = OriginResponse {
                content_length: content_length.map(Into::into),
                ..response_with(content_type, GIF)
            };
            let image = response.metadata(Probe::Auto).unwrap();
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
    fn the_error_for_an_encoded_image_names_the_encoding() {
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
                ..response_with(None, b"\x28\xb5\x2f\xfd")
            };
            let error = response.metadata(Probe::Auto).unwrap_err();
            assert_eq!(error.kind, ErrorKind::UnreadableImage(reason));
            let is_named = error.to_string().contains("Content-Encoding: ");
            assert_eq!(is_named, reason != ImageError::Unknown);
            let decoded = OriginResponse {
                content_encoding: encoding.map(Into::into),
                ..response_with(None, GIF)
            };
            assert!(decoded.metadata(Probe::Auto).is_ok());
        }
    }

    #[test]
    fn each_probe_accepts_what_it_asks_for() {
        let json = response_with(Some("application/json"), br#"{"width":4,"height":3}"#);
        let image = response_with(None, GIF);
        let kinds = |response: &OriginResponse| {
            [Probe::Auto, Probe::Resizer, Probe::Header]
                .map(|probe| response.metadata(probe).map_err(|error| error.kind).err())
        };
        let not_resized = ErrorKind::InvalidResponse(InvalidResponse::NotResized);
        let unknown = ErrorKind::UnreadableImage(ImageError::Unknown);
        assert_eq!(kinds(&json), [None, None, Some(unknown)]);
        assert_eq!(kinds(&image), [None, Some(not_resized), None]);
    }

    #[test]
    fn the_etag_of_a_file_is_a_strong_one_of_data_that_are_not_encoded() {
        for (etag, encoding, expected) in [
            ("\"a\"", None, Some("a")),
            ("\"a\"", Some("aws-chunked"), Some("a")),
            ("\"a\"", Some("gzip"), None),
            ("W/\"a\"", None, None),
            ("a", None, None),
        ] {
            let response = OriginResponse {
                etag: Some(etag.into()),
                content_encoding: encoding.map(Into::into),
                ..response_with(None, GIF)
            };
            let image = response.metadata(Probe::Header).unwrap();
            assert_eq!(image.etag.as_deref(), expected, "{etag} {encoding:?}");
        }
    }

    #[test]
    fn a_partial_response_must_begin_at_the_first_byte() {
        for (content_range, file_size) in [
            (Some("bytes 0-25/1000"), Some(Some(1_000))),
            (Some("bytes 0-25/*"), Some(None)),
            (Some("bytes 5-25/1000"), None),
            (Some("pages 0-25/1000"), None),
            (Some("bytes */1000"), None),
            (None, None),
        ] {
            let partial = OriginResponse {
                status: 206,
                content_length: Some("26".into()),
                content_range: content_range.map(Into::into),
                ..response_with(None, GIF)
            };
            let read = partial.metadata(Probe::Auto).map(|image| image.file_size);
            assert_eq!(read.ok(), file_size, "{content_range:?}");
        }
    }

    #[test]
    fn a_body_that_is_neither_json_nor_an_image_is_refused_with_the_reason() {
        for (body, reason) in [
            (&b""[..], ImageError::Empty),
            (b"<!doctype html><title>hello</title>", ImageError::Unknown),
            (b"hello", ImageError::Unknown),
            (b"[]", ImageError::Unknown),
            (b"GIF89a\x04\0\x03\0\0\0\0;", ImageError::Malformed),
            (GIF.get(..12).unwrap(), ImageError::Truncated),
        ] {
            let error = response_with(None, body).metadata(Probe::Auto).unwrap_err();
            assert_eq!(error.kind, ErrorKind::UnreadableImage(reason));
            assert!(error.allows_stale() && !error.is_worth_a_retry());
        }
        let json = response_with(Some("text/html"), b" {")
            .metadata(Probe::Auto)
            .unwrap_err();
        assert_eq!(
            json.kind,
            ErrorKind::InvalidResponse(InvalidResponse::NotJson)
        );
    }

    #[test]
    fn an_object_provides_the_file_size_and_entity_tag() {
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
        for etag in ["", "a b", "\"", &"e".repeat(65)] {
            let read = object(etag).metadata().unwrap().etag;
            assert_eq!(read.is_some(), etag == "\"", "{etag}");
        }
    }

    #[test]
    fn statuses_and_resizer_codes_are_mapped_to_error_kinds() {
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
            let error = error_of(status, header.as_deref(), None);
            assert_eq!(error.kind, kind, "{status} {code:?}");
            assert_eq!(error.resizer_code, code);
            assert_eq!(error.origin_status, Some(status));
        }
        assert_eq!(
            error_of(502, Some("internal=ok/- err=x"), None).resizer_code,
            None
        );
        assert_eq!(error_of(502, Some("err=99999999"), None).resizer_code, None);
    }

    #[test]
    fn retry_after_is_passed_on_up_to_a_maximum() {
        assert_eq!(error_of(503, None, Some("7")).retry_after_s, Some(7));
        assert_eq!(
            error_of(429, None, Some("999999")).retry_after_s,
            Some(3_600)
        );
        assert_eq!(error_of(429, None, Some("0")).retry_after_s, Some(1));
        assert_eq!(error_of(503, None, Some("soon")).retry_after_s, None);
        assert_eq!(error_of(500, None, Some("7")).retry_after_s, None);
    }

    #[test]
    fn a_connection_failure_reported_by_the_proxy_has_a_reason() {
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
            assert_eq!(error_of(status, None, None).reason(), reason, "{status}");
        }
    }

    #[test]
    fn only_temporary_failures_are_worth_a_retry() {
        for status in [502, 503, 504] {
            assert!(error_of(status, None, None).is_worth_a_retry(), "{status}");
        }
        for status in [400, 403, 404, 429, 500, 522] {
            assert!(!error_of(status, None, None).is_worth_a_retry(), "{status}");
        }
        assert!(!error_of(503, None, Some("30")).is_worth_a_retry());
        assert!(!error_of(502, Some("err=9402"), None).is_worth_a_retry());
        assert!(OriginError::from(ErrorKind::OriginUnreachable).is_worth_a_retry());
        assert!(!read_json("{}").unwrap_err().is_worth_a_retry());
    }
}
