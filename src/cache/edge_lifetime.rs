//! For how long the platform's cache in front of the service may keep a response.

/// A response that caches may keep. Times are in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cacheable {
    /// Metadata.
    Metadata {
        /// The remaining freshness. 0 if it is stale.
        left_s: u64,
        /// `None` directly from the origin. Otherwise for how long the entry may stay in this isolate's memory.
        resident_s: Option<u64>,
    },
    /// The error for a missing image.
    Missing {
        /// For how long the negative cache has it.
        left_s: u64,
    },
}

/// The settings that limit the lifetime, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeLimits {
    /// `edgeCacheTtl`
    pub max_age_s: u64,
    /// `staleWhileRevalidate`
    pub while_revalidate_s: u64,
    /// `staleIfError`
    pub if_error_s: u64,
}

/// The lifetime of a response in the platform's cache, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EdgeLifetime {
    /// For how long it is served.
    pub max_age_s: u64,
    /// For how long after that it is served while it is refreshed.
    pub while_revalidate_s: u64,
    /// For how long after that it is served instead of an error.
    pub if_error_s: u64,
}

impl EdgeLifetime {
    /// Returns the lifetime of a response.
    ///
    /// A response from memory, KV or another request's flight may be older than a purge elsewhere, which this isolate does not know of.
    /// The edge must not keep it for longer than memory does, not serve it stale, and not prefer it to an error. Only a response directly
    /// from the origin may be served stale there.
    #[must_use]
    pub fn of(cacheable: Cacheable, limits: EdgeLimits) -> Self {
        let only = |max_age_s: u64| Self {
            max_age_s: max_age_s.min(limits.max_age_s),
            ..Self::default()
        };
        match cacheable {
            // A stale response is for the client that waits for it.
            Cacheable::Metadata { left_s: 0, .. } => Self::default(),
            Cacheable::Metadata {
                left_s,
                resident_s: None,
            } => Self {
                while_revalidate_s: limits.while_revalidate_s,
                if_error_s: limits.if_error_s,
                ..only(left_s)
            },
            Cacheable::Metadata {
                left_s,
                resident_s: Some(resident_s),
            } => only(left_s.min(resident_s)),
            Cacheable::Missing { left_s } => only(left_s),
        }
    }
}
