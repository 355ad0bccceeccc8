//! Forgetting images, for the holder of the admin token: `DELETE /metadata/…`.

use std::rc::Rc;

use serde::Serialize;

use super::admin;
use super::answer::Answer;
use super::problem::Problem;
use super::request::Request;
use crate::path::ImagePath;
use crate::ports::Ports;
use crate::purge::Purged;
use crate::query;
use crate::service::OptimizedMetadataService;

/// What is to be forgotten.
enum Target {
    Image(ImagePath),
    Below(Option<ImagePath>),
}

impl Target {
    /// `a/*` is what is below `a`, `*` is everything; an image of that name is `%2A`.
    fn of(raw: &str) -> Result<Self, Problem> {
        if raw == "*" {
            return Ok(Self::Below(None));
        }
        Ok(match raw.strip_suffix("/*") {
            Some(folder) => Self::Below(Some(ImagePath::from_raw(folder)?)),
            None => Self::Image(ImagePath::from_raw(raw)?),
        })
    }
}

/// `DELETE /metadata/<path>`, `DELETE /metadata/<folder>/*`
pub(super) async fn delete<P: Ports>(
    service: &Rc<OptimizedMetadataService<P::Signal>>,
    raw: &str,
    request: &Request<'_>,
    ports: &P,
) -> Result<Answer, Problem> {
    admin::require(request)?;
    let purged = match Target::of(raw)? {
        Target::Image(path) => service.purge(&path, ports).await.map(|()| Purged {
            count: 1,
            cursor: None,
        }),
        Target::Below(folder) => {
            let cursor = query::pairs(request.query())
                .flatten()
                .find_map(|(name, value)| (name == "cursor").then_some(value));
            service
                .purge_below(folder.as_ref(), cursor.as_deref(), ports)
                .await
        }
    };
    purged
        .map(|purged| answer(&purged))
        .map_err(|_| Problem::purge_failed())
}

fn answer(purged: &Purged) -> Answer {
    #[derive(Serialize)]
    struct Published<'a> {
        purged: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<&'a str>,
    }
    let published = Published {
        purged: purged.count,
        cursor: purged.cursor.as_deref(),
    };
    // A struct of numbers and strings always has a JSON form.
    let body = serde_json::to_string(&published).unwrap_or_default();
    Answer::uncached("application/json", body)
}
