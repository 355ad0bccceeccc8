//! What is requested from an origin.

/// What an origin is asked for.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// The file as it is.
    File,
    /// The resizer's JSON.
    Json,
    /// The resizer's tiny picture.
    Picture,
}

impl Wanted {
    /// Returns the name for `src/edge/origin.js`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Json => "json",
            Self::Picture => "picture",
        }
    }
}
