//! The signer of S3 requests against the npm package `aws4`, and what must hold for any path.
//!
//! Needs Node 20 or later, and the npm packages of the project.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]
#![cfg(not(target_family = "wasm"))]

mod node;

use std::collections::BTreeMap;

use optimized_metadata::origin::s3_error::S3ErrorCode;
use optimized_metadata::origin::sigv4::{
    Credentials, CredentialsError, Method, Request, canonical_path, canonical_query, sign,
};
use optimized_metadata::path::ImagePath;
use proptest::prelude::*;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rand_xorshift::XorShiftRng;
use serde_json::{Value, json};

const REQUESTS: usize = 500;

/// The first millisecond of the year 9999.
const YEAR_9999_MS: u64 = 253_370_764_800_000;

const PIECES: [&str; 28] = [
    "a", "Z", "7", "photos", "cat.jpg", "/", "/", " ", "+", "*", "!", "'", "(", ")", "~", "%",
    "%2F", "%20", "&", "=", ":", "@", "?", "#", "é", "日本", "😀", "_-.",
];

/// Reads requests from standard input, one JSON object a line, and prints the headers of each after signing.
///
/// `aws4` leaves `range` unsigned unless it is told otherwise.
const ORACLE: &str = r#"
import { readFileSync } from "node:fs";
import aws4 from "aws4";

const lines = readFileSync(0, "utf8").trim().split("\n").map((line) => JSON.parse(line));
const signed = lines.map(({ method, host, target, range, region, nowMs, credentials }) => {
  const headers = {
    Host: host,
    "X-Amz-Date": new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, ""),
    ...(range && { Range: range }),
  };
  const request = { service: "s3", region, method, path: target, headers, extraHeadersToInclude: { range: true } };
  return JSON.stringify(aws4.sign(request, credentials).headers);
});
console.log(signed.join("\n"));
"#;

/// What both signers sign.
struct Case {
    method: Method,
    host: String,
    path: String,
    query: Vec<(&'static str, String)>,
    range: Option<String>,
    region: &'static str,
    now_ms: u64,
    credentials: Value,
}

impl Case {
    fn random(random: &mut XorShiftRng) -> Self {
        let bucket = "my-bucket";
        let region = *["us-east-1", "eu-central-1", "auto"]
            .choose(random)
            .unwrap();
        let (host, prefix) = match random.random_range(0..3) {
            0 => (format!("{bucket}.s3.{region}.amazonaws.com"), String::new()),
            1 => (format!("s3.{region}.amazonaws.com"), format!("/{bucket}")),
            _ => ("127.0.0.1:9000".to_owned(), format!("/{bucket}")),
        };
        let wire = canonical_path(&format!("{prefix}/{}", key(random).encoded()));
        let mut query = Vec::new();
        if random.random_bool(0.3) {
            query.push(("versionId", text(random)));
            query.push(("partNumber", "1".to_owned()));
            query.push(("x-id", "GetObject".to_owned()));
            query.shuffle(random);
        }
        // HMAC hashes a key of more than 64 bytes first.
        let secret_length = *[1, 40, 60, 61, 64, 100].choose(random).unwrap();
        let mut credentials = json!({
            "accessKeyId": token(random, 20),
            "secretAccessKey": token(random, secret_length),
        });
        if random.random_bool(0.5) {
            credentials["sessionToken"] = token(random, 400).into();
        }
        let last = random.random_range(0..1_000_000);
        Self {
            method: *[Method::Get, Method::Head].choose(random).unwrap(),
            host,
            path: wire,
            query,
            range: random.random_bool(0.5).then(|| format!("bytes=0-{last}")),
            region,
            now_ms: random.random_range(0..YEAR_9999_MS),
            credentials,
        }
    }

    fn to_json(&self) -> Value {
        let query = canonical_query(&self.query());
        let target = if query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{query}", self.path)
        };
        json!({
            "method": match self.method { Method::Get => "GET", Method::Head => "HEAD" },
            "host": self.host,
            "target": target,
            "range": self.range,
            "region": self.region,
            "nowMs": self.now_ms,
            "credentials": self.credentials,
        })
    }

    fn query(&self) -> Vec<(&str, &str)> {
        let pairs = self.query.iter();
        pairs.map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// All headers of the signed request, by their names in lower case.
    fn headers(&self) -> BTreeMap<String, String> {
        let credentials = Credentials::from_json(&self.credentials.to_string()).unwrap();
        let range: Vec<(&str, &str)> = self.range.iter().map(|range| ("Range", &**range)).collect();
        let request = Request {
            method: self.method,
            host: &self.host,
            path: &self.path,
            query: &self.query(),
            headers: &range,
        };
        let signed = sign(&request, &credentials, self.region, self.now_ms);
        let own = range.iter().copied().chain([("host", &*self.host)]);
        let headers = signed.iter().chain(own);
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        headers.collect()
    }
}

fn text(random: &mut XorShiftRng) -> String {
    let pieces = random.random_range(1..12);
    (0..pieces)
        .map(|_| *PIECES.choose(random).unwrap())
        .collect()
}

/// A path that the service accepts.
fn key(random: &mut XorShiftRng) -> ImagePath {
    loop {
        let raw = text(random).replace('%', "%25");
        if let Ok(path) = ImagePath::from_raw(&raw) {
            return path;
        }
    }
}

fn token(random: &mut XorShiftRng, length: usize) -> String {
    (0..length)
        .map(|_| char::from(random.random_range(b'!'..=b'~')))
        .collect()
}

/// Runs the oracle once for all cases.
fn sign_with_aws4(cases: &[Case]) -> Vec<BTreeMap<String, String>> {
    let lines: Vec<String> = cases
        .iter()
        .map(|case| case.to_json().to_string())
        .collect();
    let stdout = node::run(ORACLE, &lines.join("\n"));
    let signed = stdout.lines().map(|line| {
        let headers: BTreeMap<String, String> = serde_json::from_str(line).unwrap();
        let headers = headers.into_iter();
        headers
            .map(|(name, value)| (name.to_lowercase(), value))
            .collect()
    });
    signed.collect()
}

#[test]
fn aws4_signs_every_request_the_same_way() {
    let mut random = XorShiftRng::seed_from_u64(4);
    let cases: Vec<Case> = (0..REQUESTS).map(|_| Case::random(&mut random)).collect();
    let expected = sign_with_aws4(&cases);
    assert_eq!(expected.len(), cases.len());
    for (case, expected) in cases.iter().zip(expected) {
        assert_eq!(case.headers(), expected, "{}", case.to_json());
    }
    for piece in PIECES.iter().filter(|piece| **piece != "?") {
        let encoded = canonical_path(&piece.replace('%', "%25"));
        let is_signed = cases.iter().any(|case| case.path.contains(&encoded));
        assert!(is_signed, "{piece} is in no path");
    }
}

/// Without the plus, which S3 and `aws4` read as a space.
#[test]
fn aws4_signs_the_path_of_an_origin_url_the_same_way() {
    let base = Case::random(&mut XorShiftRng::seed_from_u64(5));
    let cases: Vec<Case> = (b' '..=b'~')
        .filter_map(|byte| ImagePath::from_raw(&format!("a%{byte:02X}b")).ok())
        .filter(|path| path.as_str() != "a+b")
        .map(|path| Case {
            path: path.origin_url(""),
            host: base.host.clone(),
            query: Vec::new(),
            range: None,
            credentials: base.credentials.clone(),
            ..base
        })
        .collect();
    assert!(cases.len() > 90, "{}", cases.len());
    for (case, expected) in cases.iter().zip(sign_with_aws4(&cases)) {
        assert_eq!(case.headers(), expected, "{}", case.path);
    }
}

fn decoded(encoded: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(encoded).collect()
}

proptest! {
    #[test]
    fn any_path_has_one_canonical_form(path in "(/|[ -~]|%[0-9a-fA-F]{2}|\\PC){0,40}") {
        let canonical = canonical_path(&path);
        prop_assert_eq!(&canonical_path(&canonical), &canonical);
        prop_assert_eq!(decoded(&canonical), decoded(&path));
        let mut rest = canonical.bytes();
        while let Some(byte) = rest.next() {
            let is_plain = byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
            if !is_plain {
                prop_assert_eq!(byte, b'%');
                let is_hex = |byte: Option<u8>| matches!(byte, Some(b'0'..=b'9' | b'A'..=b'F'));
                prop_assert!(is_hex(rest.next()) && is_hex(rest.next()), "{}", canonical);
            }
        }
    }

    #[test]
    fn paths_of_different_images_have_different_canonical_forms(a in "\\PC{1,6}", b in "\\PC{1,6}") {
        let path = |raw: &str| ImagePath::from_raw(&raw.replace('%', "%25"));
        if let (Ok(a), Ok(b)) = (path(&a), path(&b)) {
            let canonical = |path: &ImagePath| canonical_path(&path.origin_url(""));
            prop_assert_eq!(a == b, canonical(&a) == canonical(&b));
        }
    }

    #[test]
    fn any_time_and_text_is_signed_in_one_line(
        path in "\\PC{0,20}", host in "[ -~]{0,20}", value in "[ -~]{0,20}", now_ms: u64,
    ) {
        let secret = r#"{"accessKeyId":"AKIA","secretAccessKey":"hidden-secret","sessionToken":"t"}"#;
        let credentials = Credentials::from_json(secret).unwrap();
        let request = Request {
            method: Method::Get,
            host: &host,
            path: &path,
            query: &[(&value, &path)],
            headers: &[("range", &value)],
        };
        let headers: BTreeMap<_, _> = sign(&request, &credentials, "auto", now_ms)
            .iter()
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        prop_assert_eq!(headers["x-amz-date"].len(), "20130524T000000Z".len());
        for value in headers.values() {
            prop_assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{}", value);
            prop_assert!(!value.contains("hidden"), "{}", value);
        }
        let signature = headers["authorization"].split_once("Signature=").unwrap().1;
        let later = sign(&request, &credentials, "auto", now_ms ^ (1 << 20));
        let has_changed = later.iter().all(|(_, value)| !value.ends_with(signature));
        // A time after the year 9999 is that year's last second.
        prop_assert!(has_changed || now_ms > YEAR_9999_MS);
    }

    #[test]
    fn a_value_of_credentials_is_visible_ascii(value in "\\PC{0,9}|[!-~]{1,9}") {
        let fields = json!({ "accessKeyId": "AKIA", "secretAccessKey": value });
        let error = Credentials::from_json(&fields.to_string()).err();
        let expected = if value.is_empty() {
            Some(CredentialsError::Empty("secretAccessKey"))
        } else if value.bytes().all(|byte| byte.is_ascii_graphic()) {
            None
        } else {
            Some(CredentialsError::InvalidCharacter("secretAccessKey"))
        };
        prop_assert_eq!(error, expected);
    }

    #[test]
    fn any_bytes_are_an_error_code_or_none(body in prop::collection::vec(any::<u8>(), 0..1_100)) {
        let inside = [b"<Error><Code>", &*body].concat();
        for body in [&body, &inside] {
            prop_assert_eq!(S3ErrorCode::from_body(body), None);
        }
    }
}
