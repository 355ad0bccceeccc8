//! Reads the origins: `origins`, and the default origin of `originUrl` and `originBucket`.

use super::access::access;
use super::settings_reader::SettingsReader;
use crate::crop::params::Parameter;
use crate::origin::endpoint::{Endpoint, Place, Probe};
use crate::origin::id::OriginId;
use crate::origin::routing::{Route, RoutingTable};
use crate::path::ImagePath;
use crate::path::query::{QueryNames, is_unreserved};

const ORIGINS_EXPECTED: &str = "must be a list of origins such as {\"prefix\": \"photos\", \"url\": \"https://images.example.com\"}";

/// The maximum number of origins, and of names in a `query`.
const MAX_ORIGINS: usize = 100;
const MAX_QUERY_NAMES: usize = 8;
const MAX_QUERY_NAME_BYTES: usize = 32;

/// Query parameters of the service itself, besides those of a crop.
const OWN_PARAMETERS: [&str; 3] = ["cursor", "focalPoint", "placeholder"];

/// Reads all origins.
pub(super) fn read(top: &mut SettingsReader<'_>) -> RoutingTable {
    let default = default_route(top);
    let mut listed: Vec<Route> = top.objects("origins", ORIGINS_EXPECTED, listed_route);
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
    let query = query(read);
    let (auth, probe) = access(read, url.as_ref().or(bucket.as_ref()));
    let bucket = bucket.map(|place| Endpoint {
        id: id(&place, None),
        place,
        probe: Probe::Header,
        auth: None,
        field: "originBucket".to_owned(),
    });
    let url = url.map(|place| Endpoint {
        id: id(&place, None),
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
        read.refuse(
            "url",
            "is missing: an origin has one of 'url', 'bucket' and 'service'",
        );
        return None;
    };
    Some(Route {
        prefix,
        query,
        endpoints: vec![Endpoint {
            id: id(&place, bucket_name.as_deref()),
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
    const EXPECTED: &str = "must be the beginning of paths, not percent-encoded, such as \"photos\" or \"photos/2024\", or \"\" for all paths: \
                            no path begins with a slash or has an empty, '.' or '..' segment, '\\' or a control character";
    let is_valid = |prefix: &str| {
        let folder = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_encoded = || ImagePath::from_raw(folder).is_ok_and(|path| path.as_str() != folder);
        prefix.is_empty() || ImagePath::from_decoded(folder).is_ok() && !is_encoded()
    };
    match read.text("prefix", EXPECTED, is_valid) {
        Some(prefix) => prefix.strip_suffix('/').unwrap_or(prefix).to_owned(),
        None => {
            // Without it, an origin would silently become the default.
            read.refuse("prefix", EXPECTED);
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
        read.refuse("bucketName", "may only be set with 'bucket'");
    }
    Some(name.to_owned())
}

fn query(read: &mut SettingsReader<'_>) -> QueryNames {
    let Some(value) = read.get("query") else {
        return QueryNames::default();
    };
    let names = value.as_array().and_then(|list| {
        let names = list.iter().map(|name| name.as_str().map(str::to_owned));
        names.collect::<Option<Vec<_>>>()
    });
    let is_valid = |name: &String| {
        (1..=MAX_QUERY_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_unreserved)
    };
    let names = names.filter(|names| names.len() <= MAX_QUERY_NAMES && names.iter().all(is_valid));
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
