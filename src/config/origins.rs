//! Reads the origins: `origins`, and the default origin of `originUrl` and `originBucket`.

use super::access::access;
use super::settings_reader::SettingsReader;
use crate::crop::params::Parameter;
use crate::origin::endpoint::{Endpoint, Place, Probe};
use crate::origin::id::OriginId;
use crate::origin::routing::{Route, RoutingTable};
use crate::path::ImagePath;
use crate::path::query::{QueryNames, is_unreserved};
use crate::text::json::strings;

const EXAMPLE: &str = "{\"prefix\": \"photos\", \"url\": \"https://images.example.com\"}";

/// The maximum number of origins, and of names in a `query`.
const MAX_ORIGINS: usize = 100;
const MAX_QUERY_NAMES: usize = 8;
const MAX_QUERY_NAME_BYTES: usize = 32;

/// Query parameters of the service itself, besides those of a crop.
const OWN_PARAMETERS: [&str; 3] = ["cursor", "focalPoint", "placeholder"];

/// Reads all origins.
pub(super) fn read(top: &mut SettingsReader<'_>) -> RoutingTable {
    let default = default_route(top);
    let mut listed: Vec<Route> = top.objects("origins", EXAMPLE, listed_route);
    if listed.len() > MAX_ORIGINS {
        top.refuse(
            "origins",
            format!("must have at most {MAX_ORIGINS} origins"),
        );
    }
    for (index, route) in listed.iter().enumerate() {
        let earlier = listed.iter().take(index);
        if let Some(other) = earlier
            .clone()
            .position(|other| other.prefix == route.prefix)
        {
            top.refuse(
                &format!("origins[{index}].prefix"),
                format!("must not be that of 'origins[{other}]' again"),
            );
        }
    }
    if !listed.iter().any(|route| route.prefix.is_empty()) {
        listed.extend(default);
    }
    RoutingTable::new(listed)
}

/// Reads the origin of `originUrl` and `originBucket`, which has its other settings at the top level.
fn default_route(read: &mut SettingsReader<'_>) -> Option<Route> {
    let bucket = read.binding("originBucket").map(Place::Bucket);
    let url = read.origin_url("originUrl").map(Place::Url);
    let bucket_name = bucket_name(read, bucket.as_ref());
    let query = query(read);
    let (auth, probe) = access(read, url.as_ref().or(bucket.as_ref()));
    if url.is_none() && bucket.is_none() {
        // They would have no effect: an element of `origins` has its own.
        for key in ["query", "probe"] {
            if read.has(key) {
                read.refuse(
                    key,
                    format!("may only be set with 'originUrl' or 'originBucket': set 'origins[].{key}' instead"),
                );
            }
        }
    }
    let bucket = bucket.map(|place| Endpoint {
        id: id(&place, bucket_name.as_deref()),
        bucket_name,
        place,
        probe: Probe::Header,
        auth: None,
        field: "originBucket".to_owned(),
    });
    let url = url.map(|place| Endpoint {
        id: id(&place, None),
        bucket_name: None,
        place,
        probe,
        auth,
        field: "originUrl".to_owned(),
    });
    let endpoints: Vec<_> = bucket.into_iter().chain(url).collect();
    (!endpoints.is_empty()).then(|| Route {
        prefix: String::new(),
        query,
        endpoints,
    })
}

/// Reads one element of `origins`.
fn listed_route(read: &mut SettingsReader<'_>) -> Option<Route> {
    let prefix = prefix(read);
    let places = [
        ("url", read.origin_url("url").map(Place::Url)),
        ("bucket", read.binding("bucket").map(Place::Bucket)),
        ("service", read.binding("service").map(Place::Service)),
    ];
    let mut places = places
        .into_iter()
        .filter_map(|(key, place)| Some((key, place?)));
    let place = places.next();
    if let Some((other, _)) = places.next() {
        let key = place.as_ref().map_or("", |(key, _)| key);
        read.refuse(
            other,
            format!("must not be set besides '{key}': an origin has one of 'url', 'bucket' and 'service'"),
        );
    }
    drop(places);
    let bucket_name = bucket_name(read, place.as_ref().map(|(_, place)| place));
    let query = query(read);
    let (auth, probe) = access(read, place.as_ref().map(|(_, place)| place));
    let Some((key, place)) = place else {
        read.refuse_missing("url", "an origin has one of 'url', 'bucket' and 'service'");
        return None;
    };
    Some(Route {
        prefix,
        query,
        endpoints: vec![Endpoint {
            id: id(&place, bucket_name.as_deref()),
            bucket_name,
            place,
            probe,
            auth,
            field: read.field(key),
        }],
    })
}

fn id(place: &Place, bucket_name: Option<&str>) -> OriginId {
    match place {
        Place::Url(url) => OriginId::of_url(url),
        Place::Bucket(binding) => OriginId::of_bucket(bucket_name.unwrap_or(binding)),
        Place::Service(binding) => OriginId::of_service(binding),
    }
}

/// Reads the decoded path of a folder. A slash at its end is optional.
fn prefix(read: &mut SettingsReader<'_>) -> String {
    const EXPECTED: &str = "must be a folder of paths, such as \"photos\" or \"photos/2024\", or \"\" for all paths: not percent-encoded, \
                            not beginning with a slash, and without empty, '.' and '..' segments, '\\' and control characters";
    let is_valid = |prefix: &str| {
        let folder = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_encoded = || ImagePath::from_raw(folder).is_ok_and(|path| path.as_str() != folder);
        prefix.is_empty() || ImagePath::from_decoded(folder).is_ok() && !is_encoded()
    };
    match read.text("prefix", EXPECTED, is_valid) {
        Some(prefix) => prefix.strip_suffix('/').unwrap_or(prefix).to_owned(),
        None => {
            // Without it, an origin would silently become the default.
            read.refuse_missing("prefix", &format!("it {EXPECTED}"));
            String::new()
        }
    }
}

/// Reads the name of an R2 bucket, which identifies it when its binding has another name.
fn bucket_name(read: &mut SettingsReader<'_>, place: Option<&Place>) -> Option<String> {
    const EXPECTED: &str =
        "must be the name of an R2 bucket: 3 to 63 lower-case letters, digits and hyphens";
    let is_valid = |name: &str| {
        (3..=63).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let name = read.text("bucketName", EXPECTED, is_valid)?;
    if !matches!(place, Some(Place::Bucket(_))) {
        read.refuse("bucketName", "may only be set with a bucket");
    }
    Some(name.to_owned())
}

fn query(read: &mut SettingsReader<'_>) -> QueryNames {
    let Some(value) = read.get("query") else {
        return QueryNames::default();
    };
    let is_valid = |name: &String| {
        (1..=MAX_QUERY_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_unreserved)
    };
    let names =
        strings(value).filter(|names| names.len() <= MAX_QUERY_NAMES && names.iter().all(is_valid));
    let Some(names) = names else {
        read.refuse(
            "query",
            format!(
                "must be a list of at most {MAX_QUERY_NAMES} names of query parameters, each 1 to {MAX_QUERY_NAME_BYTES} letters, digits or characters of '-._~', such as [\"v\"]"
            ),
        );
        return QueryNames::default();
    };
    let is_own = |name: &&String| {
        Parameter::named(name).is_some() || OWN_PARAMETERS.contains(&name.as_str())
    };
    if let Some(own) = names.iter().find(is_own) {
        read.refuse(
            "query",
            format!("must not have '{own}', which is a parameter of this service"),
        );
    }
    let repeated = names.iter().enumerate();
    if let Some((_, name)) = repeated
        .into_iter()
        .find(|(index, name)| names.iter().take(*index).any(|other| other == *name))
    {
        read.refuse("query", format!("must not have '{name}' twice"));
    }
    QueryNames::new(names)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::config::{Config, ConfigError};
    use crate::origin::endpoint::{Place, Probe, Scheme};
    use crate::origin::id::OriginId;
    use crate::origin::routing::RoutingTable;

    fn read(settings: &Value) -> Result<RoutingTable, ConfigError> {
        Config::from_json(settings).map(|config| config.origins)
    }

    /// Returns the settings of one origin, besides the default one.
    fn with(fields: &Value) -> Value {
        json!({ "originUrl": "https://images.test", "origins": [fields] })
    }

    fn place_of(table: &RoutingTable, path: &str) -> Option<Place> {
        let endpoint = table.route(path)?.endpoints.first()?;
        Some(endpoint.place.clone())
    }

    #[test]
    fn the_longest_prefix_of_whole_segments_wins() {
        let table = read(&json!({ "origins": [
            { "prefix": "photos", "url": "https://photos.test/" },
            { "prefix": "photos/2024/", "bucket": "ARCHIVE" },
            { "prefix": "og", "service": "OG" },
        ] }))
        .unwrap();
        let url = |url: &str| Some(Place::Url(url.to_owned()));
        for (path, place) in [
            ("photos/cat.jpg", url("https://photos.test")),
            ("photos/2024", url("https://photos.test")),
            ("photos/2024/cat.jpg", Some(Place::Bucket("ARCHIVE".into()))),
            ("photos/20245/cat.jpg", url("https://photos.test")),
            ("og/home.png", Some(Place::Service("OG".into()))),
            ("photos", None),
            ("photos2/cat.jpg", None),
            ("Photos/cat.jpg", None),
            ("a/photos/cat.jpg", None),
        ] {
            assert_eq!(place_of(&table, path), place, "{path}");
        }
    }

    #[test]
    fn the_default_origin_is_a_bucket_before_a_url() {
        let default = json!({ "originUrl": "https://images.test", "originBucket": "IMAGES", "query": ["v"], "probe": "resizer" });
        let table = read(&default).unwrap();
        let [route] = table.routes() else {
            panic!("{table:?}");
        };
        assert!(route.prefix.is_empty() && !route.query.is_empty());
        let fields = route.endpoints.iter().map(|endpoint| {
            let field = endpoint.field.as_str();
            (endpoint.place.kind(), endpoint.probe, field)
        });
        let expected = [
            ("bucket", Probe::Header, "originBucket"),
            ("url", Probe::Resizer, "originUrl"),
        ];
        assert_eq!(fields.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn settings_of_the_default_origin_are_refused_without_one() {
        for (key, value) in [("query", json!(["v"])), ("probe", json!("header"))] {
            let mut settings = json!({ "origins": [{ "prefix": "", "url": "https://a.test" }] });
            settings[key] = value;
            let error = read(&settings).unwrap_err().to_string();
            let expected = format!(
                "The setting '{key}' may only be set with 'originUrl' or 'originBucket': set 'origins[].{key}' instead."
            );
            assert_eq!(error, expected);
            settings["originBucket"] = json!("IMAGES");
            assert!(read(&settings).is_ok(), "{settings}");
        }
    }

    #[test]
    fn an_origin_with_an_empty_prefix_replaces_the_default_one() {
        let table = read(&with(&json!({ "prefix": "", "bucket": "IMAGES" }))).unwrap();
        assert_eq!(table.routes().len(), 1);
        assert_eq!(place_of(&table, "a"), Some(Place::Bucket("IMAGES".into())));
    }

    #[test]
    fn the_name_of_a_bucket_identifies_it_before_its_binding() {
        let id = |fields| {
            let table = read(&with(&fields)).unwrap();
            table.route("a/b").unwrap().endpoints[0].id
        };
        let (binding, name) = (OriginId::of_bucket("A"), OriginId::of_bucket("images"));
        assert_eq!(id(json!({ "prefix": "a", "bucket": "A" })), binding);
        let named = json!({ "prefix": "a", "bucket": "A", "bucketName": "images" });
        assert_eq!(id(named), name);
        let service = id(json!({ "prefix": "a", "service": "A" }));
        assert_eq!(service, OriginId::of_service("A"));
    }

    #[test]
    fn origins_with_a_secret_buckets_and_services_are_read_by_header() {
        let probe = |fields| {
            let table = read(&with(&fields)).unwrap();
            table.route("a/b").unwrap().endpoints[0].probe
        };
        let url = "https://a.test";
        let aws = json!({ "region": "auto", "secret": "S" });
        for (fields, expected) in [
            (json!({ "prefix": "a", "url": url }), Probe::Auto),
            (
                json!({ "prefix": "a", "url": url, "probe": "resizer" }),
                Probe::Resizer,
            ),
            (
                json!({ "prefix": "a", "url": url, "headersSecret": "S" }),
                Probe::Header,
            ),
            (
                json!({ "prefix": "a", "url": url, "aws": aws }),
                Probe::Header,
            ),
            (json!({ "prefix": "a", "bucket": "A" }), Probe::Header),
            (json!({ "prefix": "a", "service": "A" }), Probe::Header),
            (
                json!({ "prefix": "a", "url": url, "headersSecret": "S", "probe": "auto", "originAuth": "share-publicly" }),
                Probe::Auto,
            ),
        ] {
            assert_eq!(probe(fields.clone()), expected, "{fields}");
        }
    }

    #[test]
    fn secrets_are_named_with_the_key_that_names_them() {
        let table = read(&json!({ "originUrl": "https://images.test", "headersSecret": "H", "origins": [
            { "prefix": "a", "url": "https://a.test", "aws": { "region": "eu-west-1", "secret": "S" } },
        ] }))
        .unwrap();
        let auths = table.endpoints().map(|endpoint| {
            let auth = endpoint.auth.as_ref().unwrap();
            let is_aws =
                matches!(&auth.scheme, Scheme::Aws { region, .. } if region == "eu-west-1");
            (auth.field.as_str(), auth.secret.as_str(), is_aws)
        });
        let expected = [
            ("origins[0].aws.secret", "S", true),
            ("headersSecret", "H", false),
        ];
        assert_eq!(auths.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn secrets_are_sent_over_https_or_to_the_same_machine_only() {
        let error = |url| {
            read(&with(
                &json!({ "prefix": "a", "url": url, "headersSecret": "S" }),
            ))
            .err()
        };
        for url in [
            "https://images.test",
            "http://localhost:8080/a",
            "http://127.0.0.1",
            "http://[::1]:80",
        ] {
            assert_eq!(error(url), None, "{url}");
        }
        for url in [
            "http://images.test",
            "http://localhost.images.test",
            "http://127.0.0.1.images.test:80",
            "http://[::1].images.test",
            "http://10.0.0.1",
        ] {
            assert_eq!(
                error(url).unwrap().field,
                "origins[0].headersSecret",
                "{url}"
            );
        }
    }

    #[test]
    fn the_error_names_the_key_of_an_invalid_origin() {
        let url = "https://a.test";
        for (fields, key) in [
            (json!("a"), ""),
            (json!({ "url": url }), ".prefix"),
            (json!({ "prefix": 7, "url": url }), ".prefix"),
            (json!({ "prefix": "/a", "url": url }), ".prefix"),
            (json!({ "prefix": "a//b", "url": url }), ".prefix"),
            (json!({ "prefix": "a//", "url": url }), ".prefix"),
            (json!({ "prefix": "a/../b", "url": url }), ".prefix"),
            (json!({ "prefix": "a\\b", "url": url }), ".prefix"),
            (json!({ "prefix": "a%20b", "url": url }), ".prefix"),
            (json!({ "prefix": "a\n", "url": url }), ".prefix"),
            (json!({ "prefix": "/", "url": url }), ".prefix"),
            (
                json!({ "prefix": "a".repeat(1_025), "url": url }),
                ".prefix",
            ),
            (json!({ "prefix": "a" }), ".url"),
            (json!({ "prefix": "a", "url": "a.test" }), ".url"),
            (
                json!({ "prefix": "a", "url": url, "bucket": "A" }),
                ".bucket",
            ),
            (
                json!({ "prefix": "a", "bucket": "A", "service": "B" }),
                ".service",
            ),
            (json!({ "prefix": "a", "bucket": "a-b" }), ".bucket"),
            (json!({ "prefix": "a", "service": "" }), ".service"),
            (
                json!({ "prefix": "a", "bucket": "A", "bucketName": "A_B" }),
                ".bucketName",
            ),
            (
                json!({ "prefix": "a", "url": url, "bucketName": "images" }),
                ".bucketName",
            ),
            (json!({ "prefix": "a", "url": url, "query": "v" }), ".query"),
            (
                json!({ "prefix": "a", "url": url, "query": [""] }),
                ".query",
            ),
            (
                json!({ "prefix": "a", "url": url, "query": ["a b"] }),
                ".query",
            ),
            (
                json!({ "prefix": "a", "url": url, "query": ["v", "v"] }),
                ".query",
            ),
            (
                json!({ "prefix": "a", "url": url, "query": ["aspect"] }),
                ".query",
            ),
            (
                json!({ "prefix": "a", "url": url, "query": ["v", "r"] }),
                ".query",
            ),
            (
                json!({ "prefix": "a", "url": url, "query": ["cursor"] }),
                ".query",
            ),
            (
                json!({ "prefix": "a", "url": url, "query": ["placeholder"] }),
                ".query",
            ),
            (
                json!({ "prefix": "a", "url": url, "query": ["1", "2", "3", "4", "5", "6", "7", "8", "9"] }),
                ".query",
            ),
            (
                json!({ "prefix": "a", "url": url, "probe": "guess" }),
                ".probe",
            ),
            (
                json!({ "prefix": "a", "bucket": "A", "probe": "resizer" }),
                ".probe",
            ),
            (
                json!({ "prefix": "a", "service": "A", "probe": "auto" }),
                ".probe",
            ),
            (
                json!({ "prefix": "a", "url": url, "headersSecret": "S", "probe": "resizer" }),
                ".probe",
            ),
            (
                json!({ "prefix": "a", "url": url, "originAuth": "share" }),
                ".originAuth",
            ),
            (
                json!({ "prefix": "a", "url": url, "originAuth": "share-publicly" }),
                ".originAuth",
            ),
            (
                json!({ "prefix": "a", "url": url, "probe": "auto", "originAuth": "share-publicly" }),
                ".originAuth",
            ),
            (
                json!({ "prefix": "a", "url": url, "headersSecret": "S", "originAuth": "share-publicly" }),
                ".originAuth",
            ),
            (
                json!({ "prefix": "a", "url": url, "headersSecret": "a secret" }),
                ".headersSecret",
            ),
            (
                json!({ "prefix": "a", "bucket": "A", "headersSecret": "S" }),
                ".headersSecret",
            ),
            (json!({ "prefix": "a", "url": url, "aws": "S" }), ".aws"),
            (
                json!({ "prefix": "a", "url": url, "aws": {} }),
                ".aws.region",
            ),
            (
                json!({ "prefix": "a", "url": url, "aws": { "region": "EU West" } }),
                ".aws.region",
            ),
            (
                json!({ "prefix": "a", "url": url, "aws": { "region": "auto" } }),
                ".aws.secret",
            ),
            (
                json!({ "prefix": "a", "url": url, "aws": { "region": "auto", "secret": "S", "token": "" } }),
                ".aws.token",
            ),
            (
                json!({ "prefix": "a", "service": "A", "aws": { "region": "auto", "secret": "S" } }),
                ".aws",
            ),
            (
                json!({ "prefix": "a", "url": url, "headersSecret": "S", "aws": { "region": "auto", "secret": "S" } }),
                ".aws",
            ),
            (
                json!({ "prefix": "a", "url": url, "originUrl": url }),
                ".originUrl",
            ),
        ] {
            let error = read(&with(&fields)).unwrap_err();
            assert_eq!(error.field, format!("origins[0]{key}"), "{fields}: {error}");
        }
    }

    #[test]
    fn a_misspelled_key_is_named_instead_of_the_key_that_is_missing_for_it() {
        let url = "https://a.test";
        for (fields, key) in [
            (json!({ "prefix": "a", "urll": url }), "urll"),
            (json!({ "prefix": "a", "originUrl": url }), "originUrl"),
            (json!({ "prefx": "a", "url": url }), "prefx"),
            (
                json!({ "prefix": "a", "url": url, "aws": { "Region": "auto", "secret": "S" } }),
                "aws.Region",
            ),
        ] {
            let error = read(&with(&fields)).unwrap_err().to_string();
            let expected = format!("The setting 'origins[0].{key}' is not known; the keys are ");
            assert!(error.starts_with(&expected), "{error}");
        }
        for (fields, key) in [
            (json!({ "url": url }), "prefix"),
            (json!({ "prefix": "a" }), "url"),
        ] {
            let error = read(&with(&fields)).unwrap_err().to_string();
            let expected = format!("The setting 'origins[0].{key}' is missing: ");
            assert!(error.starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn the_error_of_a_list_names_the_element() {
        let twice = json!({ "origins": [
            { "prefix": "a", "url": "https://a.test" },
            { "prefix": "b", "url": "https://a.test" },
            { "prefix": "a/", "bucket": "A" },
        ] });
        assert_eq!(
            read(&twice).unwrap_err().to_string(),
            "The setting 'origins[2].prefix' must not be that of 'origins[0]' again."
        );
        for list in [json!({}), json!("a"), json!(7)] {
            let error = read(&json!({ "origins": list })).unwrap_err();
            assert_eq!(error.field, "origins");
            assert!(error.expected.starts_with("must be a list"), "{error}");
        }
        let error = read(&json!({ "origins": ["https://a.test"] })).unwrap_err();
        assert_eq!(
            error.to_string(),
            "The setting 'origins[0]' must be an object such as {\"prefix\": \"photos\", \"url\": \"https://images.example.com\"}."
        );
        let many: Vec<_> = (0..101)
            .map(|n| json!({ "prefix": n.to_string(), "url": "https://a.test" }))
            .collect();
        assert_eq!(
            read(&json!({ "origins": many })).unwrap_err().field,
            "origins"
        );
        assert_eq!(
            read(&json!({ "origins": [] })).unwrap_err().field,
            "originUrl"
        );
    }

    #[test]
    fn a_binding_that_is_not_bound_is_an_error_that_names_its_key() {
        let config = |settings: &Value| Config::from_json(settings).unwrap();
        let settings = json!({ "originBucket": "A", "origins": [
            { "prefix": "a", "url": "https://a.test" },
            { "prefix": "bucket", "bucket": "B" },
            { "prefix": "s", "service": "C" },
        ] });
        for (unbound, field) in [
            ("A", "originBucket"),
            ("B", "origins[1].bucket"),
            ("C", "origins[2].service"),
        ] {
            let is_bound = |place: &Place| match place {
                Place::Url(_) => panic!("a URL has no binding"),
                Place::Bucket(name) | Place::Service(name) => name != unbound,
            };
            let error = config(&settings).refuse_unbound(is_bound).unwrap_err();
            assert_eq!(error.field, field);
            assert!(
                error.to_string().contains("bound to this Worker"),
                "{error}"
            );
        }
        assert!(config(&settings).refuse_unbound(|_| true).is_ok());
    }
}
