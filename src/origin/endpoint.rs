//! Where images are read from, and how: one origin of the settings.

use crate::origin::id::OriginId;
use crate::origin::secret_headers::SecretHeaders;
use crate::origin::sigv4::Credentials;

/// A place that images are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its place.
    pub place: Place,
    /// The name of the bucket, by which events name it. `None` for other places, or if the settings do not have it.
    pub bucket_name: Option<String>,
    /// Its identity in records.
    pub id: OriginId,
    /// How metadata is requested. A bucket is always [read](Probe::Header).
    pub probe: Probe,
    /// How requests are authenticated.
    pub auth: Option<Auth>,
    /// The key of the place in the settings, such as `origins[2].bucket`.
    pub field: String,
}

/// The kinds of places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An http(s) URL without a trailing slash.
    Url(String),
    /// An R2 bucket: the name of its binding.
    Bucket(String),
    /// Another Worker: the name of its service binding.
    Service(String),
}

impl Place {
    /// Returns the published name of the kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Url(_) => "url",
            Self::Bucket(_) => "bucket",
            Self::Service(_) => "service",
        }
    }
}

/// How metadata is requested from a URL or service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Asks the resizer for `format=json`, and reads the header if an image comes back.
    Auto,
    /// Asks the resizer for `format=json`, and accepts nothing else.
    Resizer,
    /// Reads the header of the image, by ranged requests.
    Header,
}

impl Probe {
    /// Returns the probe with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "auto" => Self::Auto,
            "resizer" => Self::Resizer,
            "header" => Self::Header,
            _ => return None,
        })
    }

    /// Returns `true` if requests go through the resizer.
    #[must_use]
    pub fn uses_resizer(self) -> bool {
        self != Self::Header
    }
}

/// How requests are authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// The name of the secret.
    pub secret: String,
    /// The key of that name in the settings, such as `origins[2].headersSecret`.
    pub field: String,
    /// What the secret holds.
    pub scheme: Scheme,
}

/// The kinds of authentication. The values are `None` until the secrets are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// Request headers.
    Headers(Option<SecretHeaders>),
    /// Signatures for S3.
    Aws {
        /// The region of the bucket.
        region: String,
        /// The access key.
        credentials: Option<Credentials>,
    },
}
