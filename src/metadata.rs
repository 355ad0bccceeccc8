//! What is known about an image: its size, format and file size.

use std::borrow::Cow;
use std::num::NonZeroU32;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// Largest width or height, in pixels.
pub const MAX_DIMENSION: u32 = i32::MAX as u32;

/// Width and height in pixels, each from 1 to [`MAX_DIMENSION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimensions {
    width: NonZeroU32,
    height: NonZeroU32,
}

impl Dimensions {
    /// `None` where either is 0 or above [`MAX_DIMENSION`].
    #[must_use]
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let within =
            |pixels| NonZeroU32::new(pixels).filter(|pixels| pixels.get() <= MAX_DIMENSION);
        Some(Self {
            width: within(width)?,
            height: within(height)?,
        })
    }

    /// Reads two JSON numbers. A fraction, a string or anything else that is no whole number of
    /// pixels gives `None`: a size is never rounded or guessed.
    #[must_use]
    pub fn from_json(width: &Value, height: &Value) -> Option<Self> {
        let pixels = |value: &Value| u32::try_from(value.as_u64()?).ok();
        Self::new(pixels(width)?, pixels(height)?)
    }

    /// In pixels.
    #[must_use]
    pub fn width(self) -> u32 {
        self.width.get()
    }

    /// In pixels.
    #[must_use]
    pub fn height(self) -> u32 {
        self.height.get()
    }
}

/// An image format, by its short lower-case name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each is named after itself
pub enum Format {
    Jpeg,
    Png,
    Webp,
    Avif,
    Gif,
    Svg,
    Heic,
    Jxl,
    Bmp,
    Tiff,
    Ico,
}

impl Format {
    /// Reads a short name (`jpeg`) or a media type (`image/jpeg; charset=…`), in any case.
    /// `None` for what is not known: a format is never guessed.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.split(';').next().unwrap_or_default().trim();
        let name = name.to_ascii_lowercase();
        Some(match name.strip_prefix("image/").unwrap_or(&name) {
            "jpeg" | "jpg" | "pjpeg" => Self::Jpeg,
            "png" | "apng" => Self::Png,
            "webp" => Self::Webp,
            "avif" => Self::Avif,
            "gif" => Self::Gif,
            "svg" | "svg+xml" => Self::Svg,
            "heic" | "heif" => Self::Heic,
            "jxl" => Self::Jxl,
            "bmp" | "x-ms-bmp" => Self::Bmp,
            "tiff" | "tif" => Self::Tiff,
            "ico" | "x-icon" | "vnd.microsoft.icon" => Self::Ico,
            _ => return None,
        })
    }

    /// The short name, `jpeg`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Avif => "avif",
            Self::Gif => "gif",
            Self::Svg => "svg",
            Self::Heic => "heic",
            Self::Jxl => "jxl",
            Self::Bmp => "bmp",
            Self::Tiff => "tiff",
            Self::Ico => "ico",
        }
    }

    /// The media type registered for it, `image/jpeg`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Gif => "image/gif",
            Self::Svg => "image/svg+xml",
            Self::Heic => "image/heic",
            Self::Jxl => "image/jxl",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
            Self::Ico => "image/vnd.microsoft.icon",
        }
    }
}

/// What is known about one image. It depends on the image alone, never on the layer that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageMetadata {
    /// Of the original image, before any resizing.
    pub dimensions: Dimensions,
    /// `None` where the origin did not tell or told something unknown.
    pub format: Option<Format>,
    /// In bytes.
    pub file_size: Option<u64>,
    /// How far the figures can be trusted; `high` where they come from the image itself.
    pub confidence: Cow<'static, str>,
    /// How they were found, `format-json`.
    pub source: Cow<'static, str>,
}

impl Serialize for ImageMetadata {
    /// The published form, the `metadata` object of an answer.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Published<'a> {
            width: u32,
            height: u32,
            #[serde(skip_serializing_if = "Option::is_none")]
            format: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            mime_type: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            file_size: Option<u64>,
            confidence: &'a str,
            source: &'a str,
        }
        Published {
            width: self.dimensions.width(),
            height: self.dimensions.height(),
            format: self.format.map(Format::name),
            mime_type: self.format.map(Format::media_type),
            file_size: self.file_size,
            confidence: &self.confidence,
            source: &self.source,
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn publishes_what_is_known_and_leaves_out_the_rest() {
        let mut metadata = ImageMetadata {
            dimensions: Dimensions::new(4000, 3000).unwrap(),
            format: Some(Format::Jpeg),
            file_size: Some(123_456),
            confidence: "high".into(),
            source: "format-json".into(),
        };
        assert_eq!(
            serde_json::to_string(&metadata).unwrap(),
            r#"{"width":4000,"height":3000,"format":"jpeg","mimeType":"image/jpeg","fileSize":123456,"confidence":"high","source":"format-json"}"#
        );
        metadata.format = None;
        metadata.file_size = None;
        assert_eq!(
            serde_json::to_string(&metadata).unwrap(),
            r#"{"width":4000,"height":3000,"confidence":"high","source":"format-json"}"#
        );
    }

    #[test]
    fn refuses_what_is_no_size_in_pixels() {
        for bad in [
            json!(0),
            json!(-1),
            json!(1.5),
            json!(640.0),
            json!("640"),
            json!(null),
            json!([640]),
            json!(2_147_483_648_u64),
            json!(4_294_967_297_u64),
            json!(u64::MAX),
            json!(1e300),
        ] {
            assert_eq!(Dimensions::from_json(&bad, &json!(1)), None, "{bad}");
            assert_eq!(Dimensions::from_json(&json!(1), &bad), None, "{bad}");
        }
        let largest = Dimensions::from_json(&json!(2_147_483_647), &json!(1)).unwrap();
        assert_eq!((largest.width(), largest.height()), (MAX_DIMENSION, 1));
    }

    #[test]
    fn every_format_is_read_back_from_its_name_and_media_type() {
        for format in [
            Format::Jpeg,
            Format::Png,
            Format::Webp,
            Format::Avif,
            Format::Gif,
            Format::Svg,
            Format::Heic,
            Format::Jxl,
            Format::Bmp,
            Format::Tiff,
            Format::Ico,
        ] {
            assert_eq!(Format::parse(format.name()), Some(format));
            assert_eq!(Format::parse(format.media_type()), Some(format));
        }
        assert_eq!(Format::parse("IMAGE/JPG; q=1"), Some(Format::Jpeg));
        for unknown in ["", "image/", "image/x-unknown", "text/html", "jpegs"] {
            assert_eq!(Format::parse(unknown), None, "{unknown}");
        }
    }
}
