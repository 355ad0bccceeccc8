//! From the raw path of a request to one canonical image path, its cache key and its origin URL.

use std::fmt;
use std::rc::Rc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// Longest decoded path that is accepted, in bytes.
pub const MAX_PATH_BYTES: usize = 1_024;

/// Longest path that is its own cache key, in bytes. Workers KV takes keys of up to 512 bytes,
/// prefix included; a longer path is hashed.
const MAX_PLAIN_KEY_BYTES: usize = 512 - KEY_PREFIX.len();

/// What every key begins with.
pub(crate) const KEY_PREFIX: &str = "metadata:";
const HASH_PREFIX: &str = "sha256:";

/// What a path segment need not encode: RFC 3986's `pchar`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// A decoded path that every route, batch item and RPC call has passed through the one canonicaliser for.
///
/// It has at least one segment, none of them empty, `.` or `..`; no `\` and no control character.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImagePath(Rc<str>);

impl ImagePath {
    /// Canonicalises `raw`, the still percent-encoded path without a leading slash or query.
    ///
    /// The path is decoded once, as UTF-8, and then split into segments. An encoded slash is
    /// therefore a slash, and `%2e%2e` is refused as `..`, while `%252e` stays the harmless name
    /// `%2e`.
    ///
    /// ```
    /// use optimized_metadata::path::{ImagePath, PathError};
    ///
    /// let path = ImagePath::from_raw("photos/my%20cat.jpg")?;
    /// assert_eq!(path.as_str(), "photos/my cat.jpg");
    /// assert_eq!(&*path.cache_key(), "metadata:photos/my cat.jpg");
    /// assert_eq!(path.origin_url("https://images.test"), "https://images.test/photos/my%20cat.jpg");
    /// assert_eq!(ImagePath::from_raw("photos%2Fmy%20cat.jpg")?, path);
    /// assert_eq!(ImagePath::from_raw("photos%2F%2e%2e/x"), Err(PathError::DotSegment));
    /// # Ok::<(), PathError>(())
    /// ```
    ///
    /// # Errors
    /// The rule of [`PathError`] that `raw` breaks.
    pub fn from_raw(raw: &str) -> Result<Self, PathError> {
        if raw.is_empty() {
            return Err(PathError::Empty);
        }
        let decoded = decode(raw)?;
        if decoded.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        for segment in decoded.split('/') {
            match segment {
                "" => return Err(PathError::EmptySegment),
                "." | ".." => return Err(PathError::DotSegment),
                _ => {}
            }
        }
        if decoded.contains('\\') {
            return Err(PathError::Backslash);
        }
        if decoded.contains(char::is_control) {
            return Err(PathError::ControlCharacter);
        }
        Ok(Self(decoded.into()))
    }

    /// The cache key of a raw path in which nothing is encoded. It may break a rule all the same,
    /// but then nothing is stored under that key: what is stored has been through
    /// [`from_raw`](Self::from_raw), which leaves such a path as it is.
    #[must_use]
    pub fn key_of_plain(raw: &str) -> Option<String> {
        let is_plain = raw.len() <= MAX_PLAIN_KEY_BYTES
            && raw.bytes().all(|byte| byte.is_ascii() && byte != b'%')
            && !raw.starts_with(HASH_PREFIX);
        is_plain.then(|| [KEY_PREFIX, raw].concat())
    }

    /// The decoded path, `photos/cat.jpg`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of this image in every cache: `metadata:` and the path, or `metadata:sha256:` and
    /// 64 hex digits where that would be too long for KV.
    ///
    /// A path that itself begins with `sha256:` is hashed as well, so that no short path can
    /// share the key of a long one.
    #[must_use]
    pub fn cache_key(&self) -> Rc<str> {
        let path = self.as_str();
        if path.len() > MAX_PLAIN_KEY_BYTES || path.starts_with(HASH_PREFIX) {
            let digest = Sha256::digest(path.as_bytes());
            format!("{KEY_PREFIX}{HASH_PREFIX}{}", hex(&digest)).into()
        } else {
            format!("{KEY_PREFIX}{path}").into()
        }
    }

    /// What the keys of all images below this path begin with, those of paths too long to be
    /// their own key aside.
    #[must_use]
    pub fn key_prefix(&self) -> String {
        format!("{KEY_PREFIX}{}/", self.as_str())
    }

    /// The path with every segment percent-encoded again: ASCII, and safe in a URL, header or log.
    #[must_use]
    pub fn encoded(&self) -> String {
        let mut encoded = String::with_capacity(self.0.len());
        for (index, segment) in self.0.split('/').enumerate() {
            if index > 0 {
                encoded.push('/');
            }
            encoded.extend(utf8_percent_encode(segment, SEGMENT));
        }
        encoded
    }

    /// The image's URL below `origin`, which has no trailing slash.
    ///
    /// The two are concatenated, never resolved against each other: `//host`, `\host` or a scheme
    /// in the path would otherwise leave the origin.
    #[must_use]
    pub fn origin_url(&self, origin: &str) -> String {
        format!("{origin}/{}", self.encoded())
    }
}

/// Percent-decodes `raw` once, as UTF-8.
fn decode(raw: &str) -> Result<String, PathError> {
    // A replacement character that was not percent-encoded stands for bytes that the runtime
    // could not decode: two different requests would become one path.
    if raw.contains('\u{FFFD}') {
        return Err(PathError::InvalidUtf8);
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let escape = (hex_digit(rest.next()), hex_digit(rest.next()));
            let (Some(high), Some(low)) = escape else {
                return Err(PathError::BrokenEscape);
            };
            (high << 4) | low
        } else {
            byte
        });
    }
    String::from_utf8(bytes).map_err(|_| PathError::InvalidUtf8)
}

fn hex_digit(byte: Option<u8>) -> Option<u8> {
    char::from(byte?)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The rule of the canonicaliser that a path breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// Nothing is left after the route's prefix.
    Empty,
    /// Two slashes in a row, or one at either end, encoded or not.
    EmptySegment,
    /// A segment is `.` or `..`, encoded or not.
    DotSegment,
    /// A `\`, encoded or not.
    Backslash,
    /// NUL or another control character, encoded or not.
    ControlCharacter,
    /// The decoded bytes are no UTF-8.
    InvalidUtf8,
    /// A `%` without two hexadecimal digits behind it.
    BrokenEscape,
    /// More than [`MAX_PATH_BYTES`] after decoding.
    TooLong,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "The path is empty; name an image, as in /metadata/photos/cat.jpg.",
            Self::EmptySegment => "The path has an empty segment; remove the extra slash.",
            Self::DotSegment => {
                "The path has a '.' or '..' segment; give the image's path from the root."
            }
            Self::Backslash => "The path has a backslash; separate segments with '/'.",
            Self::ControlCharacter => "The path has a control character; remove it.",
            Self::InvalidUtf8 => "The path is not UTF-8; percent-encode the UTF-8 bytes of the name.",
            Self::BrokenEscape => {
                "The path has a '%' that no two hexadecimal digits follow; write a literal '%' as '%25'."
            }
            Self::TooLong => "The path is longer than 1024 bytes; use a shorter one.",
        })
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(raw: &str) -> ImagePath {
        ImagePath::from_raw(raw).unwrap()
    }

    #[test]
    fn only_a_path_in_which_nothing_is_encoded_has_a_plain_key() {
        let plain = |raw| ImagePath::key_of_plain(raw);
        assert_eq!(plain("a/b.jpg").as_deref(), Some("metadata:a/b.jpg"));
        let long = "a".repeat(MAX_PLAIN_KEY_BYTES + 1);
        for raw in ["%2esha256:", "a%20b", "caf\u{e9}", "sha256:0", &long] {
            assert_eq!(plain(raw), None, "{raw}");
        }
    }

    #[test]
    fn decodes_once() {
        assert_eq!(path("photos/cat.jpg").as_str(), "photos/cat.jpg");
        assert_eq!(path("a%20b/Gr%C3%B6%C3%9Fe.png").as_str(), "a b/Größe.png");
        assert_eq!(path("%252e%252e").as_str(), "%2e%2e");
        assert_eq!(path("...").as_str(), "...");
    }

    #[test]
    fn an_encoded_slash_is_a_slash() {
        let plain = path("photos/2024/cat.jpg");
        for raw in [
            "photos%2F2024%2Fcat.jpg",
            "photos%2f2024/cat.jpg",
            "photos/2024%2fc%61t.jpg",
        ] {
            assert_eq!(path(raw), plain, "{raw}");
            assert_eq!(path(raw).cache_key(), plain.cache_key(), "{raw}");
        }
        assert_eq!(path("photos%252Fcat.jpg").as_str(), "photos%2Fcat.jpg");
        assert_eq!(
            path("photos%252Fcat.jpg").origin_url("https://images.test"),
            "https://images.test/photos%252Fcat.jpg"
        );
        assert_eq!(
            path("sha256:%2Fa").cache_key(),
            path("sha256:/a").cache_key()
        );
    }

    #[test]
    fn names_the_rule_a_path_breaks() {
        for (raw, error) in [
            ("", PathError::Empty),
            ("/", PathError::EmptySegment),
            ("/evil.test/x", PathError::EmptySegment),
            ("a//b", PathError::EmptySegment),
            ("a/", PathError::EmptySegment),
            (".", PathError::DotSegment),
            ("a/../b", PathError::DotSegment),
            ("%2e%2E/b", PathError::DotSegment),
            (".%2e", PathError::DotSegment),
            ("\\evil.test", PathError::Backslash),
            ("a%5cb", PathError::Backslash),
            ("%2f%2fevil.test", PathError::EmptySegment),
            ("%2Fa", PathError::EmptySegment),
            ("a%2F", PathError::EmptySegment),
            ("a%2f/b", PathError::EmptySegment),
            ("https:%2F%2Fevil.test", PathError::EmptySegment),
            ("..%2f..", PathError::DotSegment),
            ("a%2F..%2Fb", PathError::DotSegment),
            ("a%2F%2e%2e%2Fb", PathError::DotSegment),
            ("a%2F%2E/b", PathError::DotSegment),
            ("a%2F%5Cb", PathError::Backslash),
            ("a%2F%00", PathError::ControlCharacter),
            ("a%2F%", PathError::BrokenEscape),
            ("%C3%2F%B6", PathError::InvalidUtf8),
            ("%c0%af", PathError::InvalidUtf8),
            ("a%00", PathError::ControlCharacter),
            ("a%0d%0ab", PathError::ControlCharacter),
            ("a\tb", PathError::ControlCharacter),
            ("a%7f", PathError::ControlCharacter),
            ("a%C2%85", PathError::ControlCharacter),
            ("%ff", PathError::InvalidUtf8),
            ("%C3", PathError::InvalidUtf8),
            ("a\u{FFFD}", PathError::InvalidUtf8),
            ("%", PathError::BrokenEscape),
            ("%4", PathError::BrokenEscape),
            ("%zz", PathError::BrokenEscape),
            ("%+1", PathError::BrokenEscape),
        ] {
            assert_eq!(ImagePath::from_raw(raw), Err(error), "{raw:?}");
        }
    }

    #[test]
    fn limits_the_decoded_length() {
        assert!(ImagePath::from_raw(&"%41".repeat(1024)).is_ok());
        assert_eq!(
            ImagePath::from_raw(&"a".repeat(1025)),
            Err(PathError::TooLong)
        );
    }

    #[test]
    fn keys_are_the_path_unless_kv_could_not_hold_it() {
        assert_eq!(
            &*path("photos/cat.jpg").cache_key(),
            "metadata:photos/cat.jpg"
        );
        let longest = "a".repeat(503);
        assert_eq!(&*path(&longest).cache_key(), format!("metadata:{longest}"));
        assert_eq!(
            &*path(&"a".repeat(504)).cache_key(),
            "metadata:sha256:62826bf83bc59fe90559d74521acb17cc8583fed87c8bf6c20b55be4ec19f0e9"
        );
    }

    #[test]
    fn no_short_path_can_take_the_key_of_a_long_one() {
        let long = path(&"a".repeat(504)).cache_key();
        let forged = long.strip_prefix("metadata:").unwrap();
        assert_ne!(path(forged).cache_key(), long);
    }

    #[test]
    fn the_origin_url_encodes_whatever_is_not_a_plain_segment() {
        assert_eq!(
            path("a b/Gr%C3%B6%C3%9Fe%3F%23%25.png").origin_url("https://images.test/base"),
            "https://images.test/base/a%20b/Gr%C3%B6%C3%9Fe%3F%23%25.png"
        );
        assert_eq!(
            path("w=1,h=2/a@b:c").origin_url("https://images.test"),
            "https://images.test/w=1,h=2/a@b:c"
        );
    }
}
