//! What is known about an image: its size, format and file size.

use std::borrow::Cow;
use std::num::{NonZeroU8, NonZeroU32};

use serde::ser::SerializeStruct;
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

    /// The same with width and height exchanged.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self {
            width: self.height,
            height: self.width,
        }
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

/// How an image has to be turned to be displayed, as Exif counts it: 1 is upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation(NonZeroU8);

impl Orientation {
    /// `None` where it is not from 1 to 8.
    #[must_use]
    pub fn new(value: u8) -> Option<Self> {
        NonZeroU8::new(value)
            .filter(|value| value.get() <= 8)
            .map(Self)
    }

    /// From 1 to 8.
    #[must_use]
    pub fn value(self) -> u8 {
        self.0.get()
    }

    /// Whether width and height of what is displayed are height and width of what is stored.
    #[must_use]
    pub fn swaps_sides(self) -> bool {
        self.value() >= 5
    }
}

/// What the colors of an image are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each is named after itself
pub enum ColorSpace {
    Gray,
    /// Also where it is stored as luma and chroma, or by a palette.
    Rgb,
    Cmyk,
}

impl ColorSpace {
    /// `None` for what is not known.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Gray, Self::Rgb, Self::Cmyk]
            .into_iter()
            .find(|space| space.name() == name)
    }

    /// `gray`
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::Rgb => "rgb",
            Self::Cmyk => "cmyk",
        }
    }
}

/// What an image's header tells beside its size. Each is `None` where it does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traits {
    /// The one that width and height have been turned by.
    pub orientation: Option<Orientation>,
    /// Whether it has transparency.
    pub has_alpha: Option<bool>,
    /// Whether it moves.
    pub animated: Option<bool>,
    /// How many pictures it shows one after the other.
    pub frames: Option<NonZeroU32>,
    /// Bits of each channel.
    pub bit_depth: Option<NonZeroU8>,
    /// What its colors are made of.
    pub color_space: Option<ColorSpace>,
}

impl Traits {
    /// Writes those that are known as fields of a JSON object, in an answer as in a record.
    pub(crate) fn write<S: SerializeStruct>(&self, fields: &mut S) -> Result<(), S::Error> {
        let orientation = self.orientation.map(Orientation::value);
        write_known(fields, "orientation", orientation)?;
        write_known(fields, "hasAlpha", self.has_alpha)?;
        write_known(fields, "animated", self.animated)?;
        write_known(fields, "frames", self.frames)?;
        write_known(fields, "bitDepth", self.bit_depth)?;
        write_known(fields, "colorSpace", self.color_space.map(ColorSpace::name))
    }
}

/// At least as many fields as an object of ours has; writers take it as a hint.
pub(crate) const MOST_FIELDS: usize = 16;

/// Writes a field whose value is known; one that is not is left out.
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

/// The published `confidence` of dimensions that are certain, or not.
pub(crate) fn confidence(is_certain: bool) -> &'static str {
    if is_certain { "high" } else { "medium" }
}

/// What is known about one image. It depends on the image alone, never on the layer that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageMetadata {
    /// Of the original image, before any resizing, as it is displayed.
    pub dimensions: Dimensions,
    /// `None` where the origin did not tell or told something unknown.
    pub format: Option<Format>,
    /// In bytes.
    pub file_size: Option<u64>,
    /// The entity tag that the bucket has for it, without quotes.
    pub etag: Option<Box<str>>,
    /// What its header tells beside its size.
    pub traits: Traits,
    /// How far the dimensions can be trusted: `medium` if viewers can show another size, since the sides may have to be
    /// swapped, the image is cut or malformed after its size, or readers differ in it; else `high`.
    pub confidence: Cow<'static, str>,
    /// How they were found, `format-json` or `image-header`.
    pub source: Cow<'static, str>,
}

impl Serialize for ImageMetadata {
    /// The published form, the `metadata` object of an answer.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ImageMetadata", MOST_FIELDS)?;
        fields.serialize_field("width", &self.dimensions.width())?;
        fields.serialize_field("height", &self.dimensions.height())?;
        write_known(&mut fields, "format", self.format.map(Format::name))?;
        write_known(&mut fields, "mimeType", self.format.map(Format::media_type))?;
        write_known(&mut fields, "fileSize", self.file_size)?;
        write_known(&mut fields, "etag", self.etag.as_deref())?;
        self.traits.write(&mut fields)?;
        fields.serialize_field("confidence", &self.confidence)?;
        fields.serialize_field("source", &self.source)?;
        fields.end()
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
            etag: None,
            traits: Traits::default(),
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
    fn publishes_what_a_header_tells() {
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
            },
            confidence: "high".into(),
            source: "image-header".into(),
        };
        assert_eq!(
            serde_json::to_string(&metadata).unwrap(),
            concat!(
                r#"{"width":3000,"height":4000,"format":"webp","mimeType":"image/webp","fileSize":123456,"etag":"0123abc","#,
                r#""orientation":6,"hasAlpha":false,"animated":true,"frames":12,"bitDepth":8,"colorSpace":"rgb","#,
                r#""confidence":"high","source":"image-header"}"#
            )
        );
    }

    #[test]
    fn orientations_are_one_to_eight_and_the_upper_half_swaps_the_sides() {
        let swaps = |value| Orientation::new(value).map(Orientation::swaps_sides);
        assert_eq!([0, 9, 255].map(swaps), [None; 3]);
        assert_eq!([1, 2, 3, 4].map(swaps), [Some(false); 4]);
        assert_eq!([5, 6, 7, 8].map(swaps), [Some(true); 4]);
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
