//! The request for an image at a URL or a service.

use crate::origin::endpoint::{Endpoint, Place, Probe, Scheme};
use crate::origin::sigv4::{self, Credentials, canonical_path, canonical_query};
use crate::path::ImagePath;
use crate::path::query::split;

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
    let (rest, query) = split(rest);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host(scheme, authority);
    let query: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    let path = canonical_path(path);
    let to_sign = sigv4::Request {
        method: sigv4::Method::Get,
        host: &host,
        path: &path,
        query: &query,
        headers: &[],
    };
    let headers = sigv4::sign(&to_sign, credentials, region, now_ms);
    let mark = if query.is_empty() { "" } else { "?" };
    OriginRequest {
        url: [scheme, "://", &host, &path, mark, &canonical_query(&query)].concat(),
        headers: headers
            .iter()
            .map(|(name, value)| (name, value.to_owned()))
            .collect(),
        is_signed: true,
        ..request
    }
}

/// Returns the `Host` header that the runtime sends: in lower case, and without the default port or leading zeros.
fn host(scheme: &str, authority: &str) -> String {
    let authority = authority.to_ascii_lowercase();
    let default_port = if scheme == "https" { 443 } else { 80 };
    // The colons of an IPv6 address are in brackets, so what follows them is not a number.
    let port = authority.rsplit_once(':').and_then(|(name, port)| {
        let port: u16 = port.parse().ok()?;
        Some((name, port))
    });
    match port {
        Some((name, port)) if port == default_port => name.to_owned(),
        Some((name, port)) => format!("{name}:{port}"),
        None => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::endpoint::Auth;
    use crate::origin::id::OriginId;
    use crate::origin::secret_headers::SecretHeaders;

    /// 2013-05-24, midnight.
    const NOW_MS: u64 = 1_369_353_600_000;

    const CREDENTIALS: &str =
        r#"{"accessKeyId":"AKIA","secretAccessKey":"hunter2","sessionToken":"token=="}"#;

    fn endpoint(place: Place, scheme: Option<Scheme>) -> Endpoint {
        Endpoint {
            id: OriginId::of_url(""),
            place,
            bucket_name: None,
            probe: Probe::Header,
            auth: scheme.map(|scheme| Auth {
                secret: "SECRET".into(),
                field: "headersSecret".into(),
                scheme,
            }),
            field: "originUrl".into(),
        }
    }

    fn public(url: &str) -> Endpoint {
        endpoint(Place::Url(url.into()), None)
    }

    fn s3(url: &str) -> Endpoint {
        let scheme = Scheme::Aws {
            region: "eu-west-1".into(),
            credentials: Some(Credentials::from_json(CREDENTIALS).unwrap()),
        };
        endpoint(Place::Url(url.into()), Some(scheme))
    }

    fn image(raw: &str, query: &str) -> ImagePath {
        ImagePath::from_raw(raw).unwrap().with_query(query)
    }

    fn header(request: &OriginRequest<'_>, wanted: &str) -> Option<String> {
        let mut headers = request.headers.iter();
        let header = headers.find(|(name, _)| *name == wanted);
        header.map(|(_, value)| value.clone())
    }

    /// Asserts that the signature of `request` is valid for this host, path and query, which S3 has decoded.
    fn assert_signed_for(
        request: &OriginRequest<'_>,
        host: &str,
        path: &str,
        query: &[(&str, &str)],
    ) {
        let to_sign = sigv4::Request {
            method: sigv4::Method::Get,
            host,
            path,
            query,
            headers: &[],
        };
        let credentials = Credentials::from_json(CREDENTIALS).unwrap();
        let signed = sigv4::sign(&to_sign, &credentials, "eu-west-1", NOW_MS);
        for (name, value) in signed.iter() {
            assert_eq!(header(request, name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(request.headers.len(), signed.iter().count());
        assert!(request.is_signed);
    }

    #[test]
    fn a_request_to_a_public_url_has_no_headers_and_the_encoded_path_below_it() {
        for (base, raw, query, url) in [
            (
                "https://images.test",
                "cat.jpg",
                "",
                "https://images.test/cat.jpg",
            ),
            (
                "https://Images.TEST:443/a%20b",
                "c/d%20e+f.jpg",
                "",
                "https://Images.TEST:443/a%20b/c/d%20e+f.jpg",
            ),
            (
                "https://images.test",
                "cat.jpg",
                "v=3",
                "https://images.test/cat.jpg?v=3",
            ),
            (
                "https://images.test",
                "a%3fv=3",
                "",
                "https://images.test/a%3Fv=3",
            ),
            (
                "https://images.test/x",
                "@evil.test:80/y",
                "",
                "https://images.test/x/@evil.test:80/y",
            ),
        ] {
            let endpoint = public(base);
            let request = endpoint.request(&image(raw, query), NOW_MS);
            assert_eq!(request.url, url);
            assert_eq!((request.headers.len(), request.service), (0, None));
            assert!(!request.is_signed);
        }
    }

    #[test]
    fn a_request_to_a_service_has_its_binding_and_a_host_of_no_meaning() {
        let endpoint = endpoint(Place::Service("RENDERER".into()), None);
        let request = endpoint.request(&image("a%20b/c.png", "v=3"), NOW_MS);
        assert_eq!(request.url, "https://service/a%20b/c.png?v=3");
        assert_eq!(request.service, Some("RENDERER"));
    }

    #[test]
    fn secret_headers_are_sent_to_a_url_and_to_a_service() {
        let headers = || {
            let secret = r#"{"Authorization":"Basic hunter2","X-Api-Key":"k"}"#;
            Some(Scheme::Headers(Some(
                SecretHeaders::from_json(secret).unwrap(),
            )))
        };
        let expected = [
            ("authorization", "Basic hunter2".to_owned()),
            ("x-api-key", "k".to_owned()),
        ];
        for place in [
            Place::Url("https://images.test".into()),
            Place::Service("RENDERER".into()),
        ] {
            let endpoint = endpoint(place, headers());
            let request = endpoint.request(&image("cat.jpg", ""), NOW_MS);
            assert_eq!(request.headers, expected);
            assert!(!request.is_signed);
        }
    }

    #[test]
    fn a_secret_that_was_not_read_adds_no_header() {
        let aws = Scheme::Aws {
            region: "auto".into(),
            credentials: None,
        };
        for scheme in [Scheme::Headers(None), aws] {
            let endpoint = endpoint(Place::Url("https://images.test".into()), Some(scheme));
            let request = endpoint.request(&image("cat.jpg", ""), NOW_MS);
            assert!(request.headers.is_empty() && !request.is_signed);
        }
    }

    #[test]
    fn the_signed_host_is_the_one_that_is_sent() {
        for (base, host, url) in [
            (
                "https://bucket.s3.test",
                "bucket.s3.test",
                "https://bucket.s3.test/cat.jpg",
            ),
            (
                "https://Bucket.S3.Test",
                "bucket.s3.test",
                "https://bucket.s3.test/cat.jpg",
            ),
            (
                "https://bucket.s3.test:443",
                "bucket.s3.test",
                "https://bucket.s3.test/cat.jpg",
            ),
            (
                "https://bucket.s3.test:0443",
                "bucket.s3.test",
                "https://bucket.s3.test/cat.jpg",
            ),
            (
                "https://bucket.s3.test:80",
                "bucket.s3.test:80",
                "https://bucket.s3.test:80/cat.jpg",
            ),
            (
                "https://bucket.s3.test:4430",
                "bucket.s3.test:4430",
                "https://bucket.s3.test:4430/cat.jpg",
            ),
            (
                "http://localhost:80",
                "localhost",
                "http://localhost/cat.jpg",
            ),
            (
                "http://localhost:443",
                "localhost:443",
                "http://localhost:443/cat.jpg",
            ),
            (
                "http://127.0.0.1:09000",
                "127.0.0.1:9000",
                "http://127.0.0.1:9000/cat.jpg",
            ),
            ("http://[::1]", "[::1]", "http://[::1]/cat.jpg"),
            ("http://[::1]:80", "[::1]", "http://[::1]/cat.jpg"),
            (
                "http://[::1]:9000",
                "[::1]:9000",
                "http://[::1]:9000/cat.jpg",
            ),
        ] {
            let endpoint = s3(base);
            let request = endpoint.request(&image("cat.jpg", ""), NOW_MS);
            assert_eq!(request.url, url);
            assert_signed_for(&request, host, "/cat.jpg", &[]);
        }
    }

    #[test]
    fn the_path_is_signed_and_sent_as_s3_encodes_it() {
        let all = "!$&'()*+,:;=@ ~é日😀%?#\"<>^`{|}[]";
        let encoded_all = "%21%24%26%27%28%29%2A%2B%2C%3A%3B%3D%40%20~%C3%A9%E6%97%A5%F0%9F%98%80%25%3F%23%22%3C%3E%5E%60%7B%7C%7D%5B%5D";
        for (base, decoded, path) in [
            (
                "https://bucket.s3.test",
                "photos/cat.jpg",
                "/photos/cat.jpg",
            ),
            (
                "https://s3.test/bucket",
                "photos/cat.jpg",
                "/bucket/photos/cat.jpg",
            ),
            (
                "https://s3.test/my%20bucket/a+b",
                "cat.jpg",
                "/my%20bucket/a%2Bb/cat.jpg",
            ),
            ("https://bucket.s3.test", "a+b c.jpg", "/a%2Bb%20c.jpg"),
            ("https://bucket.s3.test", "%2F%2e%2e", "/%252F%252e%252e"),
            ("https://bucket.s3.test", all, &["/", encoded_all].concat()),
        ] {
            let endpoint = s3(base);
            let request = endpoint.request(&ImagePath::from_decoded(decoded).unwrap(), NOW_MS);
            let host = if base.contains("bucket.s3") {
                "bucket.s3.test"
            } else {
                "s3.test"
            };
            assert_eq!(request.url, format!("https://{host}{path}"));
            assert_signed_for(&request, host, path, &[]);
        }
    }

    #[test]
    fn the_query_of_a_version_is_signed_and_sent_in_the_order_of_the_names() {
        let endpoint = s3("https://bucket.s3.test");
        let request = endpoint.request(&image("cat.jpg", "v=a-._~Z&size=xl"), NOW_MS);
        assert_eq!(
            request.url,
            "https://bucket.s3.test/cat.jpg?size=xl&v=a-._~Z"
        );
        let query = [("v", "a-._~Z"), ("size", "xl")];
        assert_signed_for(&request, "bucket.s3.test", "/cat.jpg", &query);
    }

    #[test]
    fn a_signature_has_the_time_of_the_request_and_the_session_token() {
        let endpoint = s3("https://bucket.s3.test");
        let image = image("cat.jpg", "");
        let request = endpoint.request(&image, NOW_MS);
        assert_eq!(
            header(&request, "x-amz-date").as_deref(),
            Some("20130524T000000Z")
        );
        assert_eq!(
            header(&request, "x-amz-security-token").as_deref(),
            Some("token==")
        );
        let later = endpoint.request(&image, NOW_MS + 1_000);
        assert_eq!(
            header(&later, "x-amz-date").as_deref(),
            Some("20130524T000001Z")
        );
        assert_ne!(
            header(&later, "authorization"),
            header(&request, "authorization")
        );
    }

    #[test]
    fn a_bucket_has_no_request() {
        let endpoint = endpoint(Place::Bucket("IMAGES".into()), None);
        assert_eq!(endpoint.request(&image("cat.jpg", ""), NOW_MS).url, "");
    }
}
