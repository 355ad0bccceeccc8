//! The identity of an origin, which KV records store. Records of another origin are not served.

use sha2::{Digest, Sha256};

use crate::text::hex::hex;

/// The number of bytes of the digest in an identity.
const BYTES: usize = 4;

/// The identity of an origin: the first 4 bytes of the SHA-256 of `url:<URL>`, `bucket:<name or
/// binding>` or `service:<binding>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginId([u8; BYTES]);

impl OriginId {
    /// Returns the identity of the origin at `url`, which is the setting without a trailing slash.
    pub(crate) fn of_url(url: &str) -> Self {
        Self::of("url:", url)
    }

    /// Returns the identity of an R2 bucket: of its name if the settings have it, or else of its binding.
    pub(crate) fn of_bucket(name: &str) -> Self {
        Self::of("bucket:", name)
    }

    /// Returns the identity of a service binding.
    pub(crate) fn of_service(binding: &str) -> Self {
        Self::of("service:", binding)
    }

    fn of(kind: &str, name: &str) -> Self {
        let digest = Sha256::new().chain_update(kind).chain_update(name);
        let mut id = [0; BYTES];
        for (byte, digest_byte) in id.iter_mut().zip(digest.finalize()) {
            *byte = digest_byte;
        }
        Self(id)
    }

    /// Reads the stored form: 8 lowercase hexadecimal digits. Returns `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u32::from_str_radix(text, 16).ok();
        number
            .filter(|_| is_hex && text.len() == 2 * BYTES)
            .map(|number| Self(number.to_be_bytes()))
    }

    /// Returns the stored form: 8 hexadecimal digits.
    #[must_use]
    pub fn text(self) -> String {
        hex(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_of_an_origin_is_pinned() {
        // printf %s url:https://images.test | sha256sum | head -c 8
        let golden = [
            (OriginId::of_url("https://images.test"), "2d48561e"),
            (OriginId::of_bucket("IMAGES"), "e21cfdb0"),
            (OriginId::of_service("IMAGES"), "eb9bfefd"),
        ];
        for (id, text) in golden {
            assert_eq!(id.text(), text);
            assert_eq!(OriginId::parse(text), Some(id));
        }
    }

    #[test]
    fn a_url_and_a_bucket_with_the_same_name_are_different_origins() {
        assert_ne!(OriginId::of_url("IMAGES"), OriginId::of_bucket("IMAGES"));
    }

    #[test]
    fn anything_but_eight_lowercase_hex_digits_is_refused() {
        for text in [
            "",
            "0123abc",
            "0123abcde",
            "0123ABCD",
            "+123abcd",
            "0123abcg",
            "url:abcd",
        ] {
            assert_eq!(OriginId::parse(text), None, "{text}");
        }
    }
}
