//! What a purge removes: an image, or all images below a folder.

use crate::path::{ImagePath, PathError};

/// The target of a purge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurgeTarget {
    /// One image.
    Image(ImagePath),
    /// All images below a folder, or all images.
    Below(Option<ImagePath>),
}

impl PurgeTarget {
    /// Parses a raw path. `a/*` and `a%2F*` are all images below `a`, and `*` is all images. A literal `*` in the name
    /// of an image is sent as `%2A`.
    ///
    /// # Errors
    /// If the path or the folder breaks a rule of [`PathError`].
    pub fn parse(raw: &str) -> Result<Self, PathError> {
        let path = ImagePath::from_raw(raw)?;
        if raw == "*" {
            return Ok(Self::Below(None));
        }
        for end in ["/*", "%2F*", "%2f*"] {
            if let Some(folder) = raw.strip_suffix(end) {
                return Ok(Self::Below(Some(ImagePath::from_raw(folder)?)));
            }
        }
        Ok(Self::Image(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(raw: &str) -> ImagePath {
        ImagePath::from_raw(raw).unwrap()
    }

    #[test]
    fn a_path_is_a_folder_if_it_ends_in_a_star_after_a_slash_encoded_or_not() {
        for (raw, folder) in [
            ("*", None),
            ("a/*", Some("a")),
            ("a%2F*", Some("a")),
            ("a/b%2f*", Some("a/b")),
            ("a%2Fb%2F*", Some("a/b")),
            ("%2A/*", Some("*")),
            ("a%252F/*", Some("a%252F")),
        ] {
            assert_eq!(
                PurgeTarget::parse(raw),
                Ok(PurgeTarget::Below(folder.map(path))),
                "{raw}"
            );
        }
        for raw in [
            "%2A", "a/%2A", "a%2F%2a", "a*", "a/b*", "a%252F*", "*/a", "%2A*",
        ] {
            assert_eq!(
                PurgeTarget::parse(raw),
                Ok(PurgeTarget::Image(path(raw))),
                "{raw}"
            );
        }
    }

    #[test]
    fn an_invalid_folder_is_an_invalid_path() {
        for raw in [
            "/*",
            "%2F*",
            "a//*",
            "a%2F%2F*",
            "../*",
            "..%2F*",
            "a%2F..%2F*",
            "a\\*",
            "%2*",
        ] {
            assert!(PurgeTarget::parse(raw).is_err(), "{raw}");
        }
    }
}
