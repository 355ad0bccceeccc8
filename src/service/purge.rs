//! Purges: removing images from the caches before they expire.
//!
//! A purge takes effect in this isolate, in KV and in the platform's cache before its response. KV's own cache and other isolates may serve
//! the image for a time that [`PurgeBound`](crate::config::PurgeBound) calculates.

use std::collections::HashSet;
use std::rc::Rc;

use super::join_all::join_all;
use super::ports::{KvFault, Ports};
use super::state::OptimizedMetadataService;
use crate::cache::tags::{folder_tag, image_tag};
use crate::path::{ImagePath, KEY_PREFIX};
use crate::telemetry::event::Event;

/// How many keys one call deletes from KV at most. Each deletion is an operation, and the platform limits the operations
/// of a request.
const KEYS_AT_A_TIME: u32 = 100;

/// How many tags one call purges from the platform's cache at most, which is the platform's limit.
const TAGS_AT_A_TIME: usize = 100;

/// The result of a purge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// The number of images that were removed.
    pub count: usize,
    /// Where the next call goes on, if there are more images.
    pub cursor: Option<String>,
    /// With the setting `edgeCache`: `true` if the platform's cache was purged, which is done with the last page.
    pub edge: Option<bool>,
}

/// Why a purge failed. Repeat it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurgeError {
    /// KV did not list or delete records.
    Kv(KvFault),
    /// The platform's cache refused the purge: it is limited to a few in a minute.
    Edge,
}

impl From<KvFault> for PurgeError {
    fn from(fault: KvFault) -> Self {
        Self::Kv(fault)
    }
}

impl<S: Clone + 'static> OptimizedMetadataService<S> {
    /// Removes the image at `path` from all caches, and invalidates its flight. A path without a query includes all of its versions, of
    /// which one call deletes up to 100 from KV. The last call also purges the platform's cache.
    ///
    /// Versions of long paths have hashed keys, which are found only by the path with its query.
    ///
    /// # Errors
    /// If KV did not delete it, or the platform refuses. A namespace that is not bound has nothing to delete.
    pub async fn purge<P: Ports<Signal = S>>(
        &self,
        path: &ImagePath,
        cursor: Option<&str>,
        ports: &P,
    ) -> Result<Purged, PurgeError> {
        let purged = self.purge_stored(path, cursor, ports).await?;
        self.purge_edge(purged, || image_tag(path), ports).await
    }

    /// Removes the images below `folder`, or all images, and invalidates their flights. One call deletes up to 100 of them
    /// from KV, and returns the cursor for the next call. The last call also purges the platform's cache.
    ///
    /// The key of a path of more than 503 bytes is a hash, so no folder but `None` includes it.
    ///
    /// # Errors
    /// If KV did not list or delete them, or the platform refuses. Images deleted by then stay deleted; repeat the purge.
    pub async fn purge_below<P: Ports<Signal = S>>(
        &self,
        folder: Option<&ImagePath>,
        cursor: Option<&str>,
        ports: &P,
    ) -> Result<Purged, PurgeError> {
        let purged = self.purge_stored_below(folder, cursor, ports).await?;
        self.purge_edge(purged, || folder_tag(folder), ports).await
    }

    /// As [`purge`](Self::purge), from memory and KV only.
    pub(crate) async fn purge_stored<P: Ports<Signal = S>>(
        &self,
        path: &ImagePath,
        cursor: Option<&str>,
        ports: &P,
    ) -> Result<Purged, KvFault> {
        let mut purged = Purged {
            count: 0,
            cursor: None,
            edge: None,
        };
        // Only with the first page of its versions.
        if cursor.is_none() {
            let key = path.cache_key();
            self.purge_memory(&key);
            self.delete_from_kv(&key, ports).await?;
            // A request may have read the old record from KV while the deletion was under way.
            self.purge_memory(&key);
            purged.count = 1;
        }
        if path.query().is_none() && self.config.origins.has_versions(path.as_str()) {
            let prefix = path.versions_key_prefix();
            let versions = self.purge_prefix(&prefix, cursor, ports).await?;
            purged.count = purged.count.saturating_add(versions.count);
            purged.cursor = versions.cursor;
        }
        Ok(purged)
    }

    /// As [`purge_below`](Self::purge_below), from memory and KV only.
    pub(crate) async fn purge_stored_below<P: Ports<Signal = S>>(
        &self,
        folder: Option<&ImagePath>,
        cursor: Option<&str>,
        ports: &P,
    ) -> Result<Purged, KvFault> {
        let prefix = folder.map_or_else(|| KEY_PREFIX.to_owned(), ImagePath::key_prefix);
        self.purge_prefix(&prefix, cursor, ports).await
    }

    /// Purges a tag from the platform's cache. That is done last: before, a response of this isolate could bring an old record back
    /// there. For the same reason, only the last page does it.
    async fn purge_edge<P: Ports<Signal = S>>(
        &self,
        purged: Purged,
        tag: impl FnOnce() -> String,
        ports: &P,
    ) -> Result<Purged, PurgeError> {
        if !self.config.edge_cache || purged.cursor.is_some() {
            return Ok(purged);
        }
        let edge = Some(self.purge_tags(&[tag()], ports).await?);
        Ok(Purged { edge, ..purged })
    }

    /// Purges tags from the platform's cache, 100 in a call. Returns `false` if the setting is off, or there is no such cache.
    ///
    /// # Errors
    /// If the platform refuses.
    pub(crate) async fn purge_tags<P: Ports<Signal = S>>(
        &self,
        tags: &[String],
        ports: &P,
    ) -> Result<bool, PurgeError> {
        if !self.config.edge_cache {
            return Ok(false);
        }
        for tags in tags.chunks(TAGS_AT_A_TIME) {
            match ports.purge_tags(tags).await {
                Ok(true) => {}
                Ok(false) => {
                    self.log(&Event::EdgeCacheMissing, ports);
                    return Ok(false);
                }
                Err(cause) => {
                    self.log(&Event::EdgePurgeFault { cause: &cause }, ports);
                    return Err(PurgeError::Edge);
                }
            }
        }
        Ok(true)
    }

    async fn purge_prefix<P: Ports<Signal = S>>(
        &self,
        prefix: &str,
        cursor: Option<&str>,
        ports: &P,
    ) -> Result<Purged, KvFault> {
        // Memory can hold many more images than a page lists. The call for the first page removes all of them.
        let in_memory = match cursor {
            None => self.purge_memory_below(prefix),
            Some(_) => Vec::new(),
        };
        let page = self.list_kv(prefix, cursor, KEYS_AT_A_TIME, ports).await?;
        let deletions = page.keys.iter().map(|key| self.delete_from_kv(key, ports));
        let deleted = join_all(deletions).await;
        // Requests may have read the old records from KV while the deletions were under way.
        page.keys.iter().for_each(|key| self.purge_memory(key));
        deleted.into_iter().collect::<Result<(), _>>()?;
        let listed: HashSet<&str> = page.keys.iter().map(String::as_str).collect();
        // Further pages have most of the others, and count them.
        let is_only_page = page.cursor.is_none();
        let only_in_memory = in_memory
            .iter()
            .filter(|key| is_only_page && !listed.contains(&***key));
        Ok(Purged {
            count: page.keys.len().saturating_add(only_in_memory.count()),
            cursor: page.cursor,
            edge: None,
        })
    }

    /// Removes a key from memory, and invalidates its flight.
    pub(super) fn purge_memory(&self, key: &str) {
        self.flights.borrow_mut().invalidate(key);
        self.memory.borrow_mut().remove(key);
        self.negative_cache.borrow_mut().remove(key);
    }

    /// As [`purge_memory`](Self::purge_memory), for all keys that begin with `prefix`. Returns those that were in memory.
    fn purge_memory_below(&self, prefix: &str) -> Vec<Rc<str>> {
        self.flights.borrow_mut().invalidate_prefix(prefix);
        self.negative_cache.borrow_mut().remove_prefix(prefix);
        let mut memory = self.memory.borrow_mut();
        memory.remove_all(|key| key.starts_with(prefix))
    }
}
