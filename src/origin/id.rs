//! Names the origin that a KV record came from, so that another origin's records are not served.

use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::path::hex;

/// How many bytes of the digest are kept.
const BYTES: usize = 4;

/// The stored name of an origin: 8 hex digits of the SHA-256 of `url:<URL>` or `bucket:<binding>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginId([u8; BYTES]);

impl OriginId {
    /// The origin at a URL, as the settings have it without its trailing slash.
    #[must_use]
    pub fn of_url(url: &str) -> Self {
        Self::of("url:", url)
    }

    /// The origin that is an R2 bucket, by the name of its binding.
    #[must_use]
    pub fn of_bucket(binding: &str) -> Self {
        Self::of("bucket:", binding)
    }

    fn of(kind: &str, name: &str) -> Self {
        let digest = Sha256::new().chain_update(kind).chain_update(name);
        let mut id = [0; BYTES];
        for (byte, of_digest) in id.iter_mut().zip(digest.finalize()) {
            *byte = of_digest;
        }
        Self(id)
    }

    /// Reads its 8 hex digits. `None` for anything else.
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

    /// Its 8 hex digits.
    #[must_use]
    pub fn text(self) -> String {
        hex(&self.0)
    }
}

/// The origins of the settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OriginIds {
    pub(crate) bucket: Option<OriginId>,
    pub(crate) url: Option<OriginId>,
}

impl OriginIds {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            bucket: config.origin_bucket.as_deref().map(OriginId::of_bucket),
            url: config.origin_url.as_deref().map(OriginId::of_url),
        }
    }

    /// Returns `true` if a record of this origin may be served. Earlier versions named none: theirs are served.
    pub(crate) fn accept(&self, origin: Option<OriginId>) -> bool {
        origin.is_none() || [self.bucket, self.url].contains(&origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_name_of_an_origin_is_the_golden_one() {
        // printf %s url:https://images.test | sha256sum | head -c 8
        let golden = [
            (OriginId::of_url("https://images.test"), "2d48561e"),
            (OriginId::of_bucket("IMAGES"), "e21cfdb0"),
        ];
        for (id, text) in golden {
            assert_eq!(id.text(), text);
            assert_eq!(OriginId::parse(text), Some(id));
        }
    }

    #[test]
    fn a_url_and_a_bucket_of_one_name_are_two_origins() {
        assert_ne!(OriginId::of_url("IMAGES"), OriginId::of_bucket("IMAGES"));
    }

    #[test]
    fn records_of_the_settings_origins_and_of_none_are_accepted() {
        let settings =
            serde_json::json!({ "originUrl": "https://images.test/", "originBucket": "IMAGES" });
        let origins = OriginIds::of(&Config::from_json(&settings).unwrap());
        let [url, bucket] = [
            OriginId::of_url("https://images.test"),
            OriginId::of_bucket("IMAGES"),
        ];
        assert!([Some(url), Some(bucket), None].map(|id| origins.accept(id)) == [true; 3]);
        assert!(!origins.accept(Some(OriginId::of_url("https://images.test/v2"))));
        let only_url = OriginIds {
            bucket: None,
            ..origins
        };
        assert!(only_url.accept(Some(url)) && !only_url.accept(Some(bucket)));
    }

    #[test]
    fn anything_but_eight_hex_digits_names_no_origin() {
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
