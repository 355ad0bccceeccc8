//! The setting `corsOrigins`.

/// The sites whose scripts may read responses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    /// All sites: `*`.
    Any,
    /// Only these, each in the form that browsers send: `https://www.example.com`.
    These(Vec<String>),
}

impl CorsOrigins {
    /// Reads a list of origins. Returns `None` if one of them is invalid.
    pub(super) fn parse(origins: Vec<String>) -> Option<Self> {
        if origins.iter().any(|origin| origin == "*") {
            return Some(Self::Any);
        }
        let are_valid = origins.iter().all(|origin| is_origin(origin));
        are_valid.then_some(Self::These(origins))
    }
}

/// Returns `true` for an origin in the form that browsers send, such as `https://www.example.com`.
fn is_origin(origin: &str) -> bool {
    origin.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty()
            && !host.is_empty()
            && !host.contains('/')
            && origin.bytes().all(|byte| byte.is_ascii_graphic())
    })
}
