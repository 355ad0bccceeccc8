//! The names of the crop parameters, and what each accepts.

/// The largest `width` that a crop may have, in pixels: the limit of Cloudflare's image resizer
/// (<https://developers.cloudflare.com/images/get-started/limits/>).
pub(super) const MAX_WIDTH: u32 = 12_000;

/// A parameter of a crop, under its published name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the variants are the published names
pub enum Parameter {
    Aspect,
    Focal,
    Width,
    Device,
    Platform,
    Content,
    AllowExpansion,
}

impl Parameter {
    /// Returns the parameter with this name or alias.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "aspect" | "r" => Self::Aspect,
            "focal" | "p" => Self::Focal,
            "width" => Self::Width,
            "device" => Self::Device,
            "platform" => Self::Platform,
            "content" => Self::Content,
            "allowExpansion" => Self::AllowExpansion,
            _ => return None,
        })
    }

    /// Returns the name and any alias, in quotes.
    pub(super) fn quoted(self) -> &'static str {
        match self {
            Self::Aspect => "'aspect' (or 'r')",
            Self::Focal => "'focal' (or 'p')",
            Self::Width => "'width'",
            Self::Device => "'device'",
            Self::Platform => "'platform'",
            Self::Content => "'content'",
            Self::AllowExpansion => "'allowExpansion'",
        }
    }

    /// Describes the accepted values, for error messages.
    pub(super) fn accepted(self) -> &'static str {
        match self {
            Self::Aspect => {
                "a width and a height above 0, such as 16:9, 16-9 or 1.91:1, neither more than 1000000 times the other"
            }
            Self::Focal => "x,y with each from 0 to 1, such as 0.5,0.3",
            Self::Width => "a whole number of pixels from 1 to 12000",
            Self::Device => "mobile, tablet or desktop",
            Self::Platform => "twitter, facebook or instagram",
            Self::Content => "portrait, and only with 'platform' instagram",
            Self::AllowExpansion => "true or false",
        }
    }
}
