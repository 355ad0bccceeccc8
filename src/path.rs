//! Canonicalizes the raw path of a request, and derives the cache key and the origin URL from it.

pub mod purge_target;
pub mod query;

use std::fmt;
use std::rc::Rc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::text::hex::hex;

/// The maximum length of a decoded path, in bytes.
pub const MAX_PATH_BYTES: usize = 1_024;

/// The maximum length of a path that is part of its cache key as it is, in bytes. A longer path is hashed, because
/// Workers KV accepts keys of up to 512 bytes, including the prefix.
const MAX_PLAIN_KEY_BYTES: usize = 512 - KEY_PREFIX.len();

/// The prefix of every cache key.
pub(crate) const KEY_PREFIX: &str = "metadata:";
const HASH_PREFIX: &str = "sha256:";

/// The characters to encode in a path segment: all but RFC 3986's `pchar`, and `;`. Some servers remove what follows a `;` in a
/// segment, so that they would read `..;` as `..`.
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
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// Separates the path from the query in the key of a versioned image. No path contains it, because no segment is empty.
const QUERY_MARK: &str = "//?";

/// The decoded, canonical path of an image. Every route, batch item and RPC call uses it.
///
/// It has at least one segment. No segment is empty, `.` or `..`. The path contains no `\` and no control character.
///
/// The path of a versioned image includes the [selected](query::QueryNames::select) parameters of its query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImagePath(Rc<str>);

impl ImagePath {
    /// Canonicalizes `raw`, the percent-encoded path without a leading slash or query.
    ///
    /// The path is decoded once, as UTF-8, and then split into segments. So an encoded slash is a slash, and `%2e%2e`
    /// is refused as `..`, while `%252e` becomes the harmless name `%2e`.
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
    /// If `raw` breaks a rule of [`PathError`].
    pub fn from_raw(raw: &str) -> Result<Self, PathError> {
        Self::from_decoded(&decode(raw)?)
    }

    /// Checks a path that is not percent-encoded.
    ///
    /// # Errors
    /// If `decoded` breaks a rule of [`PathError`].
    pub fn from_decoded(decoded: &str) -> Result<Self, PathError> {
        if decoded.is_empty() {
            return Err(PathError::Empty);
        }
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

    /// Returns the cache key of a raw path and the query of a version, or `None` if any of the path is encoded or it must
    /// be hashed. An empty query selects no version.
    ///
    /// The path may be invalid. Then no cache has an entry under the key: entries are stored only for paths that
    /// [`from_raw`](Self::from_raw) accepts, and it does not change a path in which nothing is encoded.
    #[must_use]
    pub fn key_of_plain(raw: &str, query: &str) -> Option<String> {
        let mark = if query.is_empty() { "" } else { QUERY_MARK };
        let length = [raw, mark, query]
            .iter()
            .map(|part| part.len())
            .sum::<usize>();
        let is_plain = length <= MAX_PLAIN_KEY_BYTES
            // A `?` would make the rest a query: in a URL, it ends the path.
            && raw.bytes().all(|byte| byte.is_ascii() && !b"%?".contains(&byte))
            && !raw.starts_with(HASH_PREFIX);
        is_plain.then(|| [KEY_PREFIX, raw, mark, query].concat())
    }

    /// Returns the path of the version that `query` selects. An empty query selects none.
    #[must_use]
    pub(crate) fn with_query(&self, query: &str) -> Self {
        if query.is_empty() {
            return self.clone();
        }
        Self([self.as_str(), QUERY_MARK, query].concat().into())
    }

    /// Returns the decoded path, such as `photos/cat.jpg`, without the query of a version.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.split().0
    }

    /// Returns the query of a version, such as `v=3`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.split().1
    }

    fn split(&self) -> (&str, Option<&str>) {
        match self.0.split_once(QUERY_MARK) {
            Some((path, query)) => (path, Some(query)),
            None => (&self.0, None),
        }
    }

    /// Returns the path below a folder, with the same query. An empty `folder` is the root. Returns `None` if the path
    /// is not below it.
    #[must_use]
    pub(crate) fn below(&self, folder: &str) -> Option<Self> {
        if folder.is_empty() {
            return Some(self.clone());
        }
        let below = self.0.strip_prefix(folder)?.strip_prefix('/')?;
        // After the folder itself follows the query of a version, if anything.
        (!below.starts_with('/')).then(|| Self(below.into()))
    }

    /// Returns the key of this image in every cache: `metadata:` and the path, or `metadata:sha256:` and 64 hex digits
    /// if the path is too long for KV. A version has a key of its own: `metadata:photos/cat.jpg//?v=3`.
    ///
    /// A path that begins with `sha256:` is hashed too, so that no short path can have the key of a long one.
    #[must_use]
    pub fn cache_key(&self) -> Rc<str> {
        let path = &*self.0;
        if path.len() > MAX_PLAIN_KEY_BYTES || path.starts_with(HASH_PREFIX) {
            let digest = Sha256::digest(path.as_bytes());
            format!("{KEY_PREFIX}{HASH_PREFIX}{}", hex(&digest)).into()
        } else {
            format!("{KEY_PREFIX}{path}").into()
        }
    }

    /// Returns the common prefix of the keys of all images under this path. Hashed keys, those of long paths, do not
    /// have this prefix.
    #[must_use]
    pub(crate) fn key_prefix(&self) -> String {
        format!("{KEY_PREFIX}{}/", self.as_str())
    }

    /// Returns the common prefix of the keys of all versions of this path. Hashed keys, those of long paths, do not have
    /// this prefix.
    #[must_use]
    pub(crate) fn versions_key_prefix(&self) -> String {
        [KEY_PREFIX, self.as_str(), QUERY_MARK].concat()
    }

    /// Returns the path with every segment percent-encoded, and the query of a version after a `?`: ASCII, and safe in a
    /// URL, a header or a log.
    #[must_use]
    pub fn encoded(&self) -> String {
        let (path, query) = self.split();
        let mut encoded = String::with_capacity(self.0.len());
        for (index, segment) in path.split('/').enumerate() {
            if index > 0 {
                encoded.push('/');
            }
            encoded.extend(utf8_percent_encode(segment, SEGMENT));
        }
        if let Some(query) = query {
            encoded.push('?');
            encoded.push_str(query);
        }
        encoded
    }

    /// Returns the image's URL under `origin`, which has no trailing slash.
    ///
    /// The two are concatenated. Resolving the path against the origin would be unsafe: `//host`, `\host` or a scheme
    /// in the path could lead to another host.
    #[must_use]
    pub fn origin_url(&self, origin: &str) -> String {
        format!("{origin}/{}", self.encoded())
    }
}

/// Percent-decodes `raw` once, as UTF-8.
fn decode(raw: &str) -> Result<String, PathError> {
    // The runtime replaces bytes that it cannot decode with this character. Accepting it would give different requests
    // the same path.
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

/// A rule that a path breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// The path is empty after the route's prefix.
    Empty,
    /// Two slashes in a row, or one at either end, encoded or not.
    EmptySegment,
    /// A segment is `.` or `..`, encoded or not.
    DotSegment,
    /// A `\`, encoded or not.
    Backslash,
    /// NUL or another control character, encoded or not.
    ControlCharacter,
    /// The decoded bytes are not UTF-8.
    InvalidUtf8,
    /// A `%` is not followed by two hexadecimal digits.
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
                "The path has a '%' that is not followed by two hexadecimal digits; write a literal '%' as '%25'."
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
    fn only_a_short_path_in_which_nothing_is_encoded_has_a_plain_key() {
        let plain = ImagePath::key_of_plain;
        assert_eq!(plain("a/b.jpg", "").as_deref(), Some("metadata:a/b.jpg"));
        assert_eq!(
            plain("a/b.jpg", "v=3").as_deref(),
            Some("metadata:a/b.jpg//?v=3")
        );
        let longest = "a".repeat(MAX_PLAIN_KEY_BYTES);
        assert!(plain(&longest, "").is_some());
        assert_eq!(plain(&longest, "v=3"), None);
        let long = "a".repeat(MAX_PLAIN_KEY_BYTES + 1);
        for raw in [
            "%2esha256:",
            "a%20b",
            "caf\u{e9}",
            "sha256:0",
            "a//?v=3",
            &long,
        ] {
            assert_eq!(plain(raw, ""), None, "{raw}");
        }
    }

    #[test]
    fn a_version_has_a_key_of_its_own_and_its_query_in_the_origin_url() {
        let image = path("photos/my%20cat.jpg");
        let version = image.with_query("v=3");
        assert_eq!(version.as_str(), "photos/my cat.jpg");
        assert_eq!(version.query(), Some("v=3"));
        assert_eq!(&*version.cache_key(), "metadata:photos/my cat.jpg//?v=3");
        assert_eq!(
            version.origin_url("https://images.test"),
            "https://images.test/photos/my%20cat.jpg?v=3"
        );
        assert_eq!(version.with_query("v=4").query(), Some("v=4"));
        assert_eq!(image.with_query(""), image);
        assert_eq!(image.query(), None);
        // The name of another image, which needs another request.
        let name = path("photos/my%20cat.jpg%3Fv=3");
        assert_eq!(name.query(), None);
        assert_ne!(name.cache_key(), version.cache_key());
        assert!(
            version
                .cache_key()
                .starts_with(&image.versions_key_prefix())
        );
    }

    #[test]
    fn the_path_below_a_folder_keeps_the_query() {
        let version = path("photos/2024/cat.jpg").with_query("v=3");
        let below = version.below("photos/2024").unwrap();
        assert_eq!((below.as_str(), below.query()), ("cat.jpg", Some("v=3")));
        assert_eq!(version.below(""), Some(version.clone()));
        for folder in ["photo", "photos/2024/cat.jpg", "2024"] {
            assert_eq!(version.below(folder), None, "{folder}");
        }
    }

    #[test]
    fn a_path_is_decoded_once() {
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
    fn the_error_names_the_rule_that_a_path_breaks() {
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
    fn the_length_limit_applies_to_the_decoded_path() {
        assert!(ImagePath::from_raw(&"%41".repeat(1024)).is_ok());
        assert_eq!(
            ImagePath::from_raw(&"a".repeat(1025)),
            Err(PathError::TooLong)
        );
    }

    #[test]
    fn a_cache_key_contains_the_path_unless_it_is_too_long_for_kv() {
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
    fn no_short_path_can_have_the_key_of_a_long_one() {
        let long = path(&"a".repeat(504)).cache_key();
        let forged = long.strip_prefix("metadata:").unwrap();
        assert_ne!(path(forged).cache_key(), long);
    }

    #[test]
    fn the_origin_url_percent_encodes_the_segments_of_the_path() {
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
