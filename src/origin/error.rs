//! Why an image's metadata cannot be told, and what that allows.

use std::fmt;

use crate::image::header::ImageError;

/// Why an image's metadata cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The origin has no such image: 404 or 410.
    NotFound,
    /// The origin refuses to hand it out: 401 or 403.
    Forbidden,
    /// Larger than the resizer takes.
    SourceTooLarge,
    /// There is something, but no image, says the resizer.
    NotAnImage,
    /// What came is no image.
    ImageError(ImageError),
    /// The origin answered with an error.
    OriginFailed,
    /// The origin could not be reached, or the connection broke.
    OriginUnreachable,
    /// The origin answered with something that makes no sense.
    InvalidAnswer(InvalidAnswer),
    /// The origin redirected to another host, or too often.
    RedirectRefused,
    /// The origin asks for patience: 429 or 503.
    OriginOverloaded,
    /// The origin was slower than `originTimeoutMs`.
    OriginTimeout,
    /// More than `maxInFlight` images are being fetched.
    Overloaded,
    /// The request that asked has used up the subrequests that the platform allows it.
    SubrequestLimit,
}

/// What is wrong with an answer that came with status 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidAnswer {
    /// Longer than what is read of it.
    TooLong,
    /// It says that it is JSON, and is not.
    NotJson,
    /// JSON without a width and a height.
    NoDimensions,
    /// The dimensions are no whole number of pixels from 1 to 2^31-1.
    BadDimensions,
}

/// At which step a connection to the origin failed. It is for the log: clients see one [`ErrorKind`] for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionFault {
    /// The host name has no address. The runtime has the same words for a failed TLS handshake.
    Dns,
    /// The port refused the connection, or closed it before a response.
    Refused,
    /// The connection broke inside the response.
    Broken,
}

/// A [`ErrorKind`] and what the origin told beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginError {
    /// Why.
    pub kind: ErrorKind,
    /// Where the connection failed, if there was no whole response.
    pub connection: Option<ConnectionFault>,
    /// The HTTP status that the origin answered with, where it answered.
    pub origin_status: Option<u16>,
    /// The resizer's own code, from `Cf-Resized: err=9404`.
    pub resizer_code: Option<u16>,
    /// When to try again, in seconds from now.
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

/// When to come back where too many images are being fetched, in seconds.
const OVERLOADED_RETRY_AFTER_S: u32 = 1;

impl OriginError {
    /// Too many images are being fetched.
    #[must_use]
    pub fn overloaded() -> Self {
        Self {
            retry_after_s: Some(OVERLOADED_RETRY_AFTER_S),
            ..ErrorKind::Overloaded.into()
        }
    }

    /// Whether the origin failed, rather than told something about the image. Only then may a
    /// stale record stand in for the answer (RFC 5861, section 4). A page that came instead of the
    /// image counts as a failure: an origin under maintenance may answer so, with status 200.
    #[must_use]
    pub fn allows_stale(&self) -> bool {
        !matches!(
            self.kind,
            ErrorKind::NotFound
                | ErrorKind::Forbidden
                | ErrorKind::SourceTooLarge
                | ErrorKind::NotAnImage
        )
    }

    /// Returns `true` if it says nothing about the image or its origin, but is one request's own: it is neither
    /// remembered nor shared.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.kind == ErrorKind::SubrequestLimit
    }

    /// Whether a second request right away may do better: a broken connection, 502, 503 or 504.
    /// Not where the origin said when to come back.
    #[must_use]
    pub fn is_worth_a_retry(&self) -> bool {
        self.retry_after_s.is_none()
            && (self.kind == ErrorKind::OriginUnreachable
                || matches!(self.origin_status, Some(502..=504)) && self.allows_stale())
    }
}

impl OriginError {
    /// What kind of connection failure it was, as the log has it: seen here or, by the status that it answers with
    /// (<https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/>), by
    /// Cloudflare's proxy in front of the origin.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
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

/// A failure as the ports return it, with the runtime's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginFault {
    /// What happened.
    pub error: OriginError,
    /// What the runtime said. It is for the log only: it may hold a stack.
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
    /// One sentence that says what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::ImageError(ImageError::Encoded(encoding)) => write!(
                f,
                "The image has a Content-Encoding ({}) that this service does not decode; store it without one, or with gzip",
                encoding.name()
            )?,
            ErrorKind::ImageError(reason) => write!(
                f,
                "What the origin has at this path is no image, for {reason}; check the path"
            )?,
            kind => f.write_str(advice(kind))?,
        }
        match (self.resizer_code, self.origin_status) {
            (Some(code), _) => write!(f, " (resizer error {code})."),
            (None, Some(status)) => write!(f, " (origin status {status})."),
            (None, None) => f.write_str("."),
        }
    }
}

/// What happened and what to do, without the full stop.
fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "The origin has no such image; check the path",
        ErrorKind::Forbidden => "The origin refuses access to this image; allow it there",
        ErrorKind::SourceTooLarge => {
            "The image is too large to be read by the origin's resizer; use a smaller one"
        }
        ErrorKind::NotAnImage | ErrorKind::ImageError(_) => {
            "What the origin has at this path is no image; check the path"
        }
        ErrorKind::OriginFailed => "The origin answered with an error; try again later",
        ErrorKind::OriginUnreachable => "The origin could not be reached; try again later",
        ErrorKind::InvalidAnswer(reason) => match reason {
            InvalidAnswer::TooLong => {
                "The origin's answer is too long for image metadata; check that it resizes images"
            }
            InvalidAnswer::NotJson => {
                "The origin's answer is broken JSON; check that it resizes images"
            }
            InvalidAnswer::NoDimensions => {
                "The origin's answer has no dimensions; check that it resizes images"
            }
            InvalidAnswer::BadDimensions => {
                "The dimensions in the origin's answer are no size in pixels; check the image"
            }
        },
        ErrorKind::RedirectRefused => {
            "The origin redirects to another scheme, host or port, or in circles; set originUrl to where it redirects"
        }
        ErrorKind::OriginOverloaded => "The origin is overloaded; try again after a while",
        ErrorKind::OriginTimeout => "The origin did not answer in time; try again later",
        ErrorKind::Overloaded => "Too many images are being fetched; try again in a moment",
        ErrorKind::SubrequestLimit => {
            "This request has used up the subrequests that the platform allows; ask for fewer images at a time"
        }
    }
}

impl std::error::Error for OriginError {}
