//! L3: asks the origins of the path, and retries once after a transient failure.

use super::ports::Ports;
use super::state::OptimizedMetadataService;
use crate::image::metadata::ImageMetadata;
use crate::image::prefix::BodyPrefix;
use crate::origin::endpoint::{Auth, Endpoint, Place, Scheme};
use crate::origin::error::{ErrorKind, OriginError, OriginFault};
use crate::origin::id::OriginId;
use crate::origin::response::OriginResponse;
use crate::origin::s3_error::S3ErrorCode;
use crate::path::ImagePath;
use crate::telemetry::event::Event;

/// The shortest pause before the retry; the longest is twice as long.
const RETRY_PAUSE_MS: f64 = 50.0;

/// What an origin returned, and which origin it was.
pub(super) struct Fetched {
    pub(super) metadata: ImageMetadata,
    pub(super) origin: OriginId,
}

/// The time limit of all attempts.
struct Limit<D> {
    deadline: D,
    until_ms: u64,
}

impl<S: Clone + 'static> OptimizedMetadataService<S> {
    /// Fetches metadata from the origins of `path`, with at most one retry, within `originTimeoutMs`, and then its placeholders.
    /// `before` is what was known of the image.
    ///
    /// # Errors
    /// If the last attempt failed.
    pub(super) async fn fetch_from_origin<P: Ports<Signal = S>>(
        &self,
        path: &ImagePath,
        before: Option<&ImageMetadata>,
        ports: &P,
    ) -> Result<Fetched, OriginFault> {
        let timeout_ms = self.config.origin_timeout_ms;
        let limit = Limit {
            deadline: ports.deadline(timeout_ms),
            until_ms: ports.now_ms().saturating_add(timeout_ms),
        };
        let mut is_retry = false;
        // A loop, so that the Worker has the code of the attempt once.
        let result = loop {
            let result = self.attempt(path, before, &limit, ports).await;
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

    /// Asks the endpoints of the path's route, until one has the image.
    async fn attempt<P: Ports<Signal = S>>(
        &self,
        path: &ImagePath,
        before: Option<&ImageMetadata>,
        limit: &Limit<P::Deadline>,
        ports: &P,
    ) -> Result<Fetched, OriginFault> {
        let route = self.config.origins.route(path.as_str());
        let (Some(route), Some(below)) = (route, route.and_then(|route| route.below(path))) else {
            return Err(ErrorKind::NoOrigin.into());
        };
        for endpoint in &route.endpoints {
            self.metrics.origin_fetches.increment();
            let result = match &endpoint.place {
                Place::Bucket(binding) => self.read_object(binding, &below, limit, ports).await,
                Place::Url(_) | Place::Service(_) => {
                    let asked = self.ask(endpoint, &below, limit, ports).await;
                    asked.map(Some)
                }
            };
            let is_failure = |fault: &OriginFault| fault.error.allows_stale();
            if result.as_ref().is_err_and(is_failure) {
                self.metrics.origin_failures.increment();
            }
            if let Some(mut metadata) = result? {
                if !self.config.placeholders.is_empty() {
                    let place = (endpoint, &below);
                    metadata.placeholders = self
                        .placeholders(path, place, before, &metadata, ports)
                        .await;
                }
                let origin = endpoint.id;
                return Ok(Fetched { metadata, origin });
            }
        }
        Err(ErrorKind::NotFound.into())
    }

    /// Reads the object of `path`. `None` if the bucket has no such object.
    async fn read_object<P: Ports<Signal = S>>(
        &self,
        binding: &str,
        path: &ImagePath,
        limit: &Limit<P::Deadline>,
        ports: &P,
    ) -> Result<Option<ImageMetadata>, OriginFault> {
        let remaining_ms = limit.until_ms.saturating_sub(ports.now_ms());
        let prefix = BodyPrefix::new(self.config.header_limits, None);
        let object = ports
            .open(binding, path.as_str(), prefix, remaining_ms)
            .await?;
        let metadata = object.map(|object| object.metadata()).transpose();
        metadata.map_err(OriginFault::from)
    }

    /// Requests the metadata of `path` from a URL or a service.
    async fn ask<P: Ports<Signal = S>>(
        &self,
        endpoint: &Endpoint,
        path: &ImagePath,
        limit: &Limit<P::Deadline>,
        ports: &P,
    ) -> Result<ImageMetadata, OriginFault> {
        let request = endpoint.request(path, ports.now_ms());
        let limits = self.config.header_limits;
        let response = ports.ask(&request, limits, &limit.deadline).await?;
        let metadata = response.metadata(endpoint.probe).map_err(|error| {
            let refused = endpoint.auth.as_ref().and_then(|auth| {
                let reason = refusal(auth, &response)?;
                Some((auth, reason))
            });
            let Some((auth, reason)) = refused else {
                return error;
            };
            let secret = &auth.secret;
            self.log(&Event::CredentialsRefused { secret, reason }, ports);
            OriginError {
                kind: ErrorKind::CredentialsRefused,
                ..error
            }
        });
        metadata.map_err(OriginFault::from)
    }
}

/// Returns the reason why the origin refuses the credentials, or `None` if the error is another one. A plain 403 does not
/// say that they are wrong.
fn refusal(auth: &Auth, response: &OriginResponse) -> Option<&'static str> {
    // R2 returns it for an access key that does not exist.
    if response.status == 401 {
        return Some("401");
    }
    let is_refusal = |code: &S3ErrorCode| code.kind() == ErrorKind::CredentialsRefused;
    match &auth.scheme {
        Scheme::Headers(_) => None,
        Scheme::Aws { .. } => response.s3_error.filter(is_refusal).map(S3ErrorCode::name),
    }
}
