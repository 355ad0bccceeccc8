//! The Inspector: a page for inspecting an image, the cache that answered, and crops.
//!
//! The page sends requests only to this Worker, and to the origins for the picture. It therefore contains the URLs of
//! public origins, which anyone who can open the page can see. It has no URL of an origin with a secret.

use serde::Serialize;

use super::conditional;
use super::request::Request;
use super::response::{Body, Response};
use crate::cache::entry::etag_of;
use crate::config::Config;
use crate::origin::endpoint::{Endpoint, Place};
use crate::origin::routing::Route;

/// The placeholder of the origins in the page, inside an attribute.
const ORIGINS: &str = "{{origins}}";
/// The placeholder of the setting `batchLimit`.
const BATCH: &str = "{{batch}}";
/// The placeholder of whether the service draws placeholders of images.
const DRAWS: &str = "{{draws}}";

/// An origin as the page knows it.
#[derive(Serialize)]
struct PageOrigin<'a> {
    prefix: &'a str,
    /// Where the browser can load pictures from.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

impl<'a> PageOrigin<'a> {
    fn new(route: &'a Route) -> Self {
        let url = |endpoint: &'a Endpoint| match &endpoint.place {
            Place::Url(url) if endpoint.auth.is_none() => Some(url.as_str()),
            _ => None,
        };
        Self {
            prefix: &route.prefix,
            url: route.endpoints.iter().find_map(url),
        }
    }
}

/// A file of the Inspector.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    path: &'static str,
    content_type: &'static str,
    content: &'static str,
}

macro_rules! file {
    ($path:literal, $content_type:expr, $name:literal) => {
        File {
            path: $path,
            content_type: $content_type,
            content: include_str!(concat!(env!("OUT_DIR"), "/inspector/", $name)),
        }
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml; charset=utf-8";

static FILES: [File; 4] = [
    file!("/", HTML, "page.html"),
    file!("/inspector/style.css", CSS, "style.css"),
    file!("/inspector/icon.svg", SVG, "icon.svg"),
    file!("/inspector/main.js", JS, "main.js"),
];

impl File {
    /// Returns the file at a path of the service.
    pub(super) fn at(path: &str) -> Option<&'static Self> {
        FILES.iter().find(|file| file.path == path)
    }
}

/// `GET /` and the files below `/inspector/`
pub(super) fn get(file: &File, request: &Request<'_>, config: &Config) -> Response {
    let routes = config.origins.routes();
    let origins: Vec<_> = routes.iter().map(PageOrigin::new).collect();
    // A struct of strings always serializes.
    let json = serde_json::to_string(&origins).unwrap_or_default();
    let content = file
        .content
        .replace(BATCH, &config.batch_limit.to_string())
        .replace(DRAWS, &config.placeholders.thumbhash.to_string())
        .replace(ORIGINS, &escaped_for_attribute(&json));
    let etag = etag_of(&content);
    conditional::response(request, &etag, file.content_type, Body::Text(content))
        // Browsers must not mix files of two versions.
        .with("Cache-Control", "no-cache")
        .with(
            "Content-Security-Policy",
            policy(&origins, config.placeholders.thumbhash),
        )
        .with("Cross-Origin-Opener-Policy", "same-origin")
        .with("Referrer-Policy", "no-referrer")
}

/// Returns a policy that allows scripts, styles and requests of this Worker only, and images also of the origins and, if the service
/// draws placeholders, as data URLs.
fn policy(origins: &[PageOrigin<'_>], draws: bool) -> String {
    let mut hosts: Vec<_> = origins
        .iter()
        .filter_map(|origin| origin_of(origin.url?))
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    if draws {
        hosts.insert(0, "data:".to_owned());
    }
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self' {}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hosts.join(" ")
    )
}

/// Returns the origin of a URL, such as `https://images.example.com`. `None` if it has a character that is not valid in
/// a policy: a `;` would start another directive.
fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next()?;
    host.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".:-_".contains(&byte))
        .then(|| format!("{scheme}://{host}"))
}

fn escaped_for_attribute(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> Config {
        let settings = serde_json::json!({
            "originUrl": url,
            "batchLimit": 7,
            "origins": [
                { "prefix": "other", "url": "https://other.test/x" },
                { "prefix": "private", "url": "https://private.test", "headersSecret": "S" },
                { "prefix": "signed", "url": "https://signed.test", "aws": { "region": "auto", "secret": "S" } },
                { "prefix": "bucket", "bucket": "IMAGES" },
                { "prefix": "worker", "service": "RENDERER" },
            ],
        });
        Config::from_json(&settings).unwrap()
    }

    fn page(url: &str) -> Response {
        get(File::at("/").unwrap(), &Request::default(), &config(url))
    }

    #[test]
    fn the_page_has_the_urls_of_public_origins_only_escaped() {
        let response = page("https://images.test/\"><script>&lt;");
        let text = response.text().unwrap();
        let expected = "[{&quot;prefix&quot;:&quot;private&quot;},{&quot;prefix&quot;:&quot;signed&quot;},\
                        {&quot;prefix&quot;:&quot;bucket&quot;},{&quot;prefix&quot;:&quot;worker&quot;},\
                        {&quot;prefix&quot;:&quot;other&quot;,&quot;url&quot;:&quot;https://other.test/x&quot;},\
                        {&quot;prefix&quot;:&quot;&quot;,&quot;url&quot;:&quot;https://images.test/\\&quot;>&lt;script>&amp;lt;&quot;}]";
        assert!(text.contains(&format!("\"{expected}\"")), "{text}");
        assert!(text.contains("data-batch=\"7\""), "{text}");
        assert!(!text.contains("{{"));
        for hidden in ["private.test", "signed.test", "IMAGES", "RENDERER"] {
            assert!(!text.contains(hidden), "{hidden}");
        }
    }

    #[test]
    fn the_policy_allows_images_of_the_worker_and_public_origins_only() {
        for (url, sources) in [
            (
                "https://images.test/a/b",
                "'self' https://images.test https://other.test;",
            ),
            (
                "http://127.0.0.1:8788",
                "'self' http://127.0.0.1:8788 https://other.test;",
            ),
            ("https://other.test", "'self' https://other.test;"),
            (
                "https://images.test;script-src/x",
                "'self' https://other.test;",
            ),
            (
                "https://images.test,'unsafe-inline'",
                "'self' https://other.test;",
            ),
        ] {
            let response = page(url);
            let policy = response.headers.get("Content-Security-Policy").unwrap();
            assert!(policy.contains(&format!("img-src {sources}")), "{policy}");
            assert_eq!(policy.matches("script-src").count(), 1, "{policy}");
        }
    }

    #[test]
    fn only_a_service_that_draws_placeholders_allows_data_urls_as_images() {
        for (kinds, sources, attribute) in [
            (
                r#"["thumbhash"]"#,
                "img-src 'self' data: https://images.test;",
                "true",
            ),
            (
                r#"["color"]"#,
                "img-src 'self' https://images.test;",
                "false",
            ),
        ] {
            let kinds: serde_json::Value = serde_json::from_str(kinds).unwrap();
            let settings =
                serde_json::json!({ "originUrl": "https://images.test", "placeholders": kinds });
            let config = Config::from_json(&settings).unwrap();
            let response = get(File::at("/").unwrap(), &Request::default(), &config);
            let policy = response.headers.get("Content-Security-Policy").unwrap();
            assert!(policy.contains(sources), "{policy}");
            assert!(
                response
                    .text()
                    .unwrap()
                    .contains(&format!("data-draws=\"{attribute}\""))
            );
        }
    }

    #[test]
    fn an_unchanged_file_is_a_304_and_another_origin_url_changes_the_etag() {
        let config = config("https://images.test");
        for file in &FILES {
            let first = get(file, &Request::default(), &config);
            let request = Request {
                if_none_match: first.headers.get("ETag"),
                ..Request::default()
            };
            let second = get(file, &request, &config);
            assert_eq!((first.status, second.status), (200, 304), "{}", file.path);
            assert_eq!(second.text(), None);
        }
        let (one, other) = (page("https://a.test"), page("https://b.test"));
        assert_ne!(one.headers.get("ETag"), other.headers.get("ETag"));
    }

    #[test]
    fn every_file_that_the_page_loads_exists() {
        let page = File::at("/").unwrap().content;
        let loaded: Vec<_> = page
            .split(['"', '\''])
            .filter(|text| text.starts_with("/inspector/"))
            .collect();
        assert!(!loaded.is_empty());
        for path in loaded {
            assert!(File::at(path).is_some(), "{path}");
        }
    }

    #[test]
    fn the_script_contains_those_that_it_imports_once() {
        let script = File::at("/inspector/main.js").unwrap().content;
        let lines = || script.lines();
        assert!(!lines().any(|line| line.starts_with("import ") || line.starts_with("export ")));
        assert_eq!(
            lines()
                .filter(|line| line.starts_with("const dom_js = "))
                .count(),
            1
        );
    }

    #[test]
    fn comments_and_indentation_are_not_served() {
        for file in &FILES {
            let lines = file.content.lines();
            let comments: Vec<_> = lines
                .filter(|line| line.starts_with([' ', '/']) || line.ends_with("*/"))
                .collect();
            assert_eq!(comments, Vec::<&str>::new(), "{}", file.path);
        }
    }
}
