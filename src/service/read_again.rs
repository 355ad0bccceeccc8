//! Reads images again from their origins, after the caches were purged.

use std::rc::Rc;

use super::join_all::join_all;
use super::ports::Ports;
use super::semaphore::{FETCHES_AT_A_TIME, Semaphore};
use super::state::OptimizedMetadataService;
use crate::lookup::{Lookup, LookupError};
use crate::path::ImagePath;

impl<S: Clone + 'static> OptimizedMetadataService<S> {
    /// Reads images from their origins and stores what they have now. Returns the results, in the order of `paths`.
    ///
    /// KV is not read: it may still have the purged record in a cache near the isolate.
    pub(crate) async fn read_again<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        paths: &[ImagePath],
        ports: &P,
    ) -> Vec<Result<Lookup, LookupError>> {
        let semaphore = Semaphore::new(FETCHES_AT_A_TIME);
        let reads = paths.iter().map(|path| async {
            let _permit = semaphore.acquire().await;
            self.read_origin(path, ports).await
        });
        join_all(reads).await
    }
}
