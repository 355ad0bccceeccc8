//! An entry of L1: one image's metadata, with the answer already encoded.

use std::cell::Cell;
use std::rc::Rc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cache::freshness::{self, Freshness, FreshnessPolicy};
use crate::image::metadata::ImageMetadata;
use crate::path::{ImagePath, hex};

/// How many bytes of the body's SHA-256 make its entity tag.
const ETAG_BYTES: usize = 8;

/// What an entry takes beyond its texts, in bytes.
const FIXED_BYTES: usize = 512;

/// What L1 keeps. A hit hands out `body` and `etag` as they are and encodes nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// What is known about the image.
    pub metadata: ImageMetadata,
    /// The JSON of the answer. It depends on the path and the metadata alone, so that every
    /// layer answers the same.
    pub body: String,
    /// A strong entity tag of `body`, in quotes.
    pub etag: String,
    last_fetched_ms: u64,
    lifetime_ms: u64,
    resident_since_ms: u64,
    /// The age in the latest answer.
    last_age_s: Cell<u64>,
}

impl Entry {
    /// Encodes the answer for metadata that was fetched at `last_fetched_ms`.
    #[must_use]
    pub fn new(
        path: &ImagePath,
        metadata: ImageMetadata,
        last_fetched_ms: u64,
        lifetime_ms: u64,
        now_ms: u64,
    ) -> Rc<Self> {
        #[derive(Serialize)]
        struct Response<'a> {
            path: &'a str,
            metadata: &'a ImageMetadata,
        }
        let response = Response {
            path: path.as_str(),
            metadata: &metadata,
        };
        // A struct of numbers and strings always has a JSON form.
        let mut body = serde_json::to_string(&response).unwrap_or_default();
        // It is kept: what the writer had in reserve is up to half of it.
        body.shrink_to_fit();
        let etag = etag_of(&body);
        Rc::new(Self {
            metadata,
            body,
            etag,
            // A clock that is ahead elsewhere must not make a record fresh for longer.
            last_fetched_ms: last_fetched_ms.min(now_ms),
            lifetime_ms,
            resident_since_ms: now_ms,
            last_age_s: Cell::new(u64::MAX),
        })
    }

    /// The JSON of the answer with further fields: those of the object that `more` is encoded as.
    #[must_use]
    pub fn body_with(&self, more: &impl Serialize) -> String {
        let more = serde_json::to_string(more).unwrap_or_default();
        let fields = more.strip_prefix('{').unwrap_or_default();
        let body = self.body.strip_suffix('}').unwrap_or_default();
        format!("{body},{fields}")
    }

    /// What may be done with it now.
    #[must_use]
    pub fn state(&self, policy: &FreshnessPolicy, now_ms: u64) -> Freshness {
        policy.state(self.last_fetched_ms, self.lifetime_ms, now_ms)
    }

    /// About how many bytes of memory it takes under `key`. Its parts of a fixed size, those of the cache's tables included,
    /// are counted as [`FIXED_BYTES`].
    pub(crate) fn weight(&self, key: &str) -> usize {
        [key.len(), self.body.len(), self.etag.len()]
            .into_iter()
            .fold(FIXED_BYTES, usize::saturating_add)
    }

    /// Returns `true` if it was fetched after the other one.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.last_fetched_ms > other.last_fetched_ms
    }

    /// For how long this isolate has had it, in milliseconds.
    #[must_use]
    pub fn resident_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.resident_since_ms)
    }

    /// Whole seconds since the origin told it.
    #[must_use]
    pub fn age_s(&self, now_ms: u64) -> u64 {
        freshness::age_s(self.last_fetched_ms, now_ms)
    }

    /// Returns `true` if the answer before this one had the same age. An answer changes with it.
    pub(crate) fn is_repeated(&self, now_ms: u64) -> bool {
        let age_s = self.age_s(now_ms);
        self.last_age_s.replace(age_s) == age_s
    }

    /// Whole seconds of freshness left; negative when stale.
    #[must_use]
    pub fn ttl_s(&self, now_ms: u64) -> i64 {
        freshness::ttl_s(self.last_fetched_ms, self.lifetime_ms, now_ms)
    }
}

/// A strong entity tag of a body, in quotes.
pub(crate) fn etag_of(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    format!("\"{}\"", hex(digest.get(..ETAG_BYTES).unwrap_or(&digest)))
}
