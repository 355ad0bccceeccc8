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
    let headers = read.binding("headersSecret").map(|secret| Auth {
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
        read.refuse("region", EXPECTED);
    }
    let field = read.field("secret");
    let secret = read.binding("secret");
    if secret.is_none() {
        read.refuse("secret", "must be the name of a secret");
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
        Some(Place::Service(_)) => "may only be set for a URL",
        _ => "may only be set for a URL or a service",
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
