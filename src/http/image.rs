//! `GET /metadata/<path>`: the metadata of one image and, if requested, its crop.

use std::rc::Rc;

use serde::Serialize;

use super::cache_headers::{EDGE_HEADER, cache_headers, cacheable};
use super::extras::Extras;
use super::problem::Problem;
use super::problem_code::ProblemCode;
use super::request::Request;
use super::response::{Body, Response};
use super::site::Site;
use super::{cache_status, conditional, server_timing};
use crate::cache::entry::etag_of;
use crate::cache::tags::all_tags;
use crate::config::{Config, LogLevel};
use crate::crop::geometry::process_metadata;
use crate::image::metadata::ImageMetadata;
use crate::lookup::{Lookup, LookupError};
use crate::path::ImagePath;
use crate::placeholder::data_url;
use crate::service::ports::Ports;
use crate::telemetry::event::Event;
use crate::telemetry::log::Log;

/// The metadata of one image, with its crop if one was requested.
#[derive(Debug)]
pub(super) struct ImageResponse {
    lookup: Lookup,
    /// The JSON with further fields. Without any, the entry has the JSON.
    extended: Option<String>,
}

impl ImageResponse {
    /// Looks up the image at the raw path and query.
    ///
    /// # Errors
    /// If the path or a parameter of its version is invalid, or the look-up fails.
    pub(super) async fn look_up<P: Ports>(
        site: &Site<P::Signal>,
        raw: &str,
        query: &str,
        extras: &Extras,
        ports: &P,
    ) -> Result<Self, Problem> {
        extras.check(site.service().config())?;
        let path = site.image_path(raw, query)?;
        match site.service().fetch_metadata(&path, ports).await {
            Ok(lookup) => Ok(Self::new(site, raw, lookup, extras, ports)),
            Err(error) => Err(problem(&error, &path, site.service().config())),
        }
    }

    /// Creates the response of a look-up of the raw path, and records it. All responses with metadata are created here.
    pub(super) fn new<S: Clone + 'static>(
        site: &Site<S>,
        raw: &str,
        lookup: Lookup,
        extras: &Extras,
        log: &dyn Log,
    ) -> Self {
        site.record(raw, Ok(&lookup), lookup.now_ms, log);
        let service = site.service();
        if service.is_logged(LogLevel::Debug) {
            let event = Event::Metadata {
                path: raw,
                source: lookup.layer,
                duration_ms: lookup.timing.total_ms,
            };
            service.log_at(&event, lookup.now_ms, log);
        }
        let extended = extended(&lookup, extras);
        Self { lookup, extended }
    }

    /// Returns the JSON of the response.
    pub(super) fn body(&self) -> &str {
        self.extended.as_deref().unwrap_or(&self.lookup.entry.body)
    }

    fn response(self, request: &Request<'_>, config: &Config) -> Response {
        let lookup = self.lookup;
        let of_extended = self.extended.as_deref().map(etag_of);
        let etag = of_extended.as_deref().unwrap_or(&lookup.entry.etag);
        let body = self
            .extended
            .map_or_else(|| Body::Entry(Rc::clone(&lookup.entry)), Body::Text);
        let caching = cache_headers(cacheable(&lookup, config), config);
        let cache_status = cache_status::of_lookup(&lookup, config.cache_enabled);
        let mut response = conditional::response(request, etag, "application/json", body)
            .with("Cache-Control", caching.client)
            .with("Cache-Status", cache_status)
            // Not `Age`: clients subtract that from `max-age`, which is already the remaining time.
            .with(
                "Metadata-Age",
                lookup.entry.age_s(lookup.now_ms).to_string(),
            )
            .with("Server-Timing", server_timing::of(&lookup.timing));
        if let (Some(edge), Some(tags)) = (caching.edge, &lookup.entry.tags) {
            response = response
                .with(EDGE_HEADER, edge)
                .with("Cache-Tag", tags.to_string());
        }
        response.is_repeated = lookup.entry.is_repeated(lookup.now_ms);
        response
    }
}

/// Returns the JSON of a look-up with the fields of `extras`. Returns `None` if there are none.
fn extended(lookup: &Lookup, extras: &Extras) -> Option<String> {
    let crop = extras.crop.as_ref().map(|crop| {
        let processed = process_metadata(lookup.metadata().dimensions, crop);
        with_fields(&lookup.entry.body, &processed)
    });
    let Some(placeholder) = extras.data_url.then(|| drawn(lookup.metadata())).flatten() else {
        return crop;
    };
    let body = crop.as_deref().unwrap_or(&lookup.entry.body);
    Some(with_fields(body, &placeholder))
}

/// Draws the placeholder of an image. Returns `None` if it has none.
fn drawn(metadata: &ImageMetadata) -> Option<impl Serialize + use<>> {
    #[derive(Serialize)]
    struct Drawn {
        placeholder: Placeholder,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Placeholder {
        data_url: String,
    }
    let hash = metadata.placeholders.thumbhash.made()?;
    let data_url = data_url::from_hash(hash.bytes(), metadata.dimensions)?;
    Some(Drawn {
        placeholder: Placeholder { data_url },
    })
}

/// Returns a JSON object with further fields: those of `more`, which must be encoded as a JSON object.
fn with_fields(body: &str, more: &impl Serialize) -> String {
    let more = serde_json::to_string(more).unwrap_or_default();
    let fields = more.strip_prefix('{').unwrap_or_default();
    let body = body.strip_suffix('}').unwrap_or_default();
    format!("{body},{fields}")
}

/// `GET /metadata/<path>`
pub(super) async fn get<P: Ports>(
    site: &Site<P::Signal>,
    raw: &str,
    request: &Request<'_>,
    ports: &P,
) -> Result<Response, Problem> {
    let extras = Extras::from_query(request.query())?;
    let image = ImageResponse::look_up(site, raw, request.query(), &extras, ports).await?;
    Ok(image.response(request, site.service().config()))
}

/// Returns what [`get`] would return, or `None` if memory alone does not decide it.
pub(super) fn get_from_memory<S: Clone + 'static>(
    site: &Site<S>,
    raw: &str,
    request: &Request<'_>,
    now_ms: u64,
    log: &dyn Log,
) -> Option<Result<Response, Problem>> {
    let extras = Extras::from_query(request.query()).ok()?;
    let service = site.service();
    extras.check(service.config()).ok()?;
    let origins = &service.config().origins;
    let version = origins.version_query(raw, request.query()).ok()?;
    let key = match ImagePath::key_of_plain(raw, &version) {
        Some(key) => key,
        None => site
            .image_path(raw, request.query())
            .ok()?
            .cache_key()
            .as_ref()
            .into(),
    };
    let outcome = service.metadata_in_memory(&key, now_ms)?;
    Some(match outcome {
        Ok(lookup) => {
            let image = ImageResponse::new(site, raw, lookup, &extras, log);
            Ok(image.response(request, service.config()))
        }
        Err(error) => {
            let path = ImagePath::from_raw(raw).ok()?;
            Err(problem(&error, &path, service.config()))
        }
    })
}

/// Returns the error of a failed look-up. If caches may keep it, the edge can find it by its tags.
fn problem(error: &LookupError, path: &ImagePath, config: &Config) -> Problem {
    let problem = Problem::from_lookup_error(error, config);
    if config.edge_cache && problem.code == ProblemCode::NotFound {
        problem.with_tags(all_tags(path))
    } else {
        problem
    }
}
