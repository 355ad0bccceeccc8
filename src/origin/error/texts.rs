//! The texts of errors.

use super::{ErrorKind, InvalidResponse};
use crate::image::header::ImageError;

/// Returns the problem and the action to take, both without a full stop.
///
/// The first text of an unreadable image is followed by a colon and the reason.
pub(super) fn texts(kind: ErrorKind) -> (&'static str, &'static str) {
    match kind {
        ErrorKind::NotFound => ("The origin has no such image", "Check the path"),
        ErrorKind::NoOrigin => (
            "No origin is configured for this path",
            "Check the path, or add an origin for it to the setting 'origins'",
        ),
        ErrorKind::CredentialsRefused => (
            "The origin refuses the credentials of this service",
            "Check the secret that the log names",
        ),
        ErrorKind::Forbidden => (
            "The origin denies access to this image",
            "Allow access at the origin",
        ),
        ErrorKind::SourceTooLarge => (
            "The image is too large for the origin's resizer",
            "Use a smaller one",
        ),
        ErrorKind::NotAnImage => (
            "The origin's file at this path is not an image",
            "Check the path",
        ),
        ErrorKind::UnreadableImage(ImageError::Encoded(_)) => (
            "The image has an unsupported Content-Encoding",
            "Store it without one, or with gzip",
        ),
        ErrorKind::UnreadableImage(_) => (
            "The origin's response is not a readable image",
            "Check the path",
        ),
        ErrorKind::OriginFailed => ("The origin returned an error", "Try again later"),
        ErrorKind::OriginUnreachable => ("The origin could not be reached", "Try again later"),
        ErrorKind::InvalidResponse(InvalidResponse::TooLong) => (
            "The origin's response is too long for image metadata",
            "Check that the origin resizes images",
        ),
        ErrorKind::InvalidResponse(InvalidResponse::NotJson) => (
            "The origin's response is invalid JSON",
            "Check that the origin resizes images",
        ),
        ErrorKind::InvalidResponse(InvalidResponse::NoDimensions) => (
            "The origin's response has no dimensions",
            "Check that the origin resizes images",
        ),
        ErrorKind::InvalidResponse(InvalidResponse::BadDimensions) => (
            "The dimensions in the origin's response are not a valid size in pixels",
            "Check the image",
        ),
        ErrorKind::InvalidResponse(InvalidResponse::NotResized) => (
            "The origin returned a file instead of the image's metadata",
            "Enable image resizing for the origin's zone, or set 'probe' to auto",
        ),
        ErrorKind::RedirectRefused => (
            "The origin redirects to another scheme, host or port, or too many times",
            "Set originUrl to the target of the redirect",
        ),
        ErrorKind::OriginOverloaded => ("The origin is overloaded", "Try again later"),
        ErrorKind::OriginTimeout => ("The origin did not respond in time", "Try again later"),
        ErrorKind::Overloaded => ("Too many images are being fetched", "Try again in a moment"),
        ErrorKind::SubrequestLimit => (
            "This request has used all subrequests that the platform allows",
            "Request fewer images at a time",
        ),
        ErrorKind::RateLimited => (
            "This client has requested too many images that are not cached",
            "Try again in a minute",
        ),
    }
}
