//! Many images in one request: `POST /metadata`.

use serde::Serialize;
use serde_json::Value;

use super::image::ImageResponse;
use super::problem::{Document, Problem};
use super::request::{BODY_TIMEOUT_S, MAX_BODY_BYTES, Request, RequestBody};
use super::response::Response;
use super::site::Site;
use crate::crop::geometry::CropRequest;
use crate::crop::params;
use crate::path::ImagePath;
use crate::service::ports::Ports;
use crate::text::json;

const SHAPE: &str = "The body must be a JSON object whose 'paths' is a list of one or more image paths, \
                     as in {\"paths\":[\"photos/cat.jpg\"]}.";

/// What a batch asks for.
struct Batch {
    paths: Vec<String>,
    crop: Option<CropRequest>,
}

impl Batch {
    fn of(body: &RequestBody, limit: usize) -> Result<Self, Problem> {
        let bytes = match body {
            RequestBody::Nothing => return Err(Problem::invalid_batch(SHAPE)),
            RequestBody::TooLong => {
                return Err(Problem::batch_too_large(format!(
                    "The body is longer than {MAX_BODY_BYTES} bytes; ask for fewer images at a time."
                )));
            }
            RequestBody::TooSlow => return Err(Problem::request_timeout(BODY_TIMEOUT_S)),
            RequestBody::TooMany => return Err(Problem::too_many_bodies()),
            RequestBody::Bytes(bytes) => bytes,
        };
        let Some(Value::Object(object)) = json::parse(bytes) else {
            return Err(Problem::invalid_batch(SHAPE));
        };
        let text = |path: &Value| path.as_str().map(str::to_owned);
        let paths = object
            .get("paths")
            .and_then(Value::as_array)
            .and_then(|paths| paths.iter().map(text).collect::<Option<Vec<String>>>())
            .filter(|paths| !paths.is_empty())
            .ok_or_else(|| Problem::invalid_batch(SHAPE))?;
        if paths.len() > limit {
            return Err(Problem::batch_too_large(format!(
                "There are {} paths; ask for at most {limit} at a time.",
                paths.len()
            )));
        }
        let crop = params::from_json(&object, Some("paths"))?;
        Ok(Self { paths, crop })
    }
}

/// `POST /metadata`
pub(super) async fn post<P: Ports>(
    site: &Site<P::Signal>,
    request: &Request<'_>,
    ports: &P,
) -> Result<Response, Problem> {
    let service = site.service();
    let batch = Batch::of(&request.body, service.config().batch_limit)?;
    let parsed: Vec<_> = batch
        .paths
        .iter()
        .map(|raw| ImagePath::from_raw(raw).map_err(Problem::from))
        .collect();
    let valid: Vec<ImagePath> = parsed.iter().flatten().cloned().collect();
    let mut outcomes = service.fetch_batch(&valid, ports).await.into_iter();
    let refused = |raw: &str, path: &str, problem: &Problem| {
        site.record(raw, Err(problem), ports.now_ms(), ports);
        failed(path, problem)
    };
    let results: Vec<String> = batch
        .paths
        .iter()
        .zip(parsed)
        .filter_map(|(raw, parsed)| match parsed {
            // As many outcomes as valid paths, in their order.
            Ok(path) => Some(match outcomes.next()? {
                Ok(lookup) => told(&ImageResponse::new(
                    site,
                    raw,
                    lookup,
                    batch.crop.as_ref(),
                    ports,
                )),
                Err(error) => {
                    let cache_enabled = service.config().cache_enabled;
                    refused(raw, path.as_str(), &Problem::refused(&error, cache_enabled))
                }
            }),
            Err(problem) => Some(refused(raw, raw, &problem)),
        })
        .collect();
    let body = format!("{{\"results\":[{}]}}", results.join(","));
    Ok(Response::uncached("application/json", body))
}

/// The answer for one image, which is encoded already, with its status.
fn told(told: &ImageResponse) -> String {
    let fields = told.body().strip_prefix('{').unwrap_or_default();
    format!("{{\"status\":200,{fields}")
}

fn failed(path: &str, problem: &Problem) -> String {
    #[derive(Serialize)]
    struct Failed<'a> {
        status: u16,
        path: &'a str,
        problem: Document<'a>,
    }
    let failed = Failed {
        status: problem.code.status(),
        path,
        problem: problem.document(),
    };
    // A struct of numbers and strings always has a JSON form.
    serde_json::to_string(&failed).unwrap_or_default()
}
