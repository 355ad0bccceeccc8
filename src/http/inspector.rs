//! The Inspector: a page to look an image up, see which layer answered, and drag a crop.
//!
//! It asks nothing but this Worker, and the origin for the picture itself. It is told where the
//! origin is: `originUrl` is published by it.

use super::conditional;
use super::request::Request;
use super::response::{Body, Response};
use crate::cache::entry::etag_of;

/// What stands in the page where `originUrl` belongs, inside an attribute.
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
    /// The file at a path of the service.
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
        // The files belong together: a browser must not mix those of two versions.
        .with("Cache-Control", "no-cache")
        .with("Content-Security-Policy", policy(origin_url))
        .with("Cross-Origin-Opener-Policy", "same-origin")
        .with("Referrer-Policy", "no-referrer")
}

/// No script, style or request but our own, and no picture but the origin's.
fn policy(origin_url: &str) -> String {
    let origin = origin_of(origin_url).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self' {origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// `https://images.example.com` of a URL below it. `None` where the policy's grammar has no such
/// origin: a `;` would begin another directive.
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
    fn the_page_is_told_the_origin_and_cannot_be_broken_by_it() {
        let told = |url| page(url).text().unwrap().to_owned();
        assert!(told("https://images.test/a").contains("\"https://images.test/a\""));
        let text = told("https://images.test/\"><script>&lt;");
        assert!(text.contains("\"https://images.test/&quot;>&lt;script>&amp;lt;\""));
        assert!(!text.contains(ORIGIN_URL));
    }

    #[test]
    fn only_the_origin_is_let_in_beside_the_worker() {
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
    fn an_unchanged_file_is_not_sent_again() {
        for file in &FILES {
            let fresh = get(file, &Request::default(), "https://images.test");
            let request = Request {
                if_none_match: fresh.headers.get("ETag"),
                ..Request::default()
            };
            let again = get(file, &request, "https://images.test");
            assert_eq!((fresh.status, again.status), (200, 304), "{}", file.path);
            assert_eq!(again.text(), None);
        }
        let (one, other) = (page("https://a.test"), page("https://b.test"));
        assert_ne!(one.headers.get("ETag"), other.headers.get("ETag"));
    }

    #[test]
    fn whatever_the_page_loads_is_there() {
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
