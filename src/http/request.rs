//! The parts of a request that its response depends on.

/// A request. None of it is passed to the origin.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// The HTTP method.
    pub method: Method,
    /// The absolute URL.
    pub url: &'a str,
    /// The `If-None-Match` header.
    pub if_none_match: Option<&'a str>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The `CF-Connecting-IP` header, if a rate limit is bound.
    pub client_address: Option<&'a str>,
    /// The body, read by `src/edge/body.js`.
    pub body: RequestBody,
    /// The optional bindings of the Worker.
    pub bindings: Bindings,
}

impl Request<'_> {
    /// Returns the raw path with its leading slash, neither decoded nor normalized.
    #[must_use]
    pub fn path(&self) -> &str {
        path_of(self.url)
    }

    /// Returns the raw query without its `?`, not decoded.
    #[must_use]
    pub fn query(&self) -> &str {
        query_of(self.url)
    }
}

fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme
        .find('/')
        .and_then(|start| after_scheme.get(start..))
        .unwrap_or("/");
    path.split(['?', '#']).next().unwrap_or("/")
}

fn query_of(url: &str) -> &str {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('#').next().unwrap_or_default()
}

/// Size limit of `src/edge/body.js`, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 256 * 1024;

/// Time limit of `src/edge/body.js`, in seconds.
pub(super) const BODY_TIMEOUT_S: u64 = 10;

/// The body of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RequestBody {
    /// No body, or one that the route does not need.
    #[default]
    Nothing,
    /// The complete body.
    Bytes(Vec<u8>),
    /// The body is longer than 262,144 bytes.
    TooLong,
    /// The body had not arrived completely after 10 seconds.
    TooSlow,
    /// The isolate is receiving too many bodies.
    TooMany,
}

/// The HTTP methods that routes support.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the variants are the methods
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Delete,
    Options,
    /// Any other method.
    Other,
}

impl Method {
    /// Returns the name for the log. The name of any other method is text from a client, so it is `other`.
    pub(super) fn name(self) -> &'static str {
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

/// The optional bindings of the Worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bindings {
    /// Is `true` if the KV namespace is bound.
    pub kv: bool,
    /// Is `true` if a queue is bound, by which purges repeat themselves.
    pub queue: bool,
    /// Is `true` if a rate limit is bound.
    pub rate_limit: bool,
    /// The secret that admin requests need. Without it, the admin routes do not exist.
    pub admin_token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_neither_decoded_nor_normalized() {
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
    fn the_query_is_not_decoded() {
        for (url, query) in [
            ("https://a.test/metadata/x.jpg", ""),
            ("https://a.test/x?", ""),
            ("https://a.test/x?y=%2F?&z#w", "y=%2F?&z"),
        ] {
            assert_eq!(query_of(url), query, "{url}");
        }
    }
}
