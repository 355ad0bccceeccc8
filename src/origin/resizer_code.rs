//! Error codes of the resizer and of the Images binding
//! (<https://developers.cloudflare.com/images/reference/troubleshooting/>).

use crate::origin::error::{ErrorKind, OriginError};

/// Returns `None` if the HTTP status is more specific than the code.
pub(super) fn kind_of_resizer_code(code: u16) -> Option<ErrorKind> {
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

impl OriginError {
    /// Returns the error of the Images binding with this code, or another number for one without. Its codes are
    /// those of the resizer.
    #[must_use]
    pub fn of_images_binding(code: u16) -> Self {
        let kind = kind_of_resizer_code(code).unwrap_or(match code {
            9_400..=9_499 => ErrorKind::NotAnImage,
            _ => ErrorKind::OriginFailed,
        });
        Self {
            resizer_code: Some(code).filter(|code| *code >= 9_000),
            ..kind.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_images_binding_says_whether_it_is_about_the_image() {
        for (code, kind) in [
            (9_401, ErrorKind::Forbidden),
            (9_412, ErrorKind::NotAnImage),
            (9_432, ErrorKind::NotAnImage),
            (9_520, ErrorKind::NotAnImage),
            (9_422, ErrorKind::OriginOverloaded),
            (9_511, ErrorKind::OriginFailed),
            (0, ErrorKind::OriginFailed),
        ] {
            assert_eq!(OriginError::of_images_binding(code).kind, kind, "{code}");
        }
        assert_eq!(OriginError::of_images_binding(0).resizer_code, None);
    }
}
