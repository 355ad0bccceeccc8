//! Batches: many images in one request.

use std::rc::Rc;

use super::batch_scope::BatchScope;
use super::join_all::join_all;
use super::ports::Ports;
use super::state::OptimizedMetadataService;
use crate::lookup::{Lookup, LookupError};
use crate::path::ImagePath;

impl<S: Clone + 'static> OptimizedMetadataService<S> {
    /// Returns the metadata of the images at `paths`, in their order.
    ///
    /// Images that are not in memory share one bulk read of KV; at most six are fetched at a time. An image that is named
    /// twice is looked up once.
    pub async fn fetch_batch<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        paths: &[ImagePath],
        ports: &P,
    ) -> Vec<Result<Lookup, LookupError>> {
        let config = self.config();
        let (cache_ttl_s, timeout_ms) = (config.kv_read_cache_ttl_s, config.kv_timeout_ms);
        let batch = BatchScope::new(ports, cache_ttl_s, timeout_ms);
        let mut distinct: Vec<&ImagePath> = Vec::new();
        for path in paths {
            if !distinct.contains(&path) {
                distinct.push(path);
            }
        }
        let lookups = distinct
            .iter()
            .map(|path| self.get(path, Some(&batch), ports));
        let outcomes = join_all(lookups).await;
        paths
            .iter()
            .filter_map(|path| {
                let place = distinct.iter().position(|known| *known == path)?;
                outcomes.get(place).cloned()
            })
            .inspect(|outcome| self.count(outcome))
            .collect()
    }
}
