//! Batches: `POST /metadata` returns the metadata of many images.

use serde::Serialize;
use serde_json::Value;

use super::extras::Extras;
use super::image::ImageResponse;
use super::problem::{Document, Problem};
use super::request::{BODY_TIMEOUT_S, MAX_BODY_BYTES, Request, RequestBody};
use super::response::Response;
use super::site::Site;
use crate::path::ImagePath;
use crate::service::ports::Ports;
use crate::text::json;

const SHAPE: &str = "The body must be a JSON object whose 'paths' is a list of one or more image paths, \
                     as in {\"paths\":[\"photos/cat.jpg\"]}.";

struct Batch {
    paths: Vec<String>,
    extras: Extras,
}

impl Batch {
    /// Parses a body with at most `limit` paths.
    fn parse(body: &RequestBody, limit: usize) -> Result<Self, Problem> {
        let bytes = match body {
            RequestBody::Nothing => return Err(Problem::invalid_batch(SHAPE)),
            RequestBody::TooLong => {
                return Err(Problem::batch_too_large(format!(
                    "The body is longer than {MAX_BODY_BYTES} bytes. Request fewer images at a time."
                )));
            }
            RequestBody::TooSlow => return Err(Problem::request_timeout(BODY_TIMEOUT_S)),
            RequestBody::TooMany => return Err(Problem::too_many_bodies()),
            RequestBody::Bytes(bytes) => bytes,
        };
        let Some(Value::Object(object)) = json::parse(bytes) else {
            return Err(Problem::invalid_batch(SHAPE));
        };
        let paths = object
            .get("paths")
            .and_then(json::strings)
            .filter(|paths| !paths.is_empty())
            .ok_or_else(|| Problem::invalid_batch(SHAPE))?;
        if paths.len() > limit {
            return Err(Problem::batch_too_large(format!(
                "The batch has {} paths. Request at most {limit} at a time.",
                paths.len()
            )));
        }
        let extras = Extras::from_json(&object, Some("paths"))?;
        Ok(Self { paths, extras })
    }
}

/// `POST /metadata`
pub(super) async fn post<P: Ports>(
    site: &Site<P::Signal>,
    request: &Request<'_>,
    ports: &P,
) -> Result<Response, Problem> {
    let service = site.service();
    let batch = Batch::parse(&request.body, service.config().batch_limit)?;
    batch.extras.check(service.config())?;
    let parsed: Vec<_> = batch
        .paths
        .iter()
        .map(|text| site.image_path_of(text))
        .collect();
    let valid: Vec<ImagePath> = parsed.iter().flatten().cloned().collect();
    let mut outcomes = service.fetch_batch(&valid, ports).await.into_iter();
    let record_problem = |raw: &str, path: &str, query: Option<&str>, problem: &Problem| {
        site.record(raw, Err(problem), ports.now_ms(), ports);
        problem_item(path, query, problem)
    };
    let results: Vec<String> = batch
        .paths
        .iter()
        .zip(parsed)
        .filter_map(|(raw, parsed)| match parsed {
            // There is one outcome per valid path, in the same order.
            Ok(path) => Some(match outcomes.next()? {
                Ok(lookup) => {
                    image_item(&ImageResponse::new(site, raw, lookup, &batch.extras, ports))
                }
                Err(error) => {
                    let problem = Problem::from_lookup_error(&error, service.config());
                    record_problem(raw, path.as_str(), path.query(), &problem)
                }
            }),
            Err(problem) => Some(record_problem(raw, raw, None, &problem)),
        })
        .collect();
    let body = format!("{{\"results\":[{}]}}", results.join(","));
    Ok(Response::uncached("application/json", body))
}

/// Returns the item of an image, by adding the status to its JSON without encoding it again.
fn image_item(image: &ImageResponse) -> String {
    let fields = image.body().strip_prefix('{').unwrap_or_default();
    format!("{{\"status\":200,{fields}")
}

fn problem_item(path: &str, query: Option<&str>, problem: &Problem) -> String {
    #[derive(Serialize)]
    struct Item<'a> {
        status: u16,
        path: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        query: Option<&'a str>,
        problem: Document<'a>,
    }
    let item = Item {
        status: problem.code.status(),
        path,
        query,
        problem: problem.document(),
    };
    // A struct of numbers and strings always serializes.
    serde_json::to_string(&item).unwrap_or_default()
}
