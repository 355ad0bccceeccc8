//! Forgetting images before their time.
//!
//! In this isolate at once, in KV before the answer. Other isolates forget within `memoryCacheTtl`,
//! and KV itself may serve what it has cached for `kvReadCacheTtl`.

use std::collections::HashSet;
use std::rc::Rc;

use super::join_all::join_all;
use super::ports::{KvFault, Ports};
use super::state::OptimizedMetadataService;
use crate::path::{ImagePath, KEY_PREFIX};

/// How many keys of KV one call deletes at most: each is an operation of its own, and their number
/// is limited for a request.
const KEYS_AT_A_TIME: u32 = 100;

/// What a purge did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// How many images were forgotten.
    pub count: usize,
    /// Where to go on, if there are more.
    pub cursor: Option<String>,
}

impl<S: Clone + 'static> OptimizedMetadataService<S> {
    /// Forgets the image at `path`, and what is being fetched for it.
    ///
    /// # Errors
    /// Where KV did not delete it. A namespace that is not bound has nothing to delete.
    pub async fn purge<P: Ports<Signal = S>>(
        &self,
        path: &ImagePath,
        ports: &P,
    ) -> Result<(), KvFault> {
        let key = path.cache_key();
        self.forget(&key);
        let deleted = self.delete_from_kv(&key, ports).await;
        // A request that read KV while the deletion was on its way has the old record.
        self.forget(&key);
        deleted
    }

    /// Forgets the images below `folder`, or all, and what is being fetched for them. One call
    /// deletes up to 100 of them from KV and tells where to go on.
    ///
    /// A path of more than 503 bytes is hashed to make its key, and is found by no folder.
    ///
    /// # Errors
    /// Where KV did not list or delete them. What was deleted stays so; a purge can be repeated.
    pub async fn purge_below<P: Ports<Signal = S>>(
        &self,
        folder: Option<&ImagePath>,
        cursor: Option<&str>,
        ports: &P,
    ) -> Result<Purged, KvFault> {
        let prefix = folder.map_or_else(|| KEY_PREFIX.to_owned(), ImagePath::key_prefix);
        // Memory can hold much more than a page. It is searched once, by the call for the first page.
        let in_memory = match cursor {
            None => self.forget_prefix(&prefix),
            Some(_) => Vec::new(),
        };
        let page = self.list_kv(&prefix, cursor, KEYS_AT_A_TIME, ports).await?;
        let deletions = page.keys.iter().map(|key| self.delete_from_kv(key, ports));
        let deleted = join_all(deletions).await;
        // Requests that read KV while the deletions were on their way have the old records.
        page.keys.iter().for_each(|key| self.forget(key));
        deleted.into_iter().collect::<Result<(), _>>()?;
        let listed: HashSet<&str> = page.keys.iter().map(String::as_str).collect();
        let only_in_memory = in_memory.iter().filter(|key| !listed.contains(&***key));
        Ok(Purged {
            count: page.keys.len().saturating_add(only_in_memory.count()),
            cursor: page.cursor,
        })
    }

    /// Removes a key from memory, and revokes what is being fetched for it.
    fn forget(&self, key: &str) {
        self.flights.borrow_mut().invalidate(key);
        self.memory.borrow_mut().remove(key);
        self.negative_cache.borrow_mut().remove(key);
    }

    /// The same for all keys that begin with `prefix`. Returns those that were in memory.
    fn forget_prefix(&self, prefix: &str) -> Vec<Rc<str>> {
        self.flights.borrow_mut().invalidate_prefix(prefix);
        self.negative_cache.borrow_mut().remove_prefix(prefix);
        let mut memory = self.memory.borrow_mut();
        memory.remove_all(|key| key.starts_with(prefix))
    }
}
