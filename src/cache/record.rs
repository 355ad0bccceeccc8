//! The KV record of L2: the JSON in the metadata field of a KV key.
//!
//! The field names are those of the TypeScript service that this one replaces. So both can share a namespace during the
//! migration. Golden tests pin the names.

use std::borrow::Cow;
use std::fmt;
use std::num::{NonZeroU8, NonZeroU32};

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::image::density::Density;
use crate::image::metadata::{
    ColorSpace, Dimensions, Format, ImageMetadata, MOST_FIELDS, Orientation, Traits, write_known,
};
use crate::image::placeholder::Placeholders;
use crate::origin::id::OriginId;
use crate::text::json;

/// The maximum length of `confidence`, `source` and `etag` in a record, in bytes.
const MAX_STRING_BYTES: usize = 64;

/// The metadata of an image, and when and from where it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The metadata.
    pub metadata: ImageMetadata,
    /// The time of the fetch, in milliseconds since the epoch. If it is `None`, the record has expired.
    pub last_fetched_ms: Option<u64>,
    /// The origin that it was fetched from. `None` in records of earlier versions.
    pub origin: Option<OriginId>,
}

impl Record {
    /// Returns the JSON object for the metadata field of a KV key. It has at most a few hundred of the 1,024 bytes that
    /// KV allows. The fields that the TypeScript service does not have are last.
    #[must_use]
    pub fn encode(&self) -> String {
        // A struct of numbers and strings always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a record of this service or of the TypeScript service.
    ///
    /// If a record has `originalDimensions`, they are used, because `width` and `height` are those of a resized image.
    /// `originalMetadata.format` takes precedence over `format`, because it is the format from the origin: for unknown
    /// formats, the TypeScript service wrote `jpeg` as `format`.
    ///
    /// # Errors
    /// If a required field is missing or malformed.
    pub fn decode(text: &str) -> Result<Self, RecordError> {
        let stored = json::parse(text.as_bytes()).ok_or(RecordError::NotJson)?;
        if !stored.is_object() {
            return Err(RecordError::NotAnObject);
        }
        let field = |name| stored.get(name).unwrap_or(&Value::Null);
        let original = field("originalDimensions");
        let dimensions = if original.is_null() {
            Dimensions::from_json(field("width"), field("height"))
        } else {
            let side = |name| original.get(name).unwrap_or(&Value::Null);
            Dimensions::from_json(side("width"), side("height"))
        };
        let format = field("originalMetadata")
            .get("format")
            .unwrap_or(field("format"))
            .as_str();
        Ok(Self {
            metadata: ImageMetadata {
                dimensions: dimensions.ok_or(RecordError::Dimensions)?,
                format: format.and_then(Format::parse),
                file_size: field("fileSize").as_u64().filter(|bytes| *bytes > 0),
                etag: short_ascii(field("etag")).map(|etag| etag.into_owned().into()),
                traits: traits(&field),
                placeholders: Placeholders::of_record(|name| stored.get(name)),
                confidence: short_ascii(field("confidence")).ok_or(RecordError::Confidence)?,
                source: short_ascii(field("source")).ok_or(RecordError::Source)?,
            },
            last_fetched_ms: milliseconds(field("lastFetched")),
            origin: origin(field("origin"))?,
        })
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Original {
            format: &'static str,
        }
        let metadata = &self.metadata;
        let original = metadata.format.map(|format| Original {
            format: format.media_type(),
        });
        let mut fields = serializer.serialize_struct("Record", MOST_FIELDS)?;
        fields.serialize_field("width", &metadata.dimensions.width())?;
        fields.serialize_field("height", &metadata.dimensions.height())?;
        write_known(&mut fields, "format", metadata.format.map(Format::name))?;
        write_known(&mut fields, "lastFetched", self.last_fetched_ms)?;
        fields.serialize_field("confidence", &metadata.confidence)?;
        fields.serialize_field("source", &metadata.source)?;
        write_known(&mut fields, "fileSize", metadata.file_size)?;
        write_known(&mut fields, "originalMetadata", original)?;
        write_known(&mut fields, "etag", metadata.etag.as_deref())?;
        metadata.traits.write(&mut fields)?;
        metadata.placeholders.write_record(&mut fields)?;
        write_known(&mut fields, "origin", self.origin.map(OriginId::text))?;
        fields.end()
    }
}

/// Reads the traits. An invalid trait is read as unknown, because no other field depends on it.
fn traits<'a>(field: &impl Fn(&'static str) -> &'a Value) -> Traits {
    let byte = |name| u8::try_from(field(name).as_u64()?).ok();
    let number = |name| u32::try_from(field(name).as_u64()?).ok();
    Traits {
        orientation: byte("orientation").and_then(Orientation::new),
        has_alpha: field("hasAlpha").as_bool(),
        animated: field("animated").as_bool(),
        frames: number("frames").and_then(NonZeroU32::new),
        bit_depth: byte("bitDepth").and_then(NonZeroU8::new),
        color_space: field("colorSpace").as_str().and_then(ColorSpace::parse),
        density: number("density").and_then(Density::new),
        has_profile: field("hasProfile").as_bool(),
    }
}

fn origin(field: &Value) -> Result<Option<OriginId>, RecordError> {
    if field.is_null() {
        return Ok(None);
    }
    let id = field.as_str().and_then(OriginId::parse);
    id.map(Some).ok_or(RecordError::Origin)
}

/// Reads a short string of printable ASCII. The three most common values are not copied.
fn short_ascii(value: &Value) -> Option<Cow<'static, str>> {
    match value.as_str()? {
        "high" => Some("high".into()),
        "format-json" => Some("format-json".into()),
        "image-header" => Some("image-header".into()),
        text if !text.is_empty()
            && text.len() <= MAX_STRING_BYTES
            && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Some(text.to_owned().into())
        }
        _ => None,
    }
}

/// Reads a time. Returns `None` if it is not a number, or negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
fn milliseconds(value: &Value) -> Option<u64> {
    value
        .as_f64()
        .filter(|time| *time >= 0.0)
        .map(|time| time as u64)
}

/// The reason why a record is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordError {
    /// The text is not JSON.
    NotJson,
    /// The JSON is not an object.
    NotAnObject,
    /// `width` and `height`, or `originalDimensions`, are not a valid size in pixels.
    Dimensions,
    /// `confidence` is missing, or is not a short string of printable ASCII.
    Confidence,
    /// `source` is missing, or is not a short string of printable ASCII.
    Source,
    /// `origin` is not 8 hexadecimal digits.
    Origin,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "not JSON",
            Self::NotAnObject => "not an object",
            Self::Dimensions => "dimensions missing or malformed",
            Self::Confidence => "confidence missing or malformed",
            Self::Source => "source missing or malformed",
            Self::Origin => "origin malformed",
        })
    }
}

impl std::error::Error for RecordError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::color::Color;
    use crate::image::density::MAX_DENSITY;
    use crate::image::placeholder::Placeholder;
    use crate::image::thumb_hash::ThumbHash;

    const GOLDEN: &str = r#"{"width":4000,"height":3000,"format":"jpeg","lastFetched":1760000000000,"confidence":"high","source":"format-json","fileSize":123456,"originalMetadata":{"format":"image/jpeg"}}"#;

    fn cat() -> Record {
        Record {
            metadata: ImageMetadata {
                dimensions: Dimensions::new(4000, 3000).unwrap(),
                format: Some(Format::Jpeg),
                file_size: Some(123_456),
                etag: None,
                traits: Traits::default(),
                placeholders: Placeholders::default(),
                confidence: "high".into(),
                source: "format-json".into(),
            },
            last_fetched_ms: Some(1_760_000_000_000),
            origin: None,
        }
    }

    #[test]
    fn the_stored_form_of_a_record_is_pinned() {
        assert_eq!(cat().encode(), GOLDEN);
        assert_eq!(Record::decode(GOLDEN), Ok(cat()));
    }

    #[test]
    fn the_fields_that_the_typescript_service_lacks_are_stored_last() {
        let mut record = cat();
        record.metadata.source = "image-header".into();
        record.metadata.etag = Some("0123abc".into());
        record.metadata.traits = Traits {
            orientation: Orientation::new(8),
            has_alpha: Some(true),
            animated: Some(false),
            frames: NonZeroU32::new(7),
            bit_depth: NonZeroU8::new(16),
            color_space: Some(ColorSpace::Cmyk),
            density: Density::new(300),
            has_profile: Some(false),
        };
        let stored = record.encode();
        let new_fields = concat!(
            r#","etag":"0123abc","orientation":8,"hasAlpha":true,"animated":false,"frames":7,"#,
            r#""bitDepth":16,"colorSpace":"cmyk","density":300,"hasProfile":false}"#
        );
        let old_fields = GOLDEN.replace("format-json", "image-header");
        assert_eq!(
            stored,
            old_fields.strip_suffix('}').unwrap().to_owned() + new_fields
        );
        assert_eq!(Record::decode(&stored), Ok(record));
    }

    #[test]
    fn the_origin_is_the_last_field_and_is_absent_in_records_of_earlier_versions() {
        let mut record = cat();
        record.origin = OriginId::parse("2d48561e");
        let stored = record.encode();
        let golden = GOLDEN.strip_suffix('}').unwrap().to_owned() + r#","origin":"2d48561e"}"#;
        assert_eq!(stored, golden);
        assert_eq!(Record::decode(&stored), Ok(record));
        assert_eq!(Record::decode(GOLDEN).unwrap().origin, None);
    }

    #[test]
    fn an_invalid_trait_is_read_as_unknown() {
        let invalid = r#""orientation":9,"hasAlpha":1,"animated":"no","frames":0,"bitDepth":256,"colorSpace":"red","etag":""}"#;
        let more = [
            r#""density":0,"hasProfile":0}"#,
            r#""density":25,"hasProfile":1}"#,
            r#""density":100001,"hasProfile":"true"}"#,
            r#""density":72.5,"hasProfile":null}"#,
            r#""density":"72","hasProfile":[true]}"#,
        ];
        for invalid in more.into_iter().chain([invalid]) {
            let json = format!("{},{invalid}", GOLDEN.strip_suffix('}').unwrap());
            assert_eq!(Record::decode(&json), Ok(cat()), "{invalid}");
        }
    }

    #[test]
    fn unknown_fields_are_not_stored() {
        let mut record = cat();
        record.metadata.format = None;
        record.metadata.file_size = None;
        let stored = record.encode();
        assert_eq!(
            stored,
            r#"{"width":4000,"height":3000,"lastFetched":1760000000000,"confidence":"high","source":"format-json"}"#
        );
        assert_eq!(Record::decode(&stored), Ok(record));
    }

    #[test]
    fn the_largest_record_fits_into_the_metadata_of_a_key() {
        let mut record = cat();
        record.metadata.dimensions = Dimensions::new(i32::MAX as u32, i32::MAX as u32).unwrap();
        record.metadata.format = Some(Format::Ico);
        record.metadata.file_size = Some(u64::MAX);
        record.metadata.etag = Some("e".repeat(MAX_STRING_BYTES).into());
        record.metadata.traits = Traits {
            orientation: Orientation::new(8),
            has_alpha: Some(false),
            animated: Some(false),
            frames: NonZeroU32::new(u32::MAX),
            bit_depth: NonZeroU8::new(255),
            color_space: Some(ColorSpace::Gray),
            density: Density::new(MAX_DENSITY),
            has_profile: Some(false),
        };
        record.metadata.placeholders = Placeholders {
            thumbhash: Placeholder::Made(ThumbHash::new(vec![255; 25]).unwrap()),
            color: Placeholder::Made(Color::new([255; 3])),
        };
        record.metadata.confidence = "c".repeat(MAX_STRING_BYTES).into();
        record.metadata.source = "s".repeat(MAX_STRING_BYTES).into();
        record.last_fetched_ms = Some(u64::MAX);
        record.origin = OriginId::parse("ffffffff");
        assert!(record.encode().len() <= 1024);
    }

    #[test]
    fn placeholders_are_text_or_null_before_the_origin() {
        let mut record = cat();
        record.origin = OriginId::parse("0123abcd");
        record.metadata.placeholders = Placeholders {
            thumbhash: Placeholder::Made(ThumbHash::new(vec![1, 2, 3, 4, 5]).unwrap()),
            color: Placeholder::Impossible,
        };
        let stored = record.encode();
        let end = r#","thumbhash":"AQIDBAU=","color":null,"origin":"0123abcd"}"#;
        assert_eq!(stored, GOLDEN.replace("}}", "}") + end);
        assert_eq!(Record::decode(&stored), Ok(record));
    }

    #[test]
    fn an_invalid_placeholder_is_read_as_a_missing_one() {
        for field in [
            r#""thumbhash":7"#,
            r#""thumbhash":"AQID""#,
            r#""thumbhash":"<b>""#,
            r#""color":"red""#,
            r##""color":"#FFFFFF""##,
            r#""color":{}"#,
        ] {
            let json = GOLDEN.replace("\"file", &format!("{field},\"file"));
            assert_eq!(Record::decode(&json), Ok(cat()), "{field}");
        }
    }

    #[test]
    fn the_size_and_format_of_the_original_image_take_precedence() {
        let record = Record::decode(
            r#"{"width":800,"height":600,"format":"jpeg","lastFetched":1,"confidence":"medium","source":"direct",
                "originalDimensions":{"width":4000,"height":3000},"originalMetadata":{"format":"image/x-unheard-of"}}"#,
        )
        .unwrap();
        assert_eq!(
            record.metadata.dimensions,
            Dimensions::new(4000, 3000).unwrap()
        );
        assert_eq!(record.metadata.format, None);
        assert_eq!(record.metadata.confidence, "medium");
        assert_eq!(record.metadata.source, "direct");
    }

    #[test]
    fn an_invalid_time_is_read_as_unknown() {
        for (time, read) in [
            ("1760000000000.7", Some(1_760_000_000_000)),
            ("0", Some(0)),
            ("-1", None),
            ("\"2026-01-01\"", None),
            ("null", None),
        ] {
            let json = GOLDEN.replace("1760000000000", time);
            assert_eq!(
                Record::decode(&json).unwrap().last_fetched_ms,
                read,
                "{time}"
            );
        }
    }

    #[test]
    fn the_error_for_an_invalid_record_names_the_field() {
        for (json, error) in [
            ("", RecordError::NotJson),
            ("{\"width\":1", RecordError::NotJson),
            ("null", RecordError::NotAnObject),
            ("[1,2]", RecordError::NotAnObject),
            ("\"text\"", RecordError::NotAnObject),
            ("{}", RecordError::Dimensions),
            (&GOLDEN.replace("4000", "0"), RecordError::Dimensions),
            (&GOLDEN.replace("4000", "\"4000\""), RecordError::Dimensions),
            (&GOLDEN.replace("\"high\"", "7"), RecordError::Confidence),
            (&GOLDEN.replace("format-json", "a b"), RecordError::Source),
            (
                &GOLDEN.replace("\"file", "\"origin\":7,\"file"),
                RecordError::Origin,
            ),
            (
                &GOLDEN.replace("\"file", "\"origin\":\"x\",\"file"),
                RecordError::Origin,
            ),
        ] {
            assert_eq!(Record::decode(json), Err(error), "{json}");
        }
    }
}
