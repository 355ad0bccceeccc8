//! An entry of L1: the metadata of an image, and the encoded response body.

use std::cell::Cell;
use std::rc::Rc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cache::freshness::{self, Freshness, FreshnessPolicy, Lifetime};
use crate::image::metadata::ImageMetadata;
use crate::path::ImagePath;
use crate::text::hex::hex;

/// The number of bytes of the body's SHA-256 that are its entity tag.
const ETAG_BYTES: usize = 8;

/// The estimated memory of an entry besides its strings, in bytes.
const FIXED_BYTES: usize = 512;

/// An entry of L1. A hit returns `body` and `etag` unchanged, and encodes nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The metadata of the image.
    pub metadata: ImageMetadata,
    /// The response body, in JSON. It depends only on the path, its query and the metadata, so it is the same from every layer.
    pub body: String,
    /// The strong entity tag of `body`, in quotes.
    pub etag: String,
    /// The `Cache-Tag` of responses. `None` if the setting `edgeCache` is off.
    pub tags: Option<Box<str>>,
    last_fetched_ms: u64,
    lifetime: Lifetime,
    resident_since_ms: u64,
    /// The age in the latest response.
    last_age_s: Cell<u64>,
}

impl Entry {
    /// Encodes the response body for metadata that was fetched at `last_fetched_ms`.
    #[must_use]
    pub(crate) fn new(
        path: &ImagePath,
        metadata: ImageMetadata,
        last_fetched_ms: u64,
        lifetime: Lifetime,
        now_ms: u64,
        tags: Option<String>,
    ) -> Rc<Self> {
        #[derive(Serialize)]
        struct Response<'a> {
            path: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            query: Option<&'a str>,
            metadata: &'a ImageMetadata,
        }
        let response = Response {
            path: path.as_str(),
            query: path.query(),
            metadata: &metadata,
        };
        // A struct of numbers and strings always has a JSON form.
        let mut body = serde_json::to_string(&response).unwrap_or_default();
        // The body stays in memory, and up to half of its capacity is unused.
        body.shrink_to_fit();
        let etag = etag_of(&body);
        Rc::new(Self {
            metadata,
            body,
            etag,
            tags: tags.map(String::into_boxed_str),
            // The record may come from a machine whose clock is ahead. That must not make it fresh for longer.
            last_fetched_ms: last_fetched_ms.min(now_ms),
            lifetime,
            resident_since_ms: now_ms,
            last_age_s: Cell::new(u64::MAX),
        })
    }

    /// Returns how the entry may be used at `now_ms`.
    #[must_use]
    pub(crate) fn state(&self, policy: &FreshnessPolicy, now_ms: u64) -> Freshness {
        policy.state(self.last_fetched_ms, self.lifetime, now_ms)
    }

    /// Estimates the memory that the entry uses under `key`, in bytes. [`FIXED_BYTES`] is the estimate for all parts of
    /// a fixed size, including those in the cache's tables.
    pub(crate) fn weight(&self, key: &str) -> usize {
        let tags = self.tags.as_ref().map_or(0, |tags| tags.len());
        [key.len(), self.body.len(), self.etag.len(), tags]
            .into_iter()
            .fold(FIXED_BYTES, usize::saturating_add)
    }

    /// Returns `true` if this entry was fetched after `other`.
    #[must_use]
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        self.last_fetched_ms > other.last_fetched_ms
    }

    /// Returns how long the entry has been in this isolate, in milliseconds.
    #[must_use]
    pub(crate) fn resident_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.resident_since_ms)
    }

    /// Returns the whole seconds since the metadata was fetched from the origin.
    #[must_use]
    pub fn age_s(&self, now_ms: u64) -> u64 {
        freshness::age_s(self.last_fetched_ms, now_ms)
    }

    /// Returns `true` if the previous response had the same age. The headers of a response depend on it.
    pub(crate) fn is_repeated(&self, now_ms: u64) -> bool {
        let age_s = self.age_s(now_ms);
        self.last_age_s.replace(age_s) == age_s
    }

    /// Returns the remaining freshness in whole seconds. It is negative if the entry is stale.
    #[must_use]
    pub fn ttl_s(&self, now_ms: u64) -> i64 {
        freshness::ttl_s(self.last_fetched_ms, self.lifetime.fresh_ms, now_ms)
    }
}

/// Returns a strong entity tag for a body, in quotes.
pub(crate) fn etag_of(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    format!("\"{}\"", hex(digest.get(..ETAG_BYTES).unwrap_or(&digest)))
}
