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
                Place::Bucket(name) => not_bound("R2 bucket", name, "r2_buckets"),
                Place::Service(name) => not_bound("service", name, "services"),
            };
            return Err(ConfigError::new(&endpoint.field, expected));
        }
        Ok(self)
    }

    /// Returns the settings, unless they name an Images binding and `is_bound` returns `false` for its name.
    ///
    /// # Errors
    /// If the binding is missing.
    pub fn refuse_unbound_images(
        self,
        is_bound: impl FnOnce(&str) -> bool,
    ) -> Result<Self, ConfigError> {
        match &self.images_binding {
            Some(name) if !is_bound(name) => Err(ConfigError::new(
                "imagesBinding",
                format!(
                    "names {name}, but no Images binding is bound to this Worker under that name: add [images] with binding = \"{name}\" to wrangler.toml"
                ),
            )),
            _ => Ok(self),
        }
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

fn not_bound(kind: &str, name: &str, table: &str) -> String {
    format!(
        "names {name}, but no {kind} is bound to this Worker under that name: add [[{table}]] with binding = \"{name}\" to wrangler.toml"
    )
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
            "names the secret {}, which is not set: run npx wrangler secret put {0}, or add it to .dev.vars for wrangler dev",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::ImagePath;
    use serde_json::{Value, json};

    const VALID_AWS: &str = r#"{"accessKeyId":"hunter2","secretAccessKey":"hunter2"}"#;

    /// Two private origins after a public one.
    fn settings() -> Value {
        json!({ "origins": [
            { "prefix": "a", "url": "https://a.test" },
            { "prefix": "h", "url": "https://h.test", "headersSecret": "HEADERS" },
            { "prefix": "s", "url": "https://s.test", "aws": { "region": "auto", "secret": "KEYS" } },
        ] })
    }

    /// Returns the error for these values of the two secrets. An empty one is not set.
    fn error_of(settings: &Value, headers: &str, keys: &str) -> String {
        let config = Config::from_json(settings).unwrap();
        let secrets = config.with_secrets(|name| match name {
            "HEADERS" => Some(headers.to_owned()),
            "KEYS" if keys.is_empty() => None,
            "KEYS" => Some(keys.to_owned()),
            other => panic!("the secret {other} is not in the settings"),
        });
        let error = secrets.unwrap_err();
        let texts = format!("{error} {error:?}");
        assert!(!texts.contains("hunter2"), "{texts}");
        error.to_string()
    }

    #[test]
    fn each_error_names_the_setting_and_the_secret_and_no_part_of_its_value() {
        let headers = "The setting 'origins[1].headersSecret' names the secret HEADERS, which ";
        for (value, problem) in [
            (
                "",
                "is not set: run npx wrangler secret put HEADERS, or add it to .dev.vars for wrangler dev.",
            ),
            (
                "Basic hunter2",
                "must hold a JSON object of request headers, such as {\"Authorization\": \"Basic …\"}.",
            ),
            ("{}", "must hold 1 to 16 request headers."),
            (
                r#"{"Cookie: hunter2":""}"#,
                "has a header whose name is malformed.",
            ),
            (
                r#"{"Host":"hunter2"}"#,
                "has the header 'host', which the service, Cloudflare or the connection sets.",
            ),
            (
                r#"{"Cookie":"hunter2","cookie":"hunter2"}"#,
                "has the header 'cookie' twice.",
            ),
            (
                r#"{"Cookie":"hunter2\n"}"#,
                "has a malformed value for the header 'cookie': it must be a string of visible ASCII characters.",
            ),
        ] {
            let error = error_of(&settings(), value, VALID_AWS);
            assert_eq!(error, format!("{headers}{problem}"), "{value}");
        }
        let aws = "The setting 'origins[2].aws.secret' names the secret KEYS, which ";
        for (value, problem) in [
            (
                "",
                "is not set: run npx wrangler secret put KEYS, or add it to .dev.vars for wrangler dev.",
            ),
            (
                "hunter2",
                "must hold a JSON object such as {\"accessKeyId\": \"…\", \"secretAccessKey\": \"…\"}.",
            ),
            (
                r#"{"hunter2":"hunter2"}"#,
                "has an unknown key; the keys are accessKeyId, secretAccessKey, sessionToken.",
            ),
            (r#"{"accessKeyId":"hunter2"}"#, "has no secretAccessKey."),
            (
                r#"{"accessKeyId":["hunter2"],"secretAccessKey":"hunter2"}"#,
                "needs a string in accessKeyId.",
            ),
            (
                r#"{"accessKeyId":"","secretAccessKey":"hunter2"}"#,
                "has an empty accessKeyId.",
            ),
            (
                r#"{"accessKeyId":"hunter2","secretAccessKey":"hunter2 "}"#,
                "has a space, a control character or a character outside ASCII in secretAccessKey.",
            ),
        ] {
            let error = error_of(&settings(), r#"{"Cookie":"hunter2"}"#, value);
            assert_eq!(error, format!("{aws}{problem}"), "{value}");
        }
    }

    #[test]
    fn what_the_resizer_does_not_forward_is_refused_for_it() {
        let mut resized = settings();
        for index in [1, 2] {
            resized["origins"][index]["probe"] = "resizer".into();
            resized["origins"][index]["originAuth"] = "share-publicly".into();
        }
        assert_eq!(
            error_of(
                &resized,
                r#"{"Cookie":"hunter2","X-Api-Key":"hunter2"}"#,
                VALID_AWS
            ),
            "The setting 'origins[1].headersSecret' names the secret HEADERS, which has the header 'x-api-key', \
             which the resizer does not forward: use 'probe' \"header\"."
        );
        let temporary = VALID_AWS.replace('}', r#","sessionToken":"hunter2"}"#);
        assert_eq!(
            error_of(&resized, r#"{"Cookie":"hunter2"}"#, &temporary),
            "The setting 'origins[2].aws.secret' names the secret KEYS, which has a sessionToken, which the resizer \
             does not forward: use 'probe' \"header\"."
        );
    }

    #[test]
    fn each_secret_is_sent_to_its_own_origin_and_shown_nowhere() {
        let config = Config::from_json(&settings()).unwrap();
        let config = config.with_secrets(|name| {
            let value = if name == "KEYS" {
                VALID_AWS
            } else {
                r#"{"Cookie":"hunter2"}"#
            };
            Some(value.to_owned())
        });
        let config = config.unwrap();
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        for (raw, names) in [
            ("a/cat.jpg", &[][..]),
            ("h/cat.jpg", &["cookie"]),
            (
                "s/cat.jpg",
                &["authorization", "x-amz-content-sha256", "x-amz-date"],
            ),
        ] {
            let path = ImagePath::from_raw(raw).unwrap();
            let route = config.origins.route(path.as_str()).unwrap();
            let request = route.endpoints[0].request(&route.below(&path).unwrap(), 0);
            let sent: Vec<_> = request.headers.iter().map(|(name, _)| *name).collect();
            assert_eq!(sent, names);
        }
    }

    #[test]
    fn a_bucket_or_service_that_is_not_bound_is_an_error_that_names_its_setting() {
        let settings = json!({ "originBucket": "MAIN", "origins": [
            { "prefix": "a", "bucket": "AVATARS" },
            { "prefix": "b", "service": "RENDERER" },
        ] });
        for (missing, error) in [
            (
                "MAIN",
                "'originBucket' names MAIN, but no R2 bucket is bound to this Worker under that name: add [[r2_buckets]] with binding = \"MAIN\" to wrangler.toml.",
            ),
            (
                "AVATARS",
                "'origins[0].bucket' names AVATARS, but no R2 bucket is bound to this Worker under that name: add [[r2_buckets]] with binding = \"AVATARS\" to wrangler.toml.",
            ),
            (
                "RENDERER",
                "'origins[1].service' names RENDERER, but no service is bound to this Worker under that name: add [[services]] with binding = \"RENDERER\" to wrangler.toml.",
            ),
        ] {
            let config = Config::from_json(&settings).unwrap();
            let result = config.refuse_unbound(|place| match place {
                Place::Url(_) => true,
                Place::Bucket(name) | Place::Service(name) => name != missing,
            });
            let text = result.unwrap_err().to_string();
            assert_eq!(text, format!("The setting {error}"));
        }
    }
}
