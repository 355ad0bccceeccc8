//! L3: asks the bucket, then the URL, and retries once after a transient failure.

use super::ports::Ports;
use super::state::OptimizedMetadataService;
use crate::image::metadata::ImageMetadata;
use crate::image::prefix::BodyPrefix;
use crate::origin::error::{ErrorKind, OriginFault};
use crate::origin::id::OriginId;
use crate::path::ImagePath;

/// The shortest pause before the retry; the longest is twice as long.
const RETRY_PAUSE_MS: f64 = 50.0;

/// What an origin returned, and which origin it was.
pub(super) struct Fetched {
    pub(super) metadata: ImageMetadata,
    pub(super) origin: Option<OriginId>,
}

impl<S: Clone + 'static> OptimizedMetadataService<S> {
    /// Fetches metadata from the origin, with at most one retry, within `originTimeoutMs`.
    ///
    /// # Errors
    /// If the last attempt failed.
    pub(super) async fn fetch_from_origin<P: Ports<Signal = S>>(
        &self,
        path: &ImagePath,
        ports: &P,
    ) -> Result<Fetched, OriginFault> {
        let started_ms = ports.now_ms();
        let deadline = ports.deadline(self.config.origin_timeout_ms);
        let mut is_retry = false;
        // A loop, so that the Worker has the code of the attempt once.
        let result = loop {
            let result = match self.ask_bucket(path, started_ms, ports).await {
                Some(result) => result,
                None => self.ask_url(path, &deadline, ports).await,
            };
            let retries = |fault: &OriginFault| !is_retry && fault.error.is_worth_a_retry();
            if !result.as_ref().is_err_and(retries) {
                break result;
            }
            is_retry = true;
            let pause_ms = RETRY_PAUSE_MS * (1.0 + ports.random());
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 50 to 100
            ports.sleep(pause_ms as u64).await;
        };
        self.metrics.origin.count(result.is_ok());
        result
    }

    /// Reads the object of `path`. `None` if there is no bucket, or no such object and an `originUrl` to ask.
    async fn ask_bucket<P: Ports<Signal = S>>(
        &self,
        path: &ImagePath,
        started_ms: u64,
        ports: &P,
    ) -> Option<Result<Fetched, OriginFault>> {
        let config = &self.config;
        config.origin_bucket.as_ref()?;
        let spent_ms = ports.now_ms().saturating_sub(started_ms);
        let remaining_ms = config.origin_timeout_ms.saturating_sub(spent_ms);
        let prefix = BodyPrefix::new(config.header_limits, None);
        self.metrics.origin_fetches.increment();
        let object = ports.open(path.as_str(), prefix, remaining_ms).await;
        let result = match object {
            Ok(None) if config.origin_url.is_some() => return None,
            Ok(None) => Err(ErrorKind::NotFound.into()),
            Ok(Some(object)) => object.metadata().map_err(OriginFault::from),
            Err(fault) => Err(fault),
        };
        Some(self.fetched(result, self.origins.bucket))
    }

    async fn ask_url<P: Ports<Signal = S>>(
        &self,
        path: &ImagePath,
        deadline: &P::Deadline,
        ports: &P,
    ) -> Result<Fetched, OriginFault> {
        let config = &self.config;
        let url = path.origin_url(config.origin_url.as_deref().unwrap_or_default());
        self.metrics.origin_fetches.increment();
        let response = ports.ask(&url, config.header_limits, deadline).await;
        let result = response.and_then(|response| Ok(response.metadata()?));
        self.fetched(result, self.origins.url)
    }

    /// Adds the origin to what it returned, and counts a response without information about the image.
    fn fetched(
        &self,
        result: Result<ImageMetadata, OriginFault>,
        origin: Option<OriginId>,
    ) -> Result<Fetched, OriginFault> {
        if result
            .as_ref()
            .is_err_and(|fault| fault.error.allows_stale())
        {
            self.metrics.origin_failures.increment();
        }
        result.map(|metadata| Fetched { metadata, origin })
    }
}
