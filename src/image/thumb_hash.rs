//! A ThumbHash as metadata has it: a blurred picture in at most 25 bytes. `placeholder::thumbhash` makes and draws them.

use std::fmt;

use crate::text::base64;

/// The length of a hash in bytes: from a header without frequencies to the most frequencies with transparency.
const BYTES: std::ops::RangeInclusive<usize> = 5..=25;

/// The bytes of a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThumbHash(Box<[u8]>);

impl ThumbHash {
    /// Returns `None` unless there are 5 to 25 bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        BYTES.contains(&bytes.len()).then(|| Self(bytes.into()))
    }

    /// Reads base64. Returns `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::new(base64::decode(text)?)
    }

    /// Returns the bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for ThumbHash {
    /// Writes base64.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64::encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let text = "1QcSHQRnh493V4dIh4eXh1h4kJUI";
        let hash = ThumbHash::parse(text).unwrap();
        assert_eq!((hash.bytes().len(), hash.to_string().as_str()), (21, text));
    }

    #[test]
    fn a_hash_has_5_to_25_bytes() {
        let is_valid = |length| ThumbHash::new(vec![7; length]).is_some();
        assert!(is_valid(5) && is_valid(25));
        assert!(!is_valid(0) && !is_valid(4) && !is_valid(26));
        for text in ["", "AAAA", "not base64", "1QcSHQRnh493V4dIh4eXh1h4kJUI="] {
            assert_eq!(ThumbHash::parse(text), None, "{text}");
        }
    }
}
