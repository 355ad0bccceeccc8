//! Reads how an origin is asked, and with which credentials.

use super::settings_reader::SettingsReader;
use crate::origin::endpoint::{Auth, Place, Probe, Scheme};

const AWS_EXPECTED: &str =
    "must be an object such as {\"region\": \"eu-west-1\", \"secret\": \"S3_CREDENTIALS\"}";

/// Reads how the origin is authenticated to and asked.
pub(super) fn access(
    read: &mut SettingsReader<'_>,
    place: Option<&Place>,
) -> (Option<Auth>, Probe) {
    let field = read.field("headersSecret");
    let headers = read.secret("headersSecret").map(|secret| Auth {
        secret,
        field,
        scheme: Scheme::Headers(None),
    });
    let aws = read.object("aws", AWS_EXPECTED, aws);
    if headers.is_some() && aws.is_some() {
        read.refuse("aws", "must not be set besides 'headersSecret'");
    }
    for (key, auth) in [("headersSecret", &headers), ("aws", &aws)] {
        if auth.is_some() {
            check_auth(read, key, place);
        }
    }
    let auth = headers.or(aws);
    let probe = probe(read, place, auth.is_some());
    (auth, probe)
}

fn aws(read: &mut SettingsReader<'_>) -> Option<Auth> {
    const EXPECTED: &str =
        "must be the region of the bucket, such as \"eu-west-1\", or \"auto\" for R2";
    let is_valid = |region: &str| {
        (1..=32).contains(&region.len())
            && region
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let region = read.text("region", EXPECTED, is_valid);
    if region.is_none() {
        read.refuse_missing("region", &format!("it {EXPECTED}"));
    }
    let field = read.field("secret");
    let secret = read.secret("secret");
    if secret.is_none() {
        read.refuse_missing("secret", "it must be the name of a secret");
    }
    Some(Auth {
        secret: secret?,
        field,
        scheme: Scheme::Aws {
            region: region?.to_owned(),
            credentials: None,
        },
    })
}

/// Refuses credentials that would be sent unencrypted, or to no server.
fn check_auth(read: &mut SettingsReader<'_>, key: &'static str, place: Option<&Place>) {
    let expected = match place {
        Some(Place::Url(url)) if url.starts_with("https://") || is_local(url) => return,
        Some(Place::Url(_)) => {
            "may only be set for an https URL: over http, anyone on the way could read it"
        }
        Some(Place::Service(_)) if key == "headersSecret" => return,
        _ if key == "headersSecret" => "may only be set for a URL or a service",
        _ => "may only be set for a URL",
    };
    read.refuse(key, expected);
}

/// Returns `true` if the URL is on the same machine, as in tests and under `wrangler dev`.
fn is_local(url: &str) -> bool {
    let authority = url.split('/').nth(2).unwrap_or_default();
    let port = authority
        .rfind(':')
        .filter(|colon| !authority.get(*colon..).unwrap_or_default().contains(']'));
    let host = port
        .and_then(|colon| authority.get(..colon))
        .unwrap_or(authority);
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

fn probe(read: &mut SettingsReader<'_>, place: Option<&Place>, has_auth: bool) -> Probe {
    let is_valid = |name: &str| Probe::named(name).is_some();
    let probe = read.text("probe", "must be one of auto, resizer, header", is_valid);
    let probe = probe.and_then(Probe::named);
    let is_shared = |text: &str| text == "share-publicly";
    let shares = read
        .text("originAuth", "must be \"share-publicly\"", is_shared)
        .is_some();
    let uses_resizer = probe.is_some_and(Probe::uses_resizer);
    let is_url = matches!(place, None | Some(Place::Url(_)));
    if uses_resizer && !is_url {
        read.refuse(
            "probe",
            "must be \"header\" for a bucket or a service: requests to them are not resized",
        );
    }
    if uses_resizer && has_auth && !shares {
        read.refuse(
            "probe",
            "must be \"header\" for an origin with a secret, unless 'originAuth' is \"share-publicly\"",
        );
    }
    if shares && !(uses_resizer && has_auth) {
        read.refuse(
            "originAuth",
            "may only be set with 'headersSecret' or 'aws', and with 'probe' \"resizer\" or \"auto\"",
        );
    }
    let default = if has_auth || !is_url {
        Probe::Header
    } else {
        Probe::Auto
    };
    probe.unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, ConfigError};
    use crate::origin::endpoint::Probe;
    use serde_json::{Value, json};

    /// Reads the settings of one origin, as the default origin and as the third one of `origins`.
    fn read_both(default: &Value, listed: &Value) -> [Result<Config, ConfigError>; 2] {
        let origins = json!({ "origins": [
            { "prefix": "a", "url": "https://a.test" },
            { "prefix": "b", "bucket": "IMAGES" },
            listed,
        ] });
        [Config::from_json(default), Config::from_json(&origins)]
    }

    /// Reads the settings of an origin at `url`.
    fn read_url(url: &str, settings: &Value) -> [Result<Config, ConfigError>; 2] {
        let mut default = settings.clone();
        default["originUrl"] = url.into();
        let mut listed = settings.clone();
        listed["url"] = url.into();
        listed["prefix"] = "c".into();
        read_both(&default, &listed)
    }

    /// Asserts the errors of an origin at `url`, without and with the scope of the list.
    fn assert_refused(url: &str, settings: &Value, field: &str, expected: &str) {
        for (result, scope) in read_url(url, settings).into_iter().zip(["", "origins[2]."]) {
            let error = result.unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("The setting '{scope}{field}' {expected}.")
            );
        }
    }

    const URL: &str = "https://private.test";
    const AWS: &str =
        "must be an object such as {\"region\": \"eu-west-1\", \"secret\": \"S3_CREDENTIALS\"}";
    const SECRET: &str = "must be the name of a secret, in letters, digits and underscores: store its value with npx wrangler secret put";
    const REGION: &str =
        "must be the region of the bucket, such as \"eu-west-1\", or \"auto\" for R2";

    #[test]
    fn each_error_names_the_field_of_its_origin_and_says_what_is_accepted() {
        let headers = json!({ "headersSecret": "S" });
        let with = |settings: &Value, key: &str, value: &str| {
            let mut settings = settings.clone();
            settings[key] = value.into();
            settings
        };
        for (settings, field, expected) in [
            (json!({ "headersSecret": 7 }), "headersSecret", SECRET),
            (
                json!({ "headersSecret": "Basic hunter2" }),
                "headersSecret",
                SECRET,
            ),
            (
                json!({ "headersSecret": { "Cookie": "hunter2" } }),
                "headersSecret",
                SECRET,
            ),
            (json!({ "aws": "S3_CREDENTIALS" }), "aws", AWS),
            (
                json!({ "aws": { "secret": "S" } }),
                "aws.region",
                &format!("is missing: it {REGION}"),
            ),
            (
                json!({ "aws": { "secret": "S", "region": "EU West" } }),
                "aws.region",
                REGION,
            ),
            (
                json!({ "aws": { "secret": "S", "region": "a/b" } }),
                "aws.region",
                REGION,
            ),
            (
                json!({ "aws": { "region": "auto" } }),
                "aws.secret",
                "is missing: it must be the name of a secret",
            ),
            (
                json!({ "aws": { "region": "auto", "secret": "hunter-2" } }),
                "aws.secret",
                SECRET,
            ),
            (
                json!({ "aws": { "region": "auto", "secret": "S", "accessKeyId": "hunter2" } }),
                "aws.accessKeyId",
                "is not known; the keys are region, secret",
            ),
            (
                json!({ "headersSecret": "S", "aws": { "region": "auto", "secret": "S" } }),
                "aws",
                "must not be set besides 'headersSecret'",
            ),
            (
                with(&headers, "probe", "head"),
                "probe",
                "must be one of auto, resizer, header",
            ),
            (
                with(&headers, "probe", "auto"),
                "probe",
                "must be \"header\" for an origin with a secret, unless 'originAuth' is \"share-publicly\"",
            ),
            (
                with(&headers, "originAuth", "share"),
                "originAuth",
                "must be \"share-publicly\"",
            ),
            (
                with(&headers, "originAuth", "share-publicly"),
                "originAuth",
                "may only be set with 'headersSecret' or 'aws', and with 'probe' \"resizer\" or \"auto\"",
            ),
            (
                json!({ "originAuth": "share-publicly", "probe": "resizer" }),
                "originAuth",
                "may only be set with 'headersSecret' or 'aws', and with 'probe' \"resizer\" or \"auto\"",
            ),
        ] {
            assert_refused(URL, &settings, field, expected);
        }
    }

    #[test]
    fn secrets_are_sent_over_https_or_on_the_same_machine_only() {
        let secrets = [
            json!({ "headersSecret": "S" }),
            json!({ "aws": { "region": "auto", "secret": "S" } }),
        ];
        for (settings, field) in secrets.iter().zip(["headersSecret", "aws"]) {
            for url in [
                "https://private.test",
                "https://10.0.0.1:8443/a",
                "http://localhost",
                "http://localhost:8787/a",
                "http://127.0.0.1:9000",
                "http://[::1]",
                "http://[::1]:9000",
            ] {
                assert!(read_url(url, settings).iter().all(Result::is_ok), "{url}");
            }
            for url in [
                "http://private.test",
                "http://localhost.evil.test",
                "http://localhost.",
                "http://evil.test/localhost",
                "http://127.0.0.1.evil.test",
                "http://127.0.0.1:80:80",
                "http://127.0.0.2",
                "http://[::1]evil.test",
                "http://[::1].evil.test:80",
                "http://[::ffff:127.0.0.1]",
                "http://LOCALHOST.test",
            ] {
                let expected =
                    "may only be set for an https URL: over http, anyone on the way could read it";
                assert_refused(url, settings, field, expected);
            }
        }
    }

    #[test]
    fn a_bucket_has_no_secret_and_a_service_has_headers_only() {
        let aws = json!({ "region": "auto", "secret": "S" });
        for (origin, error) in [
            (
                json!({ "bucket": "B", "headersSecret": "S" }),
                Some("headersSecret' may only be set for a URL or a service."),
            ),
            (
                json!({ "bucket": "B", "aws": aws }),
                Some("aws' may only be set for a URL."),
            ),
            (
                json!({ "service": "W", "aws": aws }),
                Some("aws' may only be set for a URL."),
            ),
            (json!({ "service": "W", "headersSecret": "S" }), None),
            (
                json!({ "service": "W", "probe": "auto" }),
                Some(
                    "probe' must be \"header\" for a bucket or a service: requests to them are not resized.",
                ),
            ),
            (
                json!({ "bucket": "B", "probe": "resizer" }),
                Some(
                    "probe' must be \"header\" for a bucket or a service: requests to them are not resized.",
                ),
            ),
        ] {
            let mut listed = origin.clone();
            listed["prefix"] = "c".into();
            let [_, result] = read_both(&json!({}), &listed);
            let found = result.map(drop).map_err(|error| error.to_string());
            let expected = error.map(|error| format!("The setting 'origins[2].{error}"));
            assert_eq!(found.err(), expected, "{origin}");
        }
        let default = json!({ "originBucket": "B", "headersSecret": "S" });
        let error = Config::from_json(&default).unwrap_err();
        assert_eq!(
            error.to_string(),
            "The setting 'headersSecret' may only be set for a URL or a service."
        );
    }

    #[test]
    fn a_private_origin_is_asked_for_the_header_unless_the_resizer_may_share_it() {
        let headers = json!({ "headersSecret": "S" });
        let aws = json!({ "aws": { "region": "auto", "secret": "S" } });
        let mut shared = headers.clone();
        shared["originAuth"] = "share-publicly".into();
        shared["probe"] = "resizer".into();
        let public = json!({});
        for (settings, probe) in [
            (headers, Probe::Header),
            (aws, Probe::Header),
            (shared, Probe::Resizer),
            (public, Probe::Auto),
        ] {
            for config in read_url(URL, &settings) {
                let config = config.unwrap();
                let mut endpoints = config.origins.endpoints();
                let endpoint = endpoints
                    .find(|endpoint| endpoint.id == crate::origin::id::OriginId::of_url(URL));
                assert_eq!(endpoint.unwrap().probe, probe, "{settings}");
            }
        }
    }
}
