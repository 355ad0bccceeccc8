//! Purges, which need the admin token: `DELETE /metadata/…`.

use serde::Serialize;

use super::admin;
use super::problem::Problem;
use super::request::Request;
use super::response::Response;
use super::site::Site;
use crate::path::ImagePath;
use crate::service::Purged;
use crate::service::ports::Ports;
use crate::text::query;

#[derive(Debug, PartialEq, Eq)]
enum Target {
    Image(ImagePath),
    /// All images below a folder, or all images.
    Below(Option<ImagePath>),
}

impl Target {
    /// Parses a raw path. `a/*` and `a%2F*` are all images below `a`, and `*` is all images. A literal `*` in the name
    /// of an image is sent as `%2A`.
    fn parse(raw: &str) -> Result<Self, Problem> {
        let path = ImagePath::from_raw(raw)?;
        if raw == "*" {
            return Ok(Self::Below(None));
        }
        for end in ["/*", "%2F*", "%2f*"] {
            if let Some(folder) = raw.strip_suffix(end) {
                return Ok(Self::Below(Some(ImagePath::from_raw(folder)?)));
            }
        }
        Ok(Self::Image(path))
    }
}

/// `DELETE /metadata/<path>`, `DELETE /metadata/<folder>/*`
pub(super) async fn delete<P: Ports>(
    site: &Site<P::Signal>,
    raw: &str,
    request: &Request<'_>,
    ports: &P,
) -> Result<Response, Problem> {
    let service = site.service();
    admin::require_charged(request, service, ports).await?;
    let target = Target::parse(raw)?;
    let cursor = query::pairs(request.query())
        .flatten()
        .find_map(|(name, value)| (name == "cursor").then_some(value));
    let cursor = cursor.as_deref();
    let purged = match target {
        Target::Image(path) => {
            let path = site.version(&path, request.query())?;
            service.purge(&path, cursor, ports).await
        }
        Target::Below(folder) => service.purge_below(folder.as_ref(), cursor, ports).await,
    };
    purged
        .map(|purged| response(&purged))
        .map_err(|error| Problem::purge_failed(&error))
}

fn response(purged: &Purged) -> Response {
    #[derive(Serialize)]
    struct Published<'a> {
        purged: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        edge: Option<bool>,
    }
    let published = Published {
        purged: purged.count,
        cursor: purged.cursor.as_deref(),
        edge: purged.edge,
    };
    // A struct of numbers and strings always serializes.
    let body = serde_json::to_string(&published).unwrap_or_default();
    Response::uncached("application/json", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(raw: &str) -> ImagePath {
        ImagePath::from_raw(raw).unwrap()
    }

    #[test]
    fn a_path_is_a_folder_if_it_ends_in_a_star_after_a_slash_encoded_or_not() {
        for (raw, folder) in [
            ("*", None),
            ("a/*", Some("a")),
            ("a%2F*", Some("a")),
            ("a/b%2f*", Some("a/b")),
            ("a%2Fb%2F*", Some("a/b")),
            ("%2A/*", Some("*")),
            ("a%252F/*", Some("a%252F")),
        ] {
            assert_eq!(
                Target::parse(raw),
                Ok(Target::Below(folder.map(path))),
                "{raw}"
            );
        }
        for raw in [
            "%2A", "a/%2A", "a%2F%2a", "a*", "a/b*", "a%252F*", "*/a", "%2A*",
        ] {
            assert_eq!(Target::parse(raw), Ok(Target::Image(path(raw))), "{raw}");
        }
    }

    #[test]
    fn an_invalid_folder_is_an_invalid_path() {
        for raw in [
            "/*",
            "%2F*",
            "a//*",
            "a%2F%2F*",
            "../*",
            "..%2F*",
            "a%2F..%2F*",
            "a\\*",
            "%2*",
        ] {
            let problem = Target::parse(raw).unwrap_err();
            assert_eq!(problem.code.name(), "invalid-path", "{raw}");
        }
    }
}
