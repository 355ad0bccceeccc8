//! The JSON line of an event: its names and fields.

use serde::Serialize;

/// Declares [`Name`] and [`NAMES`] from one table, so that neither can miss an event.
macro_rules! names {
    ($($name:ident = $text:literal)*) => {
        /// The published names of all events, which `docs/observability.md` lists.
        pub const NAMES: &[&str] = &[$($text,)*];

        #[derive(Serialize)]
        pub(super) enum Name {
            $(#[serde(rename = $text)] $name,)*
        }
    };
}

/// Declares [`Line`] and [`FIELDS`] from one table, in the published order.
macro_rules! fields {
    ($($field:ident: $type:ty = $text:literal)*) => {
        /// The published names of all fields of a log line, which `docs/observability.md` lists.
        pub const FIELDS: &[&str] = &[$($text,)*];

        #[derive(Default, Serialize)]
        pub(super) struct Line<'a> {
            $(
                #[serde(rename = $text, skip_serializing_if = "Option::is_none")]
                pub(super) $field: Option<$type>,
            )*
        }
    };
}

names! {
    AdminTokenMissing = "admin-token-missing"
    CacheHit = "cache-hit"
    CacheMiss = "cache-miss"
    CoalescedRequest = "coalesced-request"
    Coalescing = "coalescing"
    ConfigurationError = "configuration-error"
    CredentialsRefused = "credentials-refused"
    DatasetFault = "dataset-fault"
    EdgeCacheMissing = "edge-cache-missing"
    EdgePurgeFault = "edge-purge-fault"
    KvFault = "kv-fault"
    KvUnbound = "kv-unbound"
    MalformedMessage = "malformed-message"
    MalformedRecord = "malformed-record"
    OriginFailure = "origin-failure"
    PlaceholderFailure = "placeholder-failure"
    Pruning = "pruning"
    QueueFault = "queue-fault"
    RateLimitFault = "rate-limit-fault"
    Request = "request"
}

fields! {
    before: usize = "before"
    binding: &'a str = "binding"
    cache_status: &'a str = "cacheStatus"
    cause: String = "cause"
    code: &'a str = "code"
    detail: String = "detail"
    duration_ms: u64 = "durationMs"
    event: Name = "event"
    field: &'a str = "field"
    key: String = "key"
    level: &'static str = "level"
    method: &'static str = "method"
    operation: &'static str = "operation"
    path: String = "path"
    pruned: u64 = "pruned"
    reason: String = "reason"
    secret: &'a str = "secret"
    server_timing: &'a str = "serverTiming"
    source: &'static str = "source"
    status: u16 = "status"
}

impl Line<'_> {
    pub(super) fn new(name: Name) -> Self {
        Self {
            event: Some(name),
            ..Self::default()
        }
    }
}
