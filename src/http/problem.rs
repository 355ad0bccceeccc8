//! Errors as `application/problem+json` (RFC 9457).

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

use super::answer::{Answer, Body};
use super::cache_status;
use crate::config::ConfigError;
use crate::failure::Cause;
use crate::path::PathError;
use crate::service::Refusal;

/// When to come back to an overloaded origin that names no time, in seconds.
const DEFAULT_RETRY_AFTER_S: u32 = 5;

/// What is encoded in `instance`: all that may not stand in a URI. A `%` stays, the path is raw.
const NOT_IN_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// An error, in the words of HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable, kebab-case.
    pub code: &'static str,
    /// The same for every problem with this code.
    pub title: &'static str,
    /// One sentence that says what to do.
    pub detail: Cow<'static, str>,
}

impl Problem {
    /// The answer to a request for `path`.
    #[must_use]
    pub fn answer(&self, path: &str) -> Answer {
        #[derive(Serialize)]
        struct Document<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: &'a str,
            instance: Cow<'a, str>,
            code: &'a str,
        }
        let document = Document {
            r#type: format!("urn:optimized-metadata:problem:{}", self.code),
            title: self.title,
            status: self.status,
            detail: &self.detail,
            instance: utf8_percent_encode(path, NOT_IN_URI).into(),
            code: self.code,
        };
        // A struct of numbers and strings always has a JSON form.
        let body = serde_json::to_string(&document).unwrap_or_default();
        Answer::new(self.status, Body::Text(body)).with("Content-Type", "application/problem+json")
    }

    /// There is nothing at this path of the service.
    pub(super) fn no_route() -> Self {
        Self {
            status: 404,
            code: "no-route",
            title: "Not found",
            detail: "There is nothing here; ask for /metadata/ and the path of an image.".into(),
        }
    }

    /// The route does not take this method.
    pub(super) fn method_not_allowed(allowed: &str) -> Self {
        Self {
            status: 405,
            code: "method-not-allowed",
            title: "Method not allowed",
            detail: format!("This path does not take that method; use {allowed}.").into(),
        }
    }

    /// An admin request without a token.
    pub(super) fn unauthorized() -> Self {
        Self {
            status: 401,
            code: "unauthorized",
            title: "Unauthorized",
            detail: "This needs the admin token; send it as 'Authorization: Bearer …'.".into(),
        }
    }

    /// An admin request with a token that is not the right one.
    pub(super) fn wrong_token() -> Self {
        Self {
            status: 403,
            code: "forbidden",
            title: "Forbidden",
            detail: "This is not the admin token; check the secret ADMIN_TOKEN.".into(),
        }
    }

    /// KV still holds what was to be purged.
    pub(super) fn purge_failed() -> Self {
        Self {
            status: 503,
            code: "purge-failed",
            title: "Purge failed",
            detail: "KV did not delete the record; try again in a moment.".into(),
        }
    }
}

impl From<PathError> for Problem {
    fn from(error: PathError) -> Self {
        Self {
            status: 400,
            code: "invalid-path",
            title: "Invalid path",
            detail: error.to_string().into(),
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
        }
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let (status, code, title) = match refusal.failure.cause {
            Cause::Forbidden => (403, "forbidden-by-origin", "Forbidden by the origin"),
            Cause::NotFound => (404, "not-found", "Image not found"),
            Cause::SourceTooLarge => (413, "source-too-large", "Image too large"),
            Cause::NotAnImage => (415, "not-an-image", "Not an image"),
            Cause::OriginError => (502, "origin-error", "Origin error"),
            Cause::OriginUnreachable => (502, "origin-unreachable", "Origin unreachable"),
            Cause::InvalidAnswer(_) => (502, "invalid-origin-answer", "Invalid origin answer"),
            Cause::RedirectRefused => (502, "redirect-refused", "Redirect refused"),
            Cause::OriginOverloaded => (503, "origin-overloaded", "Origin overloaded"),
            Cause::Overloaded => (503, "overloaded", "Overloaded"),
            Cause::OriginTimeout => (504, "origin-timeout", "Origin timeout"),
        };
        Self {
            status,
            code,
            title,
            detail: refusal.failure.to_string().into(),
        }
    }
}

/// The answer to a request that the layers refused, with what caches and clients go by.
pub(super) fn refuse(refusal: &Refusal, path: &str) -> Answer {
    let problem = Problem::from(refusal);
    let mut answer = problem
        .answer(path)
        .with("Cache-Status", cache_status::of_refusal(refusal))
        .with(
            "Cache-Control",
            match refusal.failure.cause {
                Cause::NotFound => format!("public, max-age={}", refusal.left_s).into(),
                _ => Cow::from("no-store"),
            },
        );
    if problem.status == 503 {
        let retry_after_s = refusal.failure.retry_after_s;
        let retry_after_s = retry_after_s.unwrap_or(DEFAULT_RETRY_AFTER_S);
        answer = answer.with("Retry-After", retry_after_s.to_string());
    }
    answer
}
