//! The part of a request that an answer depends on.

/// A request. Nothing of it is passed on to the origin.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The absolute URL.
    pub url: &'a str,
    /// The `If-None-Match` header.
    pub if_none_match: Option<&'a str>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The body.
    pub body: RequestBody,
    /// What the Worker is bound to.
    pub bindings: Bindings,
}

impl Request<'_> {
    /// The raw path with its leading slash, neither decoded nor normalised.
    #[must_use]
    pub fn path(&self) -> &str {
        path_of(self.url)
    }

    /// What follows the `?`, still encoded.
    #[must_use]
    pub fn query(&self) -> &str {
        query_of(self.url)
    }
}

/// The raw path of an absolute URL, without its query and fragment.
fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme
        .find('/')
        .and_then(|start| after_scheme.get(start..))
        .unwrap_or("/");
    path.split(['?', '#']).next().unwrap_or("/")
}

/// The raw query of an absolute URL, without its `?`.
fn query_of(url: &str) -> &str {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('#').next().unwrap_or_default()
}

/// Longest body that `src/edge/body.js` reads, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 256 * 1024;

/// How long `src/edge/body.js` waits for a body, in seconds.
pub(super) const BODY_TIMEOUT_S: u64 = 10;

/// The body of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RequestBody {
    /// None, or one that nobody asks for.
    #[default]
    Nothing,
    /// The whole.
    Bytes(Vec<u8>),
    /// It is longer than 262,144 bytes.
    TooLong,
    /// It had not arrived completely after 10 seconds.
    TooSlow,
    /// The isolate receives too many bodies at the moment.
    TooMany,
}

/// The methods that mean something here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)] // each is named after itself
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Delete,
    Options,
    /// Any other one.
    Other,
}

impl Method {
    /// Its name; any other one could be any text.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Other => "other",
        }
    }
}

impl From<&str> for Method {
    fn from(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }
}

/// Which optional parts of the Worker are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bindings {
    /// Whether there is the KV namespace.
    pub kv: bool,
    /// The secret that admin requests need. Without it there are none.
    pub admin_token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_stays_raw() {
        for (url, path) in [
            ("https://a.test/metadata/x.jpg", "/metadata/x.jpg"),
            (
                "https://a.test/metadata//evil.test/../x?y=/z#w",
                "/metadata//evil.test/../x",
            ),
            ("https://a.test//evil.test", "//evil.test"),
            ("http://a.test:8787/%2e%2e", "/%2e%2e"),
            ("https://a.test", "/"),
            ("https://a.test?x", "/"),
            ("", "/"),
        ] {
            assert_eq!(path_of(url), path, "{url}");
        }
    }

    #[test]
    fn the_query_stays_raw() {
        for (url, query) in [
            ("https://a.test/metadata/x.jpg", ""),
            ("https://a.test/x?", ""),
            ("https://a.test/x?y=%2F?&z#w", "y=%2F?&z"),
        ] {
            assert_eq!(query_of(url), query, "{url}");
        }
    }
}
