//! L3's answer: what the origin says to a `format=json` request, as metadata or as a failure.
//!
//! Shapes and codes are those of Cloudflare's image resizing
//! (<https://developers.cloudflare.com/images/reference/troubleshooting/>).

use serde_json::Value;

use crate::failure::{Cause, Failure, InvalidAnswer};
use crate::json;
use crate::metadata::{Dimensions, Format, ImageMetadata};

/// Longest answer that is read, in bytes. Real ones have about a hundred.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Longest `Retry-After` that is passed on, in seconds.
const MAX_RETRY_AFTER_S: u32 = 3_600;

/// One HTTP answer of the origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The `Cf-Resized` header.
    pub cf_resized: Option<String>,
    /// The `Retry-After` header.
    pub retry_after: Option<String>,
    /// `None` where it is longer than [`MAX_ANSWER_BYTES`], or was not read because of its status.
    pub body: Option<Vec<u8>>,
}

impl Reply {
    /// Whether the body is of use for an answer with `status`.
    #[must_use]
    pub fn has_body(status: u16) -> bool {
        status == 200
    }

    /// Reads the answer.
    ///
    /// The dimensions are those of `original`, the image before resizing; an answer that has none
    /// may name them `width`/`height`, `naturalWidth`/`naturalHeight` or
    /// `originalWidth`/`originalHeight`. The first pair that is there counts, also where it is
    /// malformed.
    ///
    /// # Errors
    /// What the status, the resizer's error code or a malformed body stands for.
    pub fn metadata(&self) -> Result<ImageMetadata, Failure> {
        let resizer_code = self.resizer_code();
        if self.status != 200 || resizer_code.is_some() {
            return Err(self.failure(resizer_code));
        }
        self.parse().map_err(|cause| Failure {
            origin_status: Some(self.status),
            ..cause.into()
        })
    }

    fn parse(&self) -> Result<ImageMetadata, Cause> {
        let body = self
            .body
            .as_deref()
            .ok_or(Cause::InvalidAnswer(InvalidAnswer::TooLong))?;
        let answer = json::parse(body).ok_or(Cause::InvalidAnswer(InvalidAnswer::NotJson))?;
        let original = answer.get("original").unwrap_or(&Value::Null);
        let pairs = [
            (original, "width", "height"),
            (&answer, "width", "height"),
            (&answer, "naturalWidth", "naturalHeight"),
            (&answer, "originalWidth", "originalHeight"),
        ];
        let (width, height) = pairs
            .into_iter()
            .map(|(object, width, height)| (object.get(width), object.get(height)))
            .find(|pair| !matches!(pair, (None, None)))
            .ok_or(Cause::InvalidAnswer(InvalidAnswer::NoDimensions))?;
        let dimensions = Dimensions::from_json(
            width.unwrap_or(&Value::Null),
            height.unwrap_or(&Value::Null),
        )
        .ok_or(Cause::InvalidAnswer(InvalidAnswer::BadDimensions))?;
        let format = original.get("format").or_else(|| answer.get("format"));
        Ok(ImageMetadata {
            dimensions,
            format: format.and_then(Value::as_str).and_then(Format::parse),
            file_size: original
                .get("file_size")
                .and_then(Value::as_u64)
                .filter(|bytes| *bytes > 0),
            confidence: "high".into(),
            source: "format-json".into(),
        })
    }

    fn resizer_code(&self) -> Option<u16> {
        let (_, code) = self.cf_resized.as_deref()?.split_once("err=")?;
        let digits = code.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    }

    fn failure(&self, resizer_code: Option<u16>) -> Failure {
        let cause = resizer_code
            .and_then(cause_of_code)
            .unwrap_or_else(|| cause_of_status(self.status));
        Failure {
            cause,
            origin_status: Some(self.status),
            resizer_code,
            retry_after_s: self
                .retry_after_s()
                .filter(|_| cause == Cause::OriginOverloaded),
        }
    }

    /// Only the form in seconds is read; the other one, an HTTP date, is rare.
    fn retry_after_s(&self) -> Option<u32> {
        let seconds: u32 = self.retry_after.as_deref()?.trim().parse().ok()?;
        Some(seconds.clamp(1, MAX_RETRY_AFTER_S))
    }
}

/// `None` for a code whose meaning the HTTP status tells better.
fn cause_of_code(code: u16) -> Option<Cause> {
    Some(match code {
        9401 | 9408 => Cause::Forbidden,
        9402 | 9413 => Cause::SourceTooLarge,
        9404 => Cause::NotFound,
        9412 | 9520 => Cause::NotAnImage,
        9407 => Cause::OriginUnreachable,
        9420 | 9421 => Cause::RedirectRefused,
        9422 | 9423 | 9522 | 9527 => Cause::OriginOverloaded,
        9504 | 9505 | 9510 | 9529 => Cause::OriginTimeout,
        9403 | 9509 => Cause::OriginError,
        _ => return None,
    })
}

fn cause_of_status(status: u16) -> Cause {
    match status {
        404 | 410 => Cause::NotFound,
        401 | 403 => Cause::Forbidden,
        413 => Cause::SourceTooLarge,
        415 => Cause::NotAnImage,
        429 | 503 => Cause::OriginOverloaded,
        408 | 504 | 522 | 524 => Cause::OriginTimeout,
        300..=399 => Cause::RedirectRefused,
        _ => Cause::OriginError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(body: &str) -> Result<ImageMetadata, Failure> {
        Reply {
            status: 200,
            body: Some(body.into()),
            ..Reply::default()
        }
        .metadata()
    }

    fn refused(status: u16, cf_resized: Option<&str>, retry_after: Option<&str>) -> Failure {
        Reply {
            status,
            cf_resized: cf_resized.map(Into::into),
            retry_after: retry_after.map(Into::into),
            body: None,
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
            let cause = answered(body).unwrap_err().cause;
            assert_eq!(cause, Cause::InvalidAnswer(reason), "{body}");
        }
        let unread = Reply {
            status: 200,
            ..Reply::default()
        };
        assert_eq!(
            unread.metadata().unwrap_err().cause,
            Cause::InvalidAnswer(InvalidAnswer::TooLong)
        );
    }

    #[test]
    fn deep_nesting_is_refused_rather_than_followed() {
        let body = "[".repeat(MAX_ANSWER_BYTES);
        assert_eq!(
            answered(&body).unwrap_err().cause,
            Cause::InvalidAnswer(InvalidAnswer::NotJson)
        );
    }

    #[test]
    fn statuses_and_resizer_codes_have_their_causes() {
        for (status, code, cause) in [
            (404, None, Cause::NotFound),
            (410, None, Cause::NotFound),
            (401, None, Cause::Forbidden),
            (403, None, Cause::Forbidden),
            (400, None, Cause::OriginError),
            (500, None, Cause::OriginError),
            (502, None, Cause::OriginError),
            (503, None, Cause::OriginOverloaded),
            (429, None, Cause::OriginOverloaded),
            (504, None, Cause::OriginTimeout),
            (206, None, Cause::OriginError),
            (403, Some(9401), Cause::Forbidden),
            (502, Some(9402), Cause::SourceTooLarge),
            (404, Some(9404), Cause::NotFound),
            (408, Some(9408), Cause::Forbidden),
            (415, Some(9412), Cause::NotAnImage),
            (403, Some(9413), Cause::SourceTooLarge),
            (429, Some(9422), Cause::OriginOverloaded),
            (522, Some(9504), Cause::OriginTimeout),
            (415, Some(9520), Cause::NotAnImage),
            (200, Some(9404), Cause::NotFound),
            (502, Some(9999), Cause::OriginError),
        ] {
            let header = code.map(|code| format!("err={code}"));
            let failure = refused(status, header.as_deref(), None);
            assert_eq!(failure.cause, cause, "{status} {code:?}");
            assert_eq!(failure.resizer_code, code);
            assert_eq!(failure.origin_status, Some(status));
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
    fn only_passing_faults_are_worth_a_retry() {
        for status in [502, 503, 504] {
            assert!(refused(status, None, None).is_worth_a_retry(), "{status}");
        }
        for status in [400, 403, 404, 429, 500, 522] {
            assert!(!refused(status, None, None).is_worth_a_retry(), "{status}");
        }
        assert!(!refused(503, None, Some("30")).is_worth_a_retry());
        assert!(!refused(502, Some("err=9402"), None).is_worth_a_retry());
        assert!(Failure::from(Cause::OriginUnreachable).is_worth_a_retry());
        assert!(!answered("{}").unwrap_err().is_worth_a_retry());
    }
}
