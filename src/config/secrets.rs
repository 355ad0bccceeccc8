//! What the settings need of the Worker's environment: the bindings and secrets that they name.

use super::Config;
use super::error::ConfigError;
use crate::origin::endpoint::{Auth, Place, Scheme};
use crate::origin::secret_headers::SecretHeaders;
use crate::origin::sigv4::Credentials;

impl Config {
    /// Returns the settings, unless a bucket or a service that they name is not bound. `is_bound` returns `true` if the
    /// binding of a place exists.
    ///
    /// # Errors
    /// If a binding is missing: the first one.
    pub fn refuse_unbound(self, is_bound: impl Fn(&Place) -> bool) -> Result<Self, ConfigError> {
        for endpoint in self.origins.endpoints() {
            let expected = match &endpoint.place {
                Place::Url(_) => continue,
                place if is_bound(place) => continue,
                Place::Bucket(_) => "must be the name of an R2 bucket that is bound to this Worker",
                Place::Service(_) => "must be the name of a service that is bound to this Worker",
            };
            return Err(ConfigError::new(&endpoint.field, expected));
        }
        Ok(self)
    }

    /// Returns the settings with the values of the secrets that they name.
    ///
    /// # Errors
    /// If a secret is missing or malformed: the first one. The error has no part of its value.
    pub fn with_secrets(
        mut self,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        for endpoint in self.origins.endpoints_mut() {
            let uses_resizer = endpoint.probe.uses_resizer();
            if let Some(auth) = &mut endpoint.auth {
                read_secret(auth, value(&auth.secret), uses_resizer)?;
            }
        }
        Ok(self)
    }
}

fn read_secret(
    auth: &mut Auth,
    value: Option<String>,
    uses_resizer: bool,
) -> Result<(), ConfigError> {
    let error = |expected: String| ConfigError::new(&auth.field, expected);
    let of_secret = |problem: &dyn std::fmt::Display| {
        error(format!("names the secret {}, which {problem}", auth.secret))
    };
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Err(error(format!(
            "names the secret {}, which is not set: set it with wrangler secret put {0}",
            auth.secret
        )));
    };
    match &mut auth.scheme {
        Scheme::Headers(headers) => {
            let read = SecretHeaders::from_json(&value).map_err(|problem| of_secret(&problem))?;
            if let Some(name) = read.not_forwarded().filter(|_| uses_resizer) {
                return Err(of_secret(&format!(
                    "has the header '{name}', which the resizer does not forward: use 'probe' \"header\""
                )));
            }
            *headers = Some(read);
        }
        Scheme::Aws { credentials, .. } => {
            let read = Credentials::from_json(&value).map_err(|problem| of_secret(&problem))?;
            if uses_resizer && read.has_session_token() {
                return Err(of_secret(
                    &"has a sessionToken, which the resizer does not forward: use 'probe' \"header\"",
                ));
            }
            *credentials = Some(read);
        }
    }
    Ok(())
}
