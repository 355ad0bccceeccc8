//! The Inspector: a page for inspecting an image, the cache that answered, and crops.
//!
//! The page sends requests only to this Worker, and to the origins for the picture. It therefore contains the URLs of
//! public origins, which anyone who can open the page can see. It has no URL of an origin with a secret.

use serde::Serialize;

use super::conditional;
use super::request::Request;
use super::response::{Body, Response};
use crate::cache::entry::etag_of;
use crate::origin::endpoint::{Endpoint, Place};
use crate::origin::routing::{Route, RoutingTable};

/// The placeholder of the origins in the page, inside an attribute.
const ORIGINS: &str = "{{origins}}";

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
            content: include_str!(concat!("../../inspector/", $name)),
        }
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml; charset=utf-8";

static FILES: [File; 9] = [
    file!("/", HTML, "page.html"),
    file!("/inspector/style.css", CSS, "style.css"),
    file!("/inspector/icon.svg", SVG, "icon.svg"),
    file!("/inspector/main.js", JS, "main.js"),
    file!("/inspector/lookup.js", JS, "lookup.js"),
    file!("/inspector/picture.js", JS, "picture.js"),
    file!("/inspector/answer.js", JS, "answer.js"),
    file!("/inspector/stats.js", JS, "stats.js"),
    file!("/inspector/dom.js", JS, "dom.js"),
];

impl File {
    /// Returns the file at a path of the service.
    pub(super) fn at(path: &str) -> Option<&'static Self> {
        FILES.iter().find(|file| file.path == path)
    }
}

/// `GET /` and the files below `/inspector/`
pub(super) fn get(file: &File, request: &Request<'_>, origins: &RoutingTable) -> Response {
    let origins: Vec<_> = origins.routes().iter().map(PageOrigin::new).collect();
    // A struct of strings always serializes.
    let json = serde_json::to_string(&origins).unwrap_or_default();
    let content = file.content.replace(ORIGINS, &escaped_for_attribute(&json));
    let etag = etag_of(&content);
    conditional::response(request, &etag, file.content_type, Body::Text(content))
        // Browsers must not mix files of two versions.
        .with("Cache-Control", "no-cache")
        .with("Content-Security-Policy", policy(&origins))
        .with("Cross-Origin-Opener-Policy", "same-origin")
        .with("Referrer-Policy", "no-referrer")
}

/// Returns a policy that allows scripts, styles and requests of this Worker only, and images also of the origins.
fn policy(origins: &[PageOrigin<'_>]) -> String {
    let mut hosts: Vec<_> = origins
        .iter()
        .filter_map(|origin| origin_of(origin.url?))
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
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

    fn origins(url: &str) -> RoutingTable {
        let settings = serde_json::json!({
            "originUrl": url,
            "origins": [
                { "prefix": "other", "url": "https://other.test/x" },
                { "prefix": "private", "url": "https://private.test", "headersSecret": "S" },
                { "prefix": "signed", "url": "https://signed.test", "aws": { "region": "auto", "secret": "S" } },
                { "prefix": "bucket", "bucket": "IMAGES" },
                { "prefix": "worker", "service": "RENDERER" },
            ],
        });
        crate::config::Config::from_json(&settings).unwrap().origins
    }

    fn page(url: &str) -> Response {
        get(File::at("/").unwrap(), &Request::default(), &origins(url))
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
        assert!(!text.contains(ORIGINS));
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
    fn an_unchanged_file_is_a_304_and_another_origin_url_changes_the_etag() {
        let origins = origins("https://images.test");
        for file in &FILES {
            let first = get(file, &Request::default(), &origins);
            let request = Request {
                if_none_match: first.headers.get("ETag"),
                ..Request::default()
            };
            let second = get(file, &request, &origins);
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
}
