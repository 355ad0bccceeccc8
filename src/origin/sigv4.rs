//! Signs reads from S3 with AWS Signature Version 4, in the `Authorization` header.
//!
//! A pure function of request, credentials and time. The rules, and the examples of the tests, are those of
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.
//!
//! - S3 signs the path that it received after decoding and encoding it once. It never removes dot segments or empty
//!   segments, unlike other services of AWS.
//! - The payload is signed, as the hash of an empty body, instead of `UNSIGNED-PAYLOAD`. It is a constant, so it costs
//!   nothing. It protects requests over plain HTTP too, and some servers with S3's API accept no unsigned payload.

mod credentials;
mod date;

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

use crate::text::hex::hex;
use date::Timestamp;

pub use credentials::{Credentials, CredentialsError};

/// The SHA-256 of an empty body.
const EMPTY_BODY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "s3";

/// What S3 encodes in a name or a value: all but RFC 3986's unreserved characters.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What S3 encodes in a path.
const PATH: &AsciiSet = &VALUE.remove(b'/');

/// The methods that read an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

/// A request without a body, as it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The `Host` header: lower case, with the port unless it is the scheme's default.
    pub host: &'a str,
    /// The percent-encoded path from its first slash, without the query. Send it as [`canonical_path`] returns it.
    pub path: &'a str,
    /// Names and values of the query, not encoded, and each name once. Send [`canonical_query`].
    pub query: &'a [(&'a str, &'a str)],
    /// Other headers to sign, each name once. All `x-amz-*` headers of the request are required.
    ///
    /// `range` need not be signed. Do not sign a header that a proxy may change: Cloudflare's cache may remove
    /// `range` (<https://github.com/mhart/aws4fetch/pull/5>).
    pub headers: &'a [(&'a str, &'a str)],
}

/// The headers that authenticate a request. They are valid for 15 minutes.
///
/// It has no `Debug`, because a header is a credential too.
pub struct SignedHeaders {
    authorization: String,
    date: String,
    security_token: Option<String>,
}

impl SignedHeaders {
    /// The names, in lower case, and values to add to the request.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let token = self.security_token.as_deref();
        [
            ("authorization", self.authorization.as_str()),
            ("x-amz-content-sha256", EMPTY_BODY),
            ("x-amz-date", &self.date),
        ]
        .into_iter()
        .chain(token.map(|token| ("x-amz-security-token", token)))
    }
}

/// Signs `request` for a bucket in `region` at `now_ms` milliseconds since 1970.
///
/// ```
/// use optimized_metadata::origin::sigv4::{Credentials, Method, Request, sign};
///
/// let credentials = Credentials::from_json(r#"{"accessKeyId":"AKIA","secretAccessKey":"secret"}"#)?;
/// let request = Request {
///     method: Method::Get,
///     host: "images.s3.eu-west-1.amazonaws.com",
///     path: "/cat.jpg",
///     query: &[],
///     headers: &[],
/// };
/// let signed = sign(&request, &credentials, "eu-west-1", 1_369_353_600_000);
/// let names: Vec<&str> = signed.iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["authorization", "x-amz-content-sha256", "x-amz-date"]);
/// # Ok::<(), optimized_metadata::origin::sigv4::CredentialsError>(())
/// ```
#[must_use]
pub fn sign(
    request: &Request<'_>,
    credentials: &Credentials,
    region: &str,
    now_ms: u64,
) -> SignedHeaders {
    let Timestamp { day, second } = Timestamp::from_ms(now_ms);
    let headers = canonical_headers(request, credentials, &second);
    let names: Vec<&str> = headers.0.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let canonical_request = Sha256::digest(canonical_request(request, &headers, &names));

    let scope = format!("{day}/{region}/{SERVICE}/aws4_request");
    let string_to_sign = format!(
        "{ALGORITHM}\n{second}\n{scope}\n{}",
        hex(&canonical_request)
    );
    let secret = format!("AWS4{}", credentials.secret_access_key);
    let key = hmac(secret.as_bytes(), &day);
    let key = [region, SERVICE, "aws4_request"]
        .iter()
        .fold(key, |key, part| hmac(&key, part));
    let signature = hex(&hmac(&key, &string_to_sign));

    let access_key_id = &credentials.access_key_id;
    SignedHeaders {
        authorization: format!(
            "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        ),
        date: second,
        security_token: credentials.session_token.clone(),
    }
}

/// Encodes a path as S3 does before it signs: decodes it once, then encodes all but unreserved characters and slashes.
///
/// Send this form, because a `+` on the wire is ambiguous: S3 reads it as a space
/// (<https://github.com/nginx/nginx-s3-gateway/issues/77>), other servers as a plus. `%2B` is a plus for all.
///
/// ```
/// use optimized_metadata::origin::sigv4::canonical_path;
///
/// assert_eq!(canonical_path("/a%20(1)+b@2x.jpg"), "/a%20%281%29%2Bb%402x.jpg");
/// ```
#[must_use]
pub fn canonical_path(path: &str) -> String {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    percent_encode(&decoded, PATH).to_string()
}

/// Encodes the names and values of a query, and sorts them.
#[must_use]
pub fn canonical_query(query: &[(&str, &str)]) -> String {
    let encode = |text: &str| percent_encode(text.as_bytes(), VALUE).to_string();
    let mut pairs = Pairs::default();
    for (name, value) in query {
        pairs.put(encode(name), encode(value));
    }
    pairs.join("=", "&")
}

/// Names and values in the order of the names. A map is 1.5 KB larger after gzip.
#[derive(Default)]
struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Adds a pair. It replaces an earlier one of the same name.
    fn put(&mut self, name: String, value: String) {
        self.0.retain(|(other, _)| *other != name);
        let position = self.0.partition_point(|(other, _)| *other < name);
        self.0.insert(position, (name, value));
    }

    fn join(&self, inner: &str, outer: &str) -> String {
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| [name, inner, value].concat())
            .collect();
        pairs.join(outer)
    }
}

fn canonical_headers(request: &Request<'_>, credentials: &Credentials, second: &str) -> Pairs {
    let token = credentials.session_token.as_deref();
    let own = [
        ("host", request.host),
        ("x-amz-content-sha256", EMPTY_BODY),
        ("x-amz-date", second),
    ];
    let own = own
        .into_iter()
        .chain(token.map(|token| ("x-amz-security-token", token)));
    let others = request.headers.iter().copied();
    let mut headers = Pairs::default();
    for (name, value) in others.chain(own) {
        let words: Vec<&str> = value.split_ascii_whitespace().collect();
        headers.put(name.to_ascii_lowercase(), words.join(" "));
    }
    headers
}

fn canonical_request(request: &Request<'_>, headers: &Pairs, names: &str) -> String {
    [
        request.method.name(),
        &canonical_path(request.path),
        &canonical_query(request.query),
        &headers.join(":", "\n"),
        // An empty line ends the headers.
        "",
        names,
        EMPTY_BODY,
    ]
    .join("\n")
}

fn hmac(key: &[u8], message: &str) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(message));
    // HMAC takes keys of any length. If it did not, S3 would reject the signature.
    mac.map_or([0; 32], |mac| mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::ImagePath;

    /// 2013-05-24, midnight: the time of the examples in AWS's documentation.
    const NOW_MS: u64 = 1_369_353_600_000;

    fn example_credentials() -> Credentials {
        Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
        }
    }

    fn example<'a>(path: &'a str, query: &'a [(&'a str, &'a str)]) -> Request<'a> {
        Request {
            method: Method::Get,
            host: "examplebucket.s3.amazonaws.com",
            path,
            query,
            headers: &[],
        }
    }

    fn header(signed: &SignedHeaders, wanted: &str) -> Option<String> {
        let mut headers = signed.iter();
        let header = headers.find(|(name, _)| *name == wanted);
        header.map(|(_, value)| value.to_owned())
    }

    #[test]
    fn the_examples_of_aws_have_the_published_signatures() {
        let ranged = Request {
            headers: &[("Range", "bytes=0-9")],
            ..example("/test.txt", &[])
        };
        let lifecycle = [("lifecycle", "")];
        let list = [("prefix", "J"), ("max-keys", "2")];
        for (request, names, signature) in [
            (
                ranged,
                "host;range;x-amz-content-sha256;x-amz-date",
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            (
                example("/", &lifecycle),
                "host;x-amz-content-sha256;x-amz-date",
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
            (
                example("/", &list),
                "host;x-amz-content-sha256;x-amz-date",
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ] {
            let signed = sign(&request, &example_credentials(), "us-east-1", NOW_MS);
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
                 SignedHeaders={names}, Signature={signature}"
            );
            assert_eq!(header(&signed, "authorization"), Some(expected));
            let date = header(&signed, "x-amz-date");
            assert_eq!(date.as_deref(), Some("20130524T000000Z"));
            let payload = header(&signed, "x-amz-content-sha256").unwrap();
            assert_eq!(payload, hex(&Sha256::digest(b"")));
            assert_eq!(header(&signed, "x-amz-security-token"), None);
        }
    }

    #[test]
    fn hmac_has_the_results_of_rfc_4231() {
        let long_key = [0xaa; 131];
        for (key, message, expected) in [
            (
                &[0x0b; 20][..],
                "Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &long_key,
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hex(&hmac(key, message)), expected);
        }
    }

    #[test]
    fn a_session_token_is_sent_and_signed() {
        let credentials = Credentials {
            session_token: Some("token==".into()),
            ..example_credentials()
        };
        let signed = sign(&example("/a", &[]), &credentials, "us-east-1", NOW_MS);
        let token = header(&signed, "x-amz-security-token");
        assert_eq!(token.as_deref(), Some("token=="));
        let authorization = header(&signed, "authorization").unwrap();
        let names = "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,";
        assert!(authorization.contains(names), "{authorization}");
    }

    #[test]
    fn headers_are_signed_in_lower_case_trimmed_and_never_twice() {
        let request = Request {
            headers: &[
                ("X-Amz-Request-Payer", "  requester  pays "),
                ("X-Amz-Date", "19700101T000000Z"),
                ("HOST", "evil.test"),
            ],
            ..example("/", &[])
        };
        let headers = canonical_headers(&request, &example_credentials(), "20130524T000000Z");
        assert_eq!(
            headers.join(":", "\n"),
            format!(
                "host:examplebucket.s3.amazonaws.com\n\
                 x-amz-content-sha256:{EMPTY_BODY}\n\
                 x-amz-date:20130524T000000Z\n\
                 x-amz-request-payer:requester pays"
            )
        );
    }

    /// All others are sent as S3 encodes them.
    #[test]
    fn twelve_characters_of_an_origin_url_are_encoded_for_s3() {
        let differs = |byte: &u8| {
            let raw = format!("%{byte:02X}");
            let Ok(path) = ImagePath::from_raw(&raw) else {
                return false;
            };
            let encoded = path.encoded();
            let canonical = canonical_path(&encoded);
            let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
            let expected = if is_unreserved {
                char::from(*byte).to_string()
            } else {
                raw
            };
            assert_eq!(canonical, expected);
            encoded != canonical
        };
        let different: Vec<u8> = (0..=0x7f).filter(differs).collect();
        assert_eq!(different, b"!$&'()*+,:=@");
        let path = ImagePath::from_raw("a%20b/Gr%c3%b6%c3%9fe%3f%23%25.png").unwrap();
        let url = path.origin_url("");
        assert_eq!(url, "/a%20b/Gr%C3%B6%C3%9Fe%3F%23%25.png");
        assert_eq!(canonical_path(&url), url);
    }

    #[test]
    fn a_path_is_decoded_once_and_never_normalised() {
        for (path, canonical) in [
            ("/", "/"),
            ("/a//b/./../c", "/a//b/./../c"),
            ("/a%2fb%2Fc", "/a/b/c"),
            ("/%7euser/%41%2d", "/~user/A-"),
            ("/%252e", "/%252e"),
            ("/%c3%28", "/%C3%28"),
            ("/100%", "/100%25"),
            ("/%zz", "/%25zz"),
            ("/é", "/%C3%A9"),
            ("/a+b", "/a%2Bb"),
        ] {
            assert_eq!(canonical_path(path), canonical);
        }
    }

    #[test]
    fn a_query_is_encoded_and_sorted() {
        for (query, canonical) in [
            (&[][..], ""),
            (&[("lifecycle", "")], "lifecycle="),
            (
                &[("versionId", "a+/b=~"), ("part number", "é"), ("A", "1")],
                "A=1&part%20number=%C3%A9&versionId=a%2B%2Fb%3D~",
            ),
        ] {
            assert_eq!(canonical_query(query), canonical);
        }
    }
}
