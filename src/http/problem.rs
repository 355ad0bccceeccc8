//! Errors as `application/problem+json` (RFC 9457).

use std::borrow::Cow;

use serde::Serialize;

use super::cache_status;
use super::headers::Headers;
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable, kebab-case.
    pub code: &'static str,
    /// The same for every problem with this code.
    pub title: &'static str,
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
        let mut response = Response::new(self.status, Body::Text(body));
        response.headers = headers;
        if response.headers.get("Cache-Control").is_none() {
            response = response.with("Cache-Control", "no-store");
        }
        response.with("Content-Type", "application/problem+json")
    }

    /// The problem itself, for where no request of its own stands behind it.
    pub(super) fn document(&self) -> Document<'_> {
        Document {
            r#type: format!("urn:optimized-metadata:problem:{}", self.code),
            title: self.title,
            status: self.status,
            detail: &self.detail,
            instance: None,
            code: self.code,
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.add(name, value);
        self
    }

    /// There is nothing at this path of the service.
    pub(super) fn no_route() -> Self {
        Self {
            status: 404,
            code: "no-route",
            title: "Not found",
            detail: "There is nothing here; ask for /metadata/ and the path of an image.".into(),
            ..Self::default()
        }
    }

    /// The route does not take this method.
    pub(super) fn method_not_allowed(allowed: &'static str) -> Self {
        Self {
            status: 405,
            code: "method-not-allowed",
            title: "Method not allowed",
            detail: format!("This path does not take that method; use {allowed}.").into(),
            ..Self::default()
        }
        .with("Allow", allowed)
    }

    /// An admin request without a token.
    pub(super) fn unauthorized() -> Self {
        Self {
            status: 401,
            code: "unauthorized",
            title: "Unauthorized",
            detail: "This needs the admin token; send it as 'Authorization: Bearer …'.".into(),
            ..Self::default()
        }
        .with("WWW-Authenticate", "Bearer")
    }

    /// An admin request with a token that is not the right one.
    pub(super) fn wrong_token() -> Self {
        Self {
            status: 403,
            code: "forbidden",
            title: "Forbidden",
            detail: "This is not the admin token; check the secret ADMIN_TOKEN.".into(),
            ..Self::default()
        }
    }

    /// KV still holds what was to be purged.
    pub(super) fn purge_failed() -> Self {
        Self {
            status: 503,
            code: "purge-failed",
            title: "Purge failed",
            detail: "KV did not delete the record; try again in a moment.".into(),
            ..Self::default()
        }
        .with("Retry-After", PURGE_RETRY_AFTER_S)
    }

    /// The parameters of a call are no object.
    #[must_use]
    pub fn invalid_parameters() -> Self {
        Self::invalid_parameter(
            "The parameters must be an object, as in { aspect: \"16:9\" }.".into(),
        )
    }

    fn invalid_parameter(detail: Cow<'static, str>) -> Self {
        Self {
            status: 400,
            code: "invalid-parameter",
            title: "Invalid parameter",
            detail,
            ..Self::default()
        }
    }

    /// The body of a batch cannot be understood.
    pub(super) fn invalid_batch(detail: &'static str) -> Self {
        Self {
            status: 400,
            code: "invalid-batch",
            title: "Invalid batch",
            detail: detail.into(),
            ..Self::default()
        }
    }

    /// The body of a request did not arrive in time.
    pub(super) fn request_timeout(limit_s: u64) -> Self {
        Self {
            status: 408,
            code: "request-timeout",
            title: "Request timeout",
            detail: format!(
                "The body did not arrive within {limit_s} seconds; send the request again, all of it at once."
            )
            .into(),
            ..Self::default()
        }
    }

    /// The isolate receives as many bodies as it may.
    pub(super) fn too_many_bodies() -> Self {
        Self {
            status: 503,
            code: "overloaded",
            title: "Overloaded",
            detail: "Too many request bodies are being received; try again in a few seconds."
                .into(),
            ..Self::default()
        }
        .with("Retry-After", DEFAULT_RETRY_AFTER_S.to_string())
    }

    /// A batch asks for more than one request may.
    pub(super) fn batch_too_large(detail: String) -> Self {
        Self {
            status: 413,
            code: "batch-too-large",
            title: "Batch too large",
            detail: detail.into(),
            ..Self::default()
        }
    }
}

impl From<ParameterError> for Problem {
    fn from(error: ParameterError) -> Self {
        FieldError::from(error).into()
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::invalid_parameter(error.to_string().into())
    }
}

impl From<PathError> for Problem {
    fn from(error: PathError) -> Self {
        Self {
            status: 400,
            code: "invalid-path",
            title: "Invalid path",
            detail: error.to_string().into(),
            ..Self::default()
        }
    }
}

impl From<&ConfigError> for Problem {
    fn from(error: &ConfigError) -> Self {
        Self {
            status: 500,
            code: "configuration-error",
            title: "Configuration error",
            detail: error.to_string().into(),
            ..Self::default()
        }
    }
}

impl Problem {
    /// The layers have no answer; `cache_enabled` as in the settings.
    pub(super) fn refused(error: &LookupError, cache_enabled: bool) -> Self {
        let (status, code, title) = match error.cause.kind {
            ErrorKind::Forbidden => (403, "forbidden-by-origin", "Forbidden by the origin"),
            ErrorKind::NotFound => (404, "not-found", "Image not found"),
            ErrorKind::SourceTooLarge => (413, "source-too-large", "Image too large"),
            ErrorKind::NotAnImage | ErrorKind::ImageError(_) => {
                (415, "not-an-image", "Not an image")
            }
            ErrorKind::OriginFailed => (502, "origin-error", "Origin error"),
            ErrorKind::OriginUnreachable => (502, "origin-unreachable", "Origin unreachable"),
            ErrorKind::InvalidAnswer(_) => (502, "invalid-origin-answer", "Invalid origin answer"),
            ErrorKind::RedirectRefused => (502, "redirect-refused", "Redirect refused"),
            ErrorKind::OriginOverloaded => (503, "origin-overloaded", "Origin overloaded"),
            ErrorKind::Overloaded => (503, "overloaded", "Overloaded"),
            ErrorKind::SubrequestLimit => (503, "subrequest-limit", "Subrequest limit"),
            ErrorKind::OriginTimeout => (504, "origin-timeout", "Origin timeout"),
        };
        let cause = &error.cause;
        let problem = Self {
            status,
            code,
            title,
            detail: cause.to_string().into(),
            error: Some(Box::new(*error)),
            ..Self::default()
        }
        .with(
            "Cache-Status",
            cache_status::of_refusal(error, cache_enabled),
        )
        .with("Server-Timing", server_timing::of(&error.timing));
        match status {
            404 => problem.with("Cache-Control", format!("public, max-age={}", error.left_s)),
            503 => {
                let retry_after_s = cause.retry_after_s.unwrap_or(DEFAULT_RETRY_AFTER_S);
                problem.with("Retry-After", retry_after_s.to_string())
            }
            _ => problem,
        }
    }
}
