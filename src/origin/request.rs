//! The request for an image at a URL or a service.

use crate::origin::endpoint::{Endpoint, Place, Probe, Scheme};
use crate::origin::sigv4::{self, Credentials, canonical_path, canonical_query};
use crate::path::ImagePath;

/// The base URL of requests to a service binding. It names no host: the binding alone determines who gets the request.
const SERVICE_URL: &str = "https://service";

/// The request for the metadata of an image. It has no `Debug`, because its headers may be secret.
pub struct OriginRequest<'a> {
    /// The absolute URL.
    pub url: String,
    /// The service binding that gets the request, instead of the host of the URL.
    pub service: Option<&'a str>,
    /// Names and values of headers, all of them secret.
    pub headers: Vec<(&'a str, String)>,
    /// How metadata is requested.
    pub probe: Probe,
    /// Is `true` if S3's signature is in the headers. It is valid for this URL alone, so redirects are not followed.
    pub is_signed: bool,
}

impl Endpoint {
    /// Returns the request for the image at `path` below the endpoint. A bucket has no URL: its `url` is empty.
    #[must_use]
    pub(crate) fn request(&self, path: &ImagePath, now_ms: u64) -> OriginRequest<'_> {
        let (url, service) = match &self.place {
            Place::Url(url) => (path.origin_url(url), None),
            Place::Service(binding) => (path.origin_url(SERVICE_URL), Some(binding.as_str())),
            Place::Bucket(_) => (String::new(), None),
        };
        let request = OriginRequest {
            url,
            service,
            headers: Vec::new(),
            probe: self.probe,
            is_signed: false,
        };
        match self.auth.as_ref().map(|auth| &auth.scheme) {
            Some(Scheme::Headers(Some(headers))) => OriginRequest {
                headers: headers
                    .iter()
                    .map(|(name, value)| (name, value.to_owned()))
                    .collect(),
                ..request
            },
            Some(Scheme::Aws {
                region,
                credentials: Some(credentials),
            }) => signed(request, region, credentials, now_ms),
            _ => request,
        }
    }
}

/// Signs a request, in the form in which S3 sees it.
fn signed<'a>(
    request: OriginRequest<'a>,
    region: &str,
    credentials: &Credentials,
    now_ms: u64,
) -> OriginRequest<'a> {
    let (scheme, rest) = request.url.split_once("://").unwrap_or_default();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = authority.to_ascii_lowercase();
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let host = authority.strip_suffix(default_port).unwrap_or(&authority);
    let query: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    let path = canonical_path(path);
    let to_sign = sigv4::Request {
        method: sigv4::Method::Get,
        host,
        path: &path,
        query: &query,
        headers: &[],
    };
    let headers = sigv4::sign(&to_sign, credentials, region, now_ms);
    let mark = if query.is_empty() { "" } else { "?" };
    OriginRequest {
        url: [scheme, "://", host, &path, mark, &canonical_query(&query)].concat(),
        headers: headers
            .iter()
            .map(|(name, value)| (name, value.to_owned()))
            .collect(),
        is_signed: true,
        ..request
    }
}
