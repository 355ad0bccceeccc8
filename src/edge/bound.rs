//! The bindings and secrets of the Worker.

use worker::Env;

use super::bindings::binding;
use super::bucket::Bucket;
use super::images::Images;
use super::kv::Namespace;
use super::queue::Queue;
use super::rate_limit::Limiter;
use super::service::Service;
use crate::config::Config;
use crate::http::Bindings;
use crate::origin::endpoint::Place;

/// The name of the secret that holds the admin token.
const ADMIN_TOKEN: &str = "ADMIN_TOKEN";

/// The bindings of the Worker that exist. They can be used in all requests of an isolate.
pub(super) struct Bound {
    pub(super) kv: Option<Namespace>,
    buckets: Vec<(String, Bucket)>,
    services: Vec<(String, Service)>,
    pub(super) images: Option<Images>,
    pub(super) limiter: Option<Limiter>,
    pub(super) queue: Option<Queue>,
    admin_token: Option<String>,
}

impl Bound {
    pub(super) fn new(env: &Env, config: &Config) -> Self {
        let (mut buckets, mut services) = (Vec::new(), Vec::new());
        for endpoint in config.origins.endpoints() {
            match &endpoint.place {
                Place::Url(_) => {}
                Place::Bucket(name) => buckets.extend(named(name, Bucket::bound(env, name))),
                Place::Service(name) => services.extend(named(name, Service::bound(env, name))),
            }
        }
        Self {
            kv: Namespace::bound(env, &config.kv_namespace),
            buckets,
            services,
            images: config
                .images_binding
                .as_deref()
                .and_then(|name| Images::bound(env, name)),
            limiter: Limiter::bound(env),
            queue: Queue::bound(env),
            admin_token: secret(env, ADMIN_TOKEN),
        }
    }

    /// Returns the bucket that an origin of the settings names.
    pub(super) fn bucket(&self, name: &str) -> Option<&Bucket> {
        find(&self.buckets, name)
    }

    /// Returns the service that an origin of the settings names.
    pub(super) fn service(&self, name: &str) -> Option<&Service> {
        find(&self.services, name)
    }

    /// Returns the bindings as the routes need them.
    pub(super) fn bindings(&self) -> Bindings {
        Bindings {
            kv: self.kv.is_some(),
            queue: self.queue.is_some(),
            rate_limit: self.limiter.is_some(),
            admin_token: self.admin_token.clone(),
        }
    }
}

fn named<T>(name: &str, binding: Option<T>) -> Option<(String, T)> {
    Some((name.to_owned(), binding?))
}

fn find<'a, T>(bindings: &'a [(String, T)], name: &str) -> Option<&'a T> {
    let found = bindings.iter().find(|(other, _)| other == name);
    found.map(|(_, binding)| binding)
}

/// Returns the value of a secret. An empty one counts as not set.
pub(super) fn secret(env: &Env, name: &str) -> Option<String> {
    let value = binding(env, name).and_then(|value| value.as_string());
    value.filter(|value| !value.is_empty())
}
