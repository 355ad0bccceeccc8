//! Errors as `application/problem+json` (RFC 9457).

use std::borrow::Cow;

use serde::Serialize;

use super::cache_headers::{CacheHeaders, EDGE_HEADER, cache_headers};
use super::cache_status;
use super::headers::Headers;
use super::placeholder_error::PlaceholderError;
use super::problem_code::ProblemCode;
use super::response::{Body, Response};
use super::server_timing;
use crate::cache::edge_lifetime::Cacheable;
use crate::config::{Config, ConfigError};
use crate::crop::params::{FieldError, ParameterError};
use crate::lookup::LookupError;
use crate::origin::error::{ErrorKind, RATE_LIMITED_RETRY_AFTER_S};
use crate::path::PathError;
use crate::path::query::QueryError;
use crate::service::PurgeError;
use crate::text::sanitize;

/// `Retry-After` of a 503 if the cause does not specify a time, in seconds.
const DEFAULT_RETRY_AFTER_S: u32 = 5;

/// `Retry-After` of a purge that KV failed, in seconds: KV accepts one write per second to a key.
const KV_RETRY_AFTER_S: &str = "1";

/// `Retry-After` of a purge that the platform's cache refused, in seconds: it accepts five in a minute.
const EDGE_RETRY_AFTER_S: &str = "15";

/// An error response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its code, which determines its status and title.
    pub code: ProblemCode,
    /// What is wrong, and what to do.
    pub detail: Cow<'static, str>,
    /// Headers besides `Content-Type`.
    pub(super) headers: Headers,
    /// The error of the look-up, if one failed.
    pub(super) error: Option<Box<LookupError>>,
}

/// The published JSON of a problem.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<Cow<'a, str>>,
    code: &'a str,
    /// The seconds of `Retry-After`, for an item of a batch, which has no headers.
    #[serde(rename = "retryAfter", skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u32>,
}

impl Problem {
    /// Returns the response to a request for `path`.
    pub(super) fn response(mut self, path: &str) -> Response {
        let headers = std::mem::take(&mut self.headers);
        let document = Document {
            instance: Some(sanitize::encoded(path)),
            retry_after_s: None,
            ..self.document()
        };
        // A struct of numbers and strings always serializes.
        let body = serde_json::to_string(&document).unwrap_or_default();
        let mut response = Response::new(self.code.status(), Body::Text(body));
        response.headers = headers;
        if response.headers.get("Cache-Control").is_none() {
            response = response.with("Cache-Control", "no-store");
        }
        response.with("Content-Type", "application/problem+json")
    }

    /// Returns the document without an `instance`, for an item of a batch.
    pub(super) fn document(&self) -> Document<'_> {
        Document {
            r#type: format!("urn:optimized-metadata:problem:{}", self.code.name()),
            title: self.code.title(),
            status: self.code.status(),
            detail: &self.detail,
            instance: None,
            code: self.code.name(),
            retry_after_s: self
                .headers
                .get("Retry-After")
                .and_then(|seconds| seconds.parse().ok()),
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

    pub(super) fn no_route() -> Self {
        Self::new(
            ProblemCode::NoRoute,
            "There is no such route. Request /metadata/ followed by the path of an image.",
        )
    }

    pub(super) fn method_not_allowed(allowed: &'static str) -> Self {
        Self::new(
            ProblemCode::MethodNotAllowed,
            format!("This path does not support the method. Use {allowed}."),
        )
        .with("Allow", allowed)
    }

    /// The error of an admin request without a token.
    pub(super) fn unauthorized() -> Self {
        Self::new(
            ProblemCode::Unauthorized,
            "This request needs the admin token. Send it as 'Authorization: Bearer …'.",
        )
        .with("WWW-Authenticate", "Bearer")
    }

    /// Returns the error of an admin request with a wrong token, from a client that has sent too many of them.
    pub(super) fn too_many_wrong_tokens() -> Self {
        Self::new(
            ProblemCode::RateLimited,
            "This client has sent too many wrong admin tokens. Try again in a minute.",
        )
        .with("Retry-After", RATE_LIMITED_RETRY_AFTER_S.to_string())
    }

    pub(super) fn wrong_token() -> Self {
        Self::new(
            ProblemCode::Forbidden,
            "The admin token is wrong. Check the secret ADMIN_TOKEN.",
        )
    }

    /// The error of a purge whose records may still be in KV or in the platform's cache.
    pub(super) fn purge_failed(error: &PurgeError) -> Self {
        let (detail, retry_after_s) = match error {
            PurgeError::Kv(_) => (
                "KV did not delete the record. Try again in a moment.",
                KV_RETRY_AFTER_S,
            ),
            PurgeError::Edge => (
                "The platform's cache refused the purge. Repeat it in 15 seconds.",
                EDGE_RETRY_AFTER_S,
            ),
        };
        Self::new(ProblemCode::PurgeFailed, detail).with("Retry-After", retry_after_s)
    }

    /// Returns the error of a call from another Worker whose parameters are not an object.
    #[must_use]
    pub fn invalid_parameters() -> Self {
        Self::invalid_parameter("The parameters must be an object, such as { aspect: \"16:9\" }.")
    }

    fn invalid_parameter(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ProblemCode::InvalidParameter, detail)
    }

    pub(super) fn invalid_batch(detail: &'static str) -> Self {
        Self::new(ProblemCode::InvalidBatch, detail)
    }

    pub(super) fn request_timeout(limit_s: u64) -> Self {
        Self::new(
            ProblemCode::RequestTimeout,
            format!(
                "The body did not arrive within {limit_s} seconds. Send the request again, without pauses."
            ),
        )
    }

    pub(super) fn too_many_bodies() -> Self {
        Self::new(
            ProblemCode::Overloaded,
            "Too many request bodies are being received. Try again in a few seconds.",
        )
        .with("Retry-After", DEFAULT_RETRY_AFTER_S.to_string())
    }

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

impl From<PlaceholderError> for Problem {
    fn from(error: PlaceholderError) -> Self {
        Self::invalid_parameter(error.to_string())
    }
}

impl From<PathError> for Problem {
    fn from(error: PathError) -> Self {
        Self::new(ProblemCode::InvalidPath, error.to_string())
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        Self::invalid_parameter(error.to_string())
    }
}

impl From<&ConfigError> for Problem {
    fn from(error: &ConfigError) -> Self {
        Self::new(ProblemCode::ConfigurationError, error.to_string())
    }
}

impl Problem {
    /// Adds the headers of an error that caches may keep for `left_s` seconds.
    fn cacheable(self, left_s: u64, config: &Config) -> Self {
        let CacheHeaders { client, edge } = cache_headers(Cacheable::Missing { left_s }, config);
        let problem = self.with("Cache-Control", client);
        match edge {
            Some(edge) => problem.with(EDGE_HEADER, edge),
            None => problem,
        }
    }

    /// Adds the tags by which a purge finds this error in the platform's cache.
    pub(super) fn with_tags(self, tags: String) -> Self {
        self.with("Cache-Tag", tags)
    }

    /// Returns the error of a failed look-up.
    pub(super) fn from_lookup_error(error: &LookupError, config: &Config) -> Self {
        let code = match error.cause.kind {
            ErrorKind::Forbidden | ErrorKind::CredentialsRefused => ProblemCode::ForbiddenByOrigin,
            ErrorKind::NotFound | ErrorKind::NoOrigin => ProblemCode::NotFound,
            ErrorKind::SourceTooLarge => ProblemCode::SourceTooLarge,
            ErrorKind::NotAnImage | ErrorKind::UnreadableImage(_) => ProblemCode::NotAnImage,
            ErrorKind::OriginFailed => ProblemCode::OriginError,
            ErrorKind::OriginUnreachable => ProblemCode::OriginUnreachable,
            ErrorKind::InvalidResponse(_) => ProblemCode::InvalidOriginAnswer,
            ErrorKind::RedirectRefused => ProblemCode::RedirectRefused,
            ErrorKind::OriginOverloaded => ProblemCode::OriginOverloaded,
            ErrorKind::Overloaded => ProblemCode::Overloaded,
            ErrorKind::SubrequestLimit => ProblemCode::SubrequestLimit,
            ErrorKind::RateLimited => ProblemCode::RateLimited,
            ErrorKind::OriginTimeout => ProblemCode::OriginTimeout,
        };
        let cause = &error.cause;
        if cause.kind == ErrorKind::NoOrigin {
            // No layer was asked, so there is nothing to say about one.
            return Self::new(code, cause.to_string());
        }
        let problem = Self {
            error: Some(Box::new(*error)),
            ..Self::new(code, cause.to_string())
        }
        .with(
            "Cache-Status",
            cache_status::of_error(error, config.cache_enabled),
        )
        .with("Server-Timing", server_timing::of(&error.timing));
        match code.status() {
            404 => problem.cacheable(error.remaining_s, config),
            429 | 503 => {
                let retry_after_s = cause.retry_after_s.unwrap_or(DEFAULT_RETRY_AFTER_S);
                problem.with("Retry-After", retry_after_s.to_string())
            }
            _ => problem,
        }
    }
}
