//! Errors as `application/problem+json` (RFC 9457).

use std::borrow::Cow;

use serde::Serialize;

use super::cache_status;
use super::headers::Headers;
use super::problem_code::ProblemCode;
use super::response::{Body, Response};
use super::server_timing;
use crate::config::ConfigError;
use crate::crop::params::{FieldError, ParameterError};
use crate::lookup::LookupError;
use crate::origin::error::ErrorKind;
use crate::path::PathError;
use crate::text::sanitize;

/// When to try again after a 503 whose cause names no time, in seconds.
const DEFAULT_RETRY_AFTER_S: u32 = 5;

/// When to try a purge again that KV refused, in seconds: it takes one write a second for a key.
const PURGE_RETRY_AFTER_S: &str = "1";

/// An error, in the words of HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its status, published name and title.
    pub code: ProblemCode,
    /// One sentence that says what to do.
    pub detail: Cow<'static, str>,
    /// What caches and clients go by, beside the document.
    pub headers: Headers,
    /// What the layers said, where it is their problem.
    pub error: Option<Box<LookupError>>,
}

/// The published form of a problem.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<Cow<'a, str>>,
    code: &'a str,
}

impl Problem {
    /// The answer to a request for `path`.
    #[must_use]
    pub fn response(mut self, path: &str) -> Response {
        let headers = std::mem::take(&mut self.headers);
        let document = Document {
            instance: Some(sanitize::encoded(path)),
            ..self.document()
        };
        // A struct of numbers and strings always has a JSON form.
        let body = serde_json::to_string(&document).unwrap_or_default();
        let mut response = Response::new(self.code.status(), Body::Text(body));
        response.headers = headers;
        if response.headers.get("Cache-Control").is_none() {
            response = response.with("Cache-Control", "no-store");
        }
        response.with("Content-Type", "application/problem+json")
    }

    /// The problem itself, for where no request of its own stands behind it.
    pub(super) fn document(&self) -> Document<'_> {
        Document {
            r#type: format!("urn:optimized-metadata:problem:{}", self.code.name()),
            title: self.code.title(),
            status: self.code.status(),
            detail: &self.detail,
            instance: None,
            code: self.code.name(),
        }
    }

    fn new(code: ProblemCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            headers: Headers::default(),
            error: None,
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.add(name, value);
        self
    }

    /// There is nothing at this path of the service.
    pub(super) fn no_route() -> Self {
        Self::new(
            ProblemCode::NoRoute,
            "There is nothing here; ask for /metadata/ and the path of an image.",
        )
    }

    /// The route does not take this method.
    pub(super) fn method_not_allowed(allowed: &'static str) -> Self {
        Self::new(
            ProblemCode::MethodNotAllowed,
            format!("This path does not take that method; use {allowed}."),
        )
        .with("Allow", allowed)
    }

    /// An admin request without a token.
    pub(super) fn unauthorized() -> Self {
        Self::new(
            ProblemCode::Unauthorized,
            "This needs the admin token; send it as 'Authorization: Bearer …'.",
        )
        .with("WWW-Authenticate", "Bearer")
    }

    /// An admin request with a token that is not the right one.
    pub(super) fn wrong_token() -> Self {
        Self::new(
            ProblemCode::Forbidden,
            "This is not the admin token; check the secret ADMIN_TOKEN.",
        )
    }

    /// KV still holds what was to be purged.
    pub(super) fn purge_failed() -> Self {
        Self::new(
            ProblemCode::PurgeFailed,
            "KV did not delete the record; try again in a moment.",
        )
        .with("Retry-After", PURGE_RETRY_AFTER_S)
    }

    /// The parameters of a call are no object.
    #[must_use]
    pub fn invalid_parameters() -> Self {
        Self::invalid_parameter("The parameters must be an object, as in { aspect: \"16:9\" }.")
    }

    fn invalid_parameter(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ProblemCode::InvalidParameter, detail)
    }

    /// The body of a batch cannot be understood.
    pub(super) fn invalid_batch(detail: &'static str) -> Self {
        Self::new(ProblemCode::InvalidBatch, detail)
    }

    /// The body of a request did not arrive in time.
    pub(super) fn request_timeout(limit_s: u64) -> Self {
        Self::new(
            ProblemCode::RequestTimeout,
            format!(
                "The body did not arrive within {limit_s} seconds; send the request again, all of it at once."
            ),
        )
    }

    /// The isolate receives as many bodies as it may.
    pub(super) fn too_many_bodies() -> Self {
        Self::new(
            ProblemCode::Overloaded,
            "Too many request bodies are being received; try again in a few seconds.",
        )
        .with("Retry-After", DEFAULT_RETRY_AFTER_S.to_string())
    }

    /// A batch asks for more than one request may.
    pub(super) fn batch_too_large(detail: String) -> Self {
        Self::new(ProblemCode::BatchTooLarge, detail)
    }
}

impl From<ParameterError> for Problem {
    fn from(error: ParameterError) -> Self {
        FieldError::from(error).into()
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::invalid_parameter(error.to_string())
    }
}

impl From<PathError> for Problem {
    fn from(error: PathError) -> Self {
        Self::new(ProblemCode::InvalidPath, error.to_string())
    }
}

impl From<&ConfigError> for Problem {
    fn from(error: &ConfigError) -> Self {
        Self::new(ProblemCode::ConfigurationError, error.to_string())
    }
}

impl Problem {
    /// The layers have no answer; `cache_enabled` as in the settings.
    pub(super) fn refused(error: &LookupError, cache_enabled: bool) -> Self {
        let code = match error.cause.kind {
            ErrorKind::Forbidden => ProblemCode::ForbiddenByOrigin,
            ErrorKind::NotFound => ProblemCode::NotFound,
            ErrorKind::SourceTooLarge => ProblemCode::SourceTooLarge,
            ErrorKind::NotAnImage | ErrorKind::UnreadableImage(_) => ProblemCode::NotAnImage,
            ErrorKind::OriginFailed => ProblemCode::OriginError,
            ErrorKind::OriginUnreachable => ProblemCode::OriginUnreachable,
            ErrorKind::InvalidResponse(_) => ProblemCode::InvalidOriginAnswer,
            ErrorKind::RedirectRefused => ProblemCode::RedirectRefused,
            ErrorKind::OriginOverloaded => ProblemCode::OriginOverloaded,
            ErrorKind::Overloaded => ProblemCode::Overloaded,
            ErrorKind::SubrequestLimit => ProblemCode::SubrequestLimit,
            ErrorKind::OriginTimeout => ProblemCode::OriginTimeout,
        };
        let cause = &error.cause;
        let problem = Self {
            error: Some(Box::new(*error)),
            ..Self::new(code, cause.to_string())
        }
        .with(
            "Cache-Status",
            cache_status::of_refusal(error, cache_enabled),
        )
        .with("Server-Timing", server_timing::of(&error.timing));
        match code.status() {
            404 => problem.with(
                "Cache-Control",
                format!("public, max-age={}", error.remaining_s),
            ),
            503 => {
                let retry_after_s = cause.retry_after_s.unwrap_or(DEFAULT_RETRY_AFTER_S);
                problem.with("Retry-After", retry_after_s.to_string())
            }
            _ => problem,
        }
    }
}
