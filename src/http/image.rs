//! One image: its metadata and, where it is asked for, its crop.

use std::borrow::Cow;
use std::rc::Rc;

use super::answer::{Answer, Body};
use super::problem::Problem;
use super::request::Request;
use super::{cache_status, conditional};
use crate::config::Config;
use crate::crop::{CropRequest, process_metadata};
use crate::crop_params;
use crate::entry::etag_of;
use crate::path::ImagePath;
use crate::ports::Ports;
use crate::service::{Lookup, OptimizedMetadataService, Timing};

/// What is told about one image.
#[derive(Debug)]
pub struct Told {
    lookup: Lookup,
    /// With the fields of a crop; without one the entry has it all.
    cropped: Option<String>,
}

impl Told {
    /// Finds the image at the raw path, and its crop.
    ///
    /// # Errors
    /// Where the path breaks a rule or the layers have no answer.
    pub async fn find<P: Ports>(
        service: &Rc<OptimizedMetadataService<P::Signal>>,
        raw: &str,
        crop: Option<&CropRequest>,
        ports: &P,
    ) -> Result<Self, Problem> {
        let path = ImagePath::from_raw(raw)?;
        match service.fetch_metadata(&path, ports).await {
            Ok(lookup) => Ok(Self::new(lookup, crop)),
            Err(refusal) => Err(Problem::from(&refusal)),
        }
    }

    pub(super) fn new(lookup: Lookup, crop: Option<&CropRequest>) -> Self {
        let cropped = crop.map(|crop| {
            let processed = process_metadata(lookup.metadata().dimensions, crop);
            lookup.entry.body_with(&processed)
        });
        Self { lookup, cropped }
    }

    /// The JSON of the answer.
    #[must_use]
    pub fn body(&self) -> &str {
        self.cropped.as_deref().unwrap_or(&self.lookup.entry.body)
    }

    fn answer(self, request: &Request<'_>, config: &Config) -> Answer {
        let lookup = self.lookup;
        let of_crop = self.cropped.as_deref().map(etag_of);
        let etag = of_crop.as_deref().unwrap_or(&lookup.entry.etag);
        let body = self
            .cropped
            .map_or_else(|| Body::Entry(Rc::clone(&lookup.entry)), Body::Text);
        let unchanged = request
            .if_none_match
            .is_some_and(|field| conditional::matches(field, etag));
        let left_s = u64::try_from(lookup.entry.ttl_s(lookup.now_ms)).unwrap_or_default();
        let cache_control = [
            "public, max-age=",
            &left_s.min(config.client_max_age_s).to_string(),
            ", stale-while-revalidate=",
            &config.stale_while_revalidate_s.to_string(),
        ]
        .concat();
        let cache_status = cache_status::of_lookup(&lookup, config.cache_enabled);
        let answer = if unchanged {
            Answer::new(304, Body::Empty)
        } else {
            Answer::new(200, body).with("Content-Type", "application/json")
        };
        answer
            .with("ETag", etag)
            .with("Age", lookup.entry.age_s(lookup.now_ms).to_string())
            .with("Cache-Control", cache_control)
            .with("Cache-Status", cache_status)
            .with("Server-Timing", server_timing(&lookup))
    }
}

/// `GET /metadata/<path>`
pub(super) async fn get<P: Ports>(
    service: &Rc<OptimizedMetadataService<P::Signal>>,
    raw: &str,
    request: &Request<'_>,
    ports: &P,
) -> Result<Answer, Problem> {
    let crop = crop_params::from_query(request.query())?;
    let told = Told::find(service, raw, crop.as_ref(), ports).await?;
    Ok(told.answer(request, service.config()))
}

/// The same, where memory has the last word.
pub(super) fn recall<S: Clone + 'static>(
    service: &OptimizedMetadataService<S>,
    raw: &str,
    request: &Request<'_>,
    now_ms: u64,
) -> Option<Result<Answer, Problem>> {
    let crop = crop_params::from_query(request.query()).ok()?;
    let key = match ImagePath::key_of_plain(raw) {
        Some(key) => key,
        None => ImagePath::from_raw(raw).ok()?.cache_key().as_ref().into(),
    };
    let outcome = service.recall_metadata(&key, now_ms)?;
    Some(match outcome {
        Ok(lookup) => Ok(Told::new(lookup, crop.as_ref()).answer(request, service.config())),
        Err(refusal) => Err(Problem::from(&refusal)),
    })
}

/// The phases that ran, in milliseconds (W3C Server Timing).
fn server_timing(lookup: &Lookup) -> Cow<'static, str> {
    let timing = &lookup.timing;
    // Time stands still between I/O, and looking in memory is none.
    if *timing == Timing::default() {
        return "memory;dur=0, total;dur=0".into();
    }
    let mut phases = vec!["memory;dur=0".to_owned()];
    phases.extend(timing.kv_ms.map(|ms| format!("kv;dur={ms}")));
    phases.extend(timing.origin_ms.map(|ms| format!("origin;dur={ms}")));
    phases.push(format!("total;dur={}", timing.total_ms));
    phases.join(", ").into()
}
