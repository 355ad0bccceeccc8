//! Reads images again from their origins, after the caches were purged.

use std::rc::Rc;

use super::join_all::join_all;
use super::ports::Ports;
use super::semaphore::Semaphore;
use super::state::OptimizedMetadataService;
use crate::lookup::{Lookup, LookupError};
use crate::path::ImagePath;

/// How many images are read at a time: a Worker may wait for the headers of six responses at once.
const AT_A_TIME: usize = 6;

impl<S: Clone + 'static> OptimizedMetadataService<S> {
    /// Reads images from their origins and stores what they have now. Returns the results, in the order of `paths`.
    ///
    /// KV is not read: it may still have the purged record in a cache near the isolate.
    pub(crate) async fn read_again<P: Ports<Signal = S>>(
        self: &Rc<Self>,
        paths: &[ImagePath],
        ports: &P,
    ) -> Vec<Result<Lookup, LookupError>> {
        let semaphore = Semaphore::new(AT_A_TIME);
        let reads = paths.iter().map(|path| async {
            let _permit = semaphore.acquire().await;
            self.read_origin(path, ports).await
        });
        join_all(reads).await
    }
}
