//! The metadata of an image: its displayed size, format, file size and other properties.

use std::borrow::Cow;
use std::num::{NonZeroU8, NonZeroU32};

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::density::Density;
use super::placeholder::Placeholders;

/// Largest width or height, in pixels.
pub const MAX_DIMENSION: u32 = i32::MAX as u32;

/// Width and height in pixels, each from 1 to [`MAX_DIMENSION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimensions {
    width: NonZeroU32,
    height: NonZeroU32,
}

impl Dimensions {
    /// Returns `None` if either is 0 or above [`MAX_DIMENSION`].
    #[must_use]
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let within =
            |pixels| NonZeroU32::new(pixels).filter(|pixels| pixels.get() <= MAX_DIMENSION);
        Some(Self {
            width: within(width)?,
            height: within(height)?,
        })
    }

    /// Reads two JSON numbers. Returns `None` for anything that is not a whole number of pixels, such as a fraction or
    /// a string: a size is never rounded or guessed.
    #[must_use]
    pub fn from_json(width: &Value, height: &Value) -> Option<Self> {
        let pixels = |value: &Value| u32::try_from(value.as_u64()?).ok();
        Self::new(pixels(width)?, pixels(height)?)
    }

    /// Returns the dimensions with width and height swapped.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self {
            width: self.height,
            height: self.width,
        }
    }

    /// Returns the width in pixels.
    #[must_use]
    pub fn width(self) -> u32 {
        self.width.get()
    }

    /// Returns the height in pixels.
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
    /// Reads a short name (`jpeg`) or a media type (`image/jpeg; charset=…`), in upper or lower case. Returns `None`
    /// for any other: a format is never guessed.
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

    /// Returns the short name, such as `jpeg`.
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

    /// Returns the registered media type, such as `image/jpeg`.
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

/// The Exif orientation of an image, 1 to 8: how to rotate and mirror it for display. 1 is upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation(NonZeroU8);

impl Orientation {
    /// Returns `None` if it is not from 1 to 8.
    #[must_use]
    pub fn new(value: u8) -> Option<Self> {
        NonZeroU8::new(value)
            .filter(|value| value.get() <= 8)
            .map(Self)
    }

    /// Returns the orientation as a number from 1 to 8.
    #[must_use]
    pub fn value(self) -> u8 {
        self.0.get()
    }

    /// Returns `true` if the displayed width is the stored height, and the other way round.
    #[must_use]
    pub fn swaps_sides(self) -> bool {
        self.value() >= 5
    }
}

/// The color space of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each is named after itself
pub enum ColorSpace {
    Gray,
    /// Includes images that are stored as luma and chroma, or with a palette.
    Rgb,
    Cmyk,
}

impl ColorSpace {
    /// Returns `None` for any other name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Gray, Self::Rgb, Self::Cmyk]
            .into_iter()
            .find(|space| space.name() == name)
    }

    /// Returns the published name, such as `gray`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::Rgb => "rgb",
            Self::Cmyk => "cmyk",
        }
    }
}

/// The properties of an image besides format and size. Each is `None` if the header does not have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traits {
    /// The orientation that has been applied to the dimensions.
    pub orientation: Option<Orientation>,
    /// `true` if the image has transparency.
    pub has_alpha: Option<bool>,
    /// `true` if the image is animated.
    pub animated: Option<bool>,
    /// The number of frames of an animation.
    pub frames: Option<NonZeroU32>,
    /// Bits per channel.
    pub bit_depth: Option<NonZeroU8>,
    /// The color space of the pixels.
    pub color_space: Option<ColorSpace>,
    /// The horizontal density, of the image as stored.
    pub density: Option<Density>,
    /// `true` if the image has an ICC profile.
    pub has_profile: Option<bool>,
}

impl Traits {
    /// Writes the known properties as fields of a JSON object, of a response or a record.
    pub(crate) fn write<S: SerializeStruct>(&self, fields: &mut S) -> Result<(), S::Error> {
        let orientation = self.orientation.map(Orientation::value);
        write_known(fields, "orientation", orientation)?;
        write_known(fields, "hasAlpha", self.has_alpha)?;
        write_known(fields, "animated", self.animated)?;
        write_known(fields, "frames", self.frames)?;
        write_known(fields, "bitDepth", self.bit_depth)?;
        write_known(fields, "colorSpace", self.color_space.map(ColorSpace::name))?;
        write_known(fields, "density", self.density.map(Density::value))?;
        write_known(fields, "hasProfile", self.has_profile)
    }
}

/// An upper bound for the fields of a JSON object. Serializers use it as a hint.
pub(crate) const MOST_FIELDS: usize = 20;

/// Writes a field, or leaves it out if its value is `None`.
pub(crate) fn write_known<S: SerializeStruct>(
    fields: &mut S,
    name: &'static str,
    value: Option<impl Serialize>,
) -> Result<(), S::Error> {
    match value {
        Some(value) => fields.serialize_field(name, &value),
        None => Ok(()),
    }
}

/// Returns the published `confidence` of dimensions that are certain or uncertain.
pub(crate) fn confidence(is_certain: bool) -> &'static str {
    if is_certain { "high" } else { "medium" }
}

/// The metadata of one image. It depends only on the image, not on the cache layer that returned it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageMetadata {
    /// The displayed size of the original image, before any resizing.
    pub dimensions: Dimensions,
    /// `None` if the origin did not report a format, or an unknown one.
    pub format: Option<Format>,
    /// The size of the original file, in bytes.
    pub file_size: Option<u64>,
    /// The object's entity tag in the bucket, without quotes.
    pub etag: Option<Box<str>>,
    /// The properties besides format and size.
    pub traits: Traits,
    /// What a page can show before the image.
    pub placeholders: Placeholders,
    /// How reliable the dimensions are: `medium` if viewers may show another size, or else `high`. Reasons for `medium`
    /// are sides that may be swapped, a file that is truncated or malformed after its size, and a size that readers
    /// disagree on.
    pub confidence: Cow<'static, str>,
    /// Where the dimensions come from: `format-json` or `image-header`.
    pub source: Cow<'static, str>,
}

impl Serialize for ImageMetadata {
    /// Writes the published form, the `metadata` object of a response.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ImageMetadata", MOST_FIELDS)?;
        fields.serialize_field("width", &self.dimensions.width())?;
        fields.serialize_field("height", &self.dimensions.height())?;
        write_known(&mut fields, "format", self.format.map(Format::name))?;
        write_known(&mut fields, "mimeType", self.format.map(Format::media_type))?;
        write_known(&mut fields, "fileSize", self.file_size)?;
        write_known(&mut fields, "etag", self.etag.as_deref())?;
        self.traits.write(&mut fields)?;
        self.placeholders.write(&mut fields)?;
        fields.serialize_field("confidence", &self.confidence)?;
        fields.serialize_field("source", &self.source)?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::color::Color;
    use crate::image::placeholder::Placeholder;
    use crate::image::thumb_hash::ThumbHash;
    use serde_json::json;

    #[test]
    fn known_values_are_published_and_unknown_ones_left_out() {
        let mut metadata = ImageMetadata {
            dimensions: Dimensions::new(4000, 3000).unwrap(),
            format: Some(Format::Jpeg),
            file_size: Some(123_456),
            etag: None,
            traits: Traits::default(),
            placeholders: Placeholders::default(),
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
    fn all_properties_of_a_header_are_published() {
        let metadata = ImageMetadata {
            dimensions: Dimensions::new(3000, 4000).unwrap(),
            format: Some(Format::Webp),
            file_size: Some(123_456),
            etag: Some("0123abc".into()),
            traits: Traits {
                orientation: Orientation::new(6),
                has_alpha: Some(false),
                animated: Some(true),
                frames: NonZeroU32::new(12),
                bit_depth: NonZeroU8::new(8),
                color_space: Some(ColorSpace::Rgb),
                density: Density::new(300),
                has_profile: Some(true),
            },
            placeholders: Placeholders {
                thumbhash: Placeholder::Made(
                    ThumbHash::parse("1QcSHQRnh493V4dIh4eXh1h4kJUI").unwrap(),
                ),
                color: Placeholder::Made(Color::new([10, 241, 155])),
            },
            confidence: "high".into(),
            source: "image-header".into(),
        };
        assert_eq!(
            serde_json::to_string(&metadata).unwrap(),
            concat!(
                r#"{"width":3000,"height":4000,"format":"webp","mimeType":"image/webp","fileSize":123456,"etag":"0123abc","#,
                r#""orientation":6,"hasAlpha":false,"animated":true,"frames":12,"bitDepth":8,"colorSpace":"rgb","#,
                r##""density":300,"hasProfile":true,"thumbhash":"1QcSHQRnh493V4dIh4eXh1h4kJUI","color":"#0af19b","##,
                r#""confidence":"high","source":"image-header"}"#
            )
        );
    }

    #[test]
    fn orientations_are_1_to_8_and_those_from_5_swap_the_sides() {
        let swaps = |value| Orientation::new(value).map(Orientation::swaps_sides);
        assert_eq!([0, 9, 255].map(swaps), [None; 3]);
        assert_eq!([1, 2, 3, 4].map(swaps), [Some(false); 4]);
        assert_eq!([5, 6, 7, 8].map(swaps), [Some(true); 4]);
    }

    #[test]
    fn anything_but_a_whole_number_of_pixels_in_range_is_rejected() {
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
    fn every_format_is_parsed_from_its_name_and_media_type() {
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
