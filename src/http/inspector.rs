//! The Inspector: a page for inspecting an image, the cache that answered, and crops.
//!
//! The page sends requests only to this Worker, and to the origin for the picture. It therefore contains `originUrl`,
//! which anyone who can open the page can see.

use super::conditional;
use super::request::Request;
use super::response::{Body, Response};
use crate::cache::entry::etag_of;

/// The placeholder of `originUrl` in the page, inside an attribute.
const ORIGIN_URL: &str = "{{originUrl}}";

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
pub(super) fn get(file: &File, request: &Request<'_>, origin_url: &str) -> Response {
    let content = file
        .content
        .replace(ORIGIN_URL, &escaped_for_attribute(origin_url));
    let etag = etag_of(&content);
    conditional::response(request, &etag, file.content_type, Body::Text(content))
        // Browsers must not mix files of two versions.
        .with("Cache-Control", "no-cache")
        .with("Content-Security-Policy", policy(origin_url))
        .with("Cross-Origin-Opener-Policy", "same-origin")
        .with("Referrer-Policy", "no-referrer")
}

/// Returns a policy that allows scripts, styles and requests of this Worker only, and images also of the origin.
fn policy(origin_url: &str) -> String {
    let origin = origin_of(origin_url).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self' {origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
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

    fn page(origin_url: &str) -> Response {
        get(File::at("/").unwrap(), &Request::default(), origin_url)
    }

    #[test]
    fn the_page_contains_the_origin_url_escaped() {
        let page_with = |url| page(url).text().unwrap().to_owned();
        assert!(page_with("https://images.test/a").contains("\"https://images.test/a\""));
        let text = page_with("https://images.test/\"><script>&lt;");
        assert!(text.contains("\"https://images.test/&quot;>&lt;script>&amp;lt;\""));
        assert!(!text.contains(ORIGIN_URL));
    }

    #[test]
    fn the_policy_allows_images_of_the_worker_and_the_origin_only() {
        for (url, sources) in [
            ("https://images.test/a/b", "'self' https://images.test;"),
            ("http://127.0.0.1:8788", "'self' http://127.0.0.1:8788;"),
            ("https://images.test;script-src/x", "'self' ;"),
            ("https://images.test,'unsafe-inline'", "'self' ;"),
        ] {
            let response = page(url);
            let policy = response.headers.get("Content-Security-Policy").unwrap();
            assert!(policy.contains(&format!("img-src {sources}")), "{policy}");
            assert_eq!(policy.matches("script-src").count(), 1, "{policy}");
        }
    }

    #[test]
    fn an_unchanged_file_is_a_304_and_another_origin_url_changes_the_etag() {
        for file in &FILES {
            let first = get(file, &Request::default(), "https://images.test");
            let request = Request {
                if_none_match: first.headers.get("ETag"),
                ..Request::default()
            };
            let second = get(file, &request, "https://images.test");
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
