//! The errors of a fetch from the origin: their causes, their texts, and the rules for retries and stale records.
//!
//! All texts are in `error/texts.rs`, except the reasons of [`ImageError`]. `docs/http-api.md` and `docs/openapi.yaml` quote
//! some.

mod texts;

use std::fmt;

use crate::image::header::ImageError;
use texts::texts;

/// The kind of an error. Most kinds have their own published code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The origin has no such image: 404 or 410.
    NotFound,
    /// No origin of the settings has paths like this.
    NoOrigin,
    /// The origin denies access to the image: 401 or 403.
    Forbidden,
    /// The origin refuses the credentials of the service. This says nothing about the image.
    CredentialsRefused,
    /// The image is larger than the resizer accepts.
    SourceTooLarge,
    /// According to the resizer, the file is not an image.
    NotAnImage,
    /// The service cannot read the response as an image.
    UnreadableImage(ImageError),
    /// The origin returned an error.
    OriginFailed,
    /// The origin could not be reached, or the connection broke.
    OriginUnreachable,
    /// The origin returned invalid metadata.
    InvalidResponse(InvalidResponse),
    /// The origin redirected to another scheme, host or port, or too often.
    RedirectRefused,
    /// The origin is overloaded: 429 or 503.
    OriginOverloaded,
    /// The origin took longer than `originTimeoutMs`.
    OriginTimeout,
    /// This isolate is already fetching `maxInFlight` images.
    Overloaded,
    /// The request has used all subrequests that the platform allows.
    SubrequestLimit,
    /// The client has exceeded the rate limit for requests that reach the origin.
    RateLimited,
}

/// The reason why a JSON response with status 200 is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidResponse {
    /// It is longer than the service reads.
    TooLong,
    /// Its content type or its beginning says that it is JSON, but it is not.
    NotJson,
    /// It is JSON without a width and a height.
    NoDimensions,
    /// The dimensions are not integers from 1 to 2^31-1.
    BadDimensions,
    /// It is not JSON, and `probe` is `resizer`.
    NotResized,
}

/// The step at which a connection to the origin failed. Only the log shows it: clients get one [`ErrorKind`] for all
/// steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionFault {
    /// The host name has no address. The runtime has the same message for a failed TLS handshake.
    Dns,
    /// The port refused the connection, or closed it before a response.
    Refused,
    /// The connection broke during the response.
    Broken,
}

/// A failed fetch: its kind, and the details from the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginError {
    /// The kind of the error.
    pub kind: ErrorKind,
    /// The step at which the connection failed. `None` if it did not fail.
    pub connection: Option<ConnectionFault>,
    /// The HTTP status of the origin's response. `None` if there was no response.
    pub origin_status: Option<u16>,
    /// The error code of the resizer, from `Cf-Resized: err=9404`.
    pub resizer_code: Option<u16>,
    /// The time to wait before another attempt, in seconds.
    pub retry_after_s: Option<u32>,
}

impl From<ErrorKind> for OriginError {
    fn from(kind: ErrorKind) -> Self {
        Self {
            kind,
            connection: None,
            origin_status: None,
            resizer_code: None,
            retry_after_s: None,
        }
    }
}

/// The `Retry-After` of [`OriginError::overloaded`], in seconds.
const OVERLOADED_RETRY_AFTER_S: u32 = 1;

/// The `Retry-After` of [`OriginError::rate_limited`], in seconds: the longest period that the platform's rate limits can have.
/// The binding does not say which period it has.
pub(crate) const RATE_LIMITED_RETRY_AFTER_S: u32 = 60;

impl OriginError {
    /// Returns the error for a client that has exceeded the rate limit.
    #[must_use]
    pub(crate) fn rate_limited() -> Self {
        Self {
            retry_after_s: Some(RATE_LIMITED_RETRY_AFTER_S),
            ..ErrorKind::RateLimited.into()
        }
    }

    /// Returns the error for a fetch that is refused because too many images are being fetched.
    #[must_use]
    pub(crate) fn overloaded() -> Self {
        Self {
            retry_after_s: Some(OVERLOADED_RETRY_AFTER_S),
            ..ErrorKind::Overloaded.into()
        }
    }

    /// Returns `true` if a stale record may be served instead (RFC 5861, section 4).
    ///
    /// That is the case if the origin failed, but not if it said something about the image. A page instead of the image
    /// counts as a failure: during maintenance, an origin may return one with status 200.
    #[must_use]
    pub(crate) fn allows_stale(&self) -> bool {
        !matches!(
            self.kind,
            ErrorKind::NotFound
                | ErrorKind::NoOrigin
                | ErrorKind::Forbidden
                | ErrorKind::SourceTooLarge
                | ErrorKind::NotAnImage
        )
    }

    /// Returns `true` if the error concerns only this request, not the image or its origin. Such an error is not cached
    /// and not shared with other requests.
    #[must_use]
    pub(crate) fn is_private(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::SubrequestLimit | ErrorKind::RateLimited
        )
    }

    /// Returns `true` if the same fetch may succeed later: the origin or this service failed, and nothing is known about the image.
    #[must_use]
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::CredentialsRefused
                | ErrorKind::OriginFailed
                | ErrorKind::OriginUnreachable
                | ErrorKind::OriginOverloaded
                | ErrorKind::OriginTimeout
                | ErrorKind::Overloaded
                | ErrorKind::SubrequestLimit
                | ErrorKind::RateLimited
        )
    }

    /// Returns `true` if an immediate retry may succeed: after a broken connection, 502, 503 or 504, unless the origin
    /// said when to try again.
    #[must_use]
    pub(crate) fn is_worth_a_retry(&self) -> bool {
        self.retry_after_s.is_none()
            && (self.kind == ErrorKind::OriginUnreachable
                || matches!(self.origin_status, Some(502..=504)) && self.allows_stale())
    }

    /// Returns the log's name for a connection failure, or `None` for another error.
    ///
    /// Either this service saw the failure, or Cloudflare's proxy in front of the origin did and returned its own
    /// status (<https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/>).
    #[must_use]
    pub(crate) fn reason(&self) -> Option<&'static str> {
        match (self.connection, self.origin_status) {
            (Some(ConnectionFault::Dns), _) | (None, Some(530)) => Some("dns"),
            (Some(ConnectionFault::Refused), _) | (None, Some(521 | 523)) => Some("refused"),
            (Some(ConnectionFault::Broken), _) | (None, Some(520)) => Some("broken"),
            (None, Some(525 | 526)) => Some("tls"),
            _ if self.kind == ErrorKind::OriginTimeout => Some("timeout"),
            _ => None,
        }
    }
}

/// An error as the ports return it, with the runtime's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginFault {
    /// The error.
    pub error: OriginError,
    /// The message of the runtime. It is only for the log, because it may contain a stack trace.
    pub message: Option<String>,
}

impl<T: Into<OriginError>> From<T> for OriginFault {
    fn from(error: T) -> Self {
        Self {
            error: error.into(),
            message: None,
        }
    }
}

impl fmt::Display for OriginError {
    /// Writes two sentences: what is wrong, then what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (problem, action) = texts(self.kind);
        f.write_str(problem)?;
        match self.kind {
            ErrorKind::UnreadableImage(ImageError::Encoded(encoding)) => {
                write!(f, ": {}", encoding.name())?;
            }
            ErrorKind::UnreadableImage(reason) => write!(f, ": {reason}")?,
            _ => {}
        }
        match (self.resizer_code, self.origin_status) {
            (Some(code), _) => write!(f, " (resizer error {code})")?,
            (None, Some(status)) => write!(f, " (origin status {status})")?,
            (None, None) => {}
        }
        write!(f, ". {action}.")
    }
}

impl std::error::Error for OriginError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::content_encoding::ContentEncoding;

    #[test]
    fn the_text_says_what_is_wrong_and_then_what_to_do() {
        let status = |kind: ErrorKind, status| OriginError {
            origin_status: Some(status),
            ..kind.into()
        };
        for (error, text) in [
            (
                ErrorKind::UnreadableImage(ImageError::Empty).into(),
                "The origin's response is not a readable image: it is empty. Check the path.",
            ),
            (
                ErrorKind::UnreadableImage(ImageError::Encoded(ContentEncoding::Brotli)).into(),
                "The image has an unsupported Content-Encoding: br. Store it without one, or with gzip.",
            ),
            (
                status(ErrorKind::NotFound, 404),
                "The origin has no such image (origin status 404). Check the path.",
            ),
            (
                OriginError {
                    resizer_code: Some(9402),
                    ..status(ErrorKind::SourceTooLarge, 502)
                },
                "The image is too large for the origin's resizer (resizer error 9402). Use a smaller one.",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }
}
