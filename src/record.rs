//! The stored form of L2: what stands in the metadata field of a KV key.
//!
//! The field names are those of the TypeScript service that this one replaces, so that both can
//! share a namespace while one is rolled out. They change only on purpose: golden tests pin them.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::json;
use crate::metadata::{Dimensions, Format, ImageMetadata};

/// Longest `confidence` or `source` that is taken from a record, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// One image's metadata and when it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the origin told.
    pub metadata: ImageMetadata,
    /// When it told it, in milliseconds since the epoch. `None` where a record does not say:
    /// such a record is past every freshness window.
    pub last_fetched_ms: Option<u64>,
}

impl Record {
    /// The JSON object for the key's metadata field, at most a few hundred bytes of the 1,024
    /// that KV allows.
    #[must_use]
    pub fn encode(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Stored<'a> {
            width: u32,
            height: u32,
            #[serde(skip_serializing_if = "Option::is_none")]
            format: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            last_fetched: Option<u64>,
            confidence: &'a str,
            source: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            file_size: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            original_metadata: Option<Original>,
        }
        #[derive(Serialize)]
        struct Original {
            format: &'static str,
        }
        let metadata = &self.metadata;
        let stored = Stored {
            width: metadata.dimensions.width(),
            height: metadata.dimensions.height(),
            format: metadata.format.map(Format::name),
            last_fetched: self.last_fetched_ms,
            confidence: &metadata.confidence,
            source: &metadata.source,
            file_size: metadata.file_size,
            original_metadata: metadata.format.map(|format| Original {
                format: format.media_type(),
            }),
        };
        // A struct of numbers and strings always has a JSON form.
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// Reads a record, written by this service or by the one before it.
    ///
    /// Where a record names `originalDimensions`, its `width` and `height` are those of a resized
    /// image and the original's are taken. Likewise `originalMetadata.format` is what the origin
    /// said, while the former service wrote `jpeg` for any format it did not know.
    ///
    /// # Errors
    /// The field that is missing or malformed.
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
                confidence: word(field("confidence")).ok_or(RecordError::Confidence)?,
                source: word(field("source")).ok_or(RecordError::Source)?,
            },
            last_fetched_ms: milliseconds(field("lastFetched")),
        })
    }
}

/// A short printable ASCII string. The usual two are not copied.
fn word(value: &Value) -> Option<Cow<'static, str>> {
    match value.as_str()? {
        "high" => Some("high".into()),
        "format-json" => Some("format-json".into()),
        text if !text.is_empty()
            && text.len() <= MAX_WORD_BYTES
            && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Some(text.to_owned().into())
        }
        _ => None,
    }
}

/// A time that is no number, or a negative one, is unknown.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
fn milliseconds(value: &Value) -> Option<u64> {
    value
        .as_f64()
        .filter(|time| *time >= 0.0)
        .map(|time| time as u64)
}

/// Why a stored record cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordError {
    /// The text is no JSON.
    NotJson,
    /// It is JSON, but no object.
    NotAnObject,
    /// `width` and `height`, or `originalDimensions`, are no size in pixels.
    Dimensions,
    /// `confidence` is missing or no short word.
    Confidence,
    /// `source` is missing or no short word.
    Source,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "not JSON",
            Self::NotAnObject => "not an object",
            Self::Dimensions => "dimensions missing or malformed",
            Self::Confidence => "confidence missing or malformed",
            Self::Source => "source missing or malformed",
        })
    }
}

impl std::error::Error for RecordError {}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = r#"{"width":4000,"height":3000,"format":"jpeg","lastFetched":1760000000000,"confidence":"high","source":"format-json","fileSize":123456,"originalMetadata":{"format":"image/jpeg"}}"#;

    fn cat() -> Record {
        Record {
            metadata: ImageMetadata {
                dimensions: Dimensions::new(4000, 3000).unwrap(),
                format: Some(Format::Jpeg),
                file_size: Some(123_456),
                confidence: "high".into(),
                source: "format-json".into(),
            },
            last_fetched_ms: Some(1_760_000_000_000),
        }
    }

    #[test]
    fn the_stored_form_is_the_golden_one() {
        assert_eq!(cat().encode(), GOLDEN);
        assert_eq!(Record::decode(GOLDEN), Ok(cat()));
    }

    #[test]
    fn what_is_unknown_is_not_stored() {
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
    fn the_largest_record_fits_into_a_keys_metadata() {
        let mut record = cat();
        record.metadata.dimensions = Dimensions::new(i32::MAX as u32, i32::MAX as u32).unwrap();
        record.metadata.format = Some(Format::Ico);
        record.metadata.file_size = Some(u64::MAX);
        record.metadata.confidence = "c".repeat(MAX_WORD_BYTES).into();
        record.metadata.source = "s".repeat(MAX_WORD_BYTES).into();
        record.last_fetched_ms = Some(u64::MAX);
        assert!(record.encode().len() <= 1024);
    }

    #[test]
    fn the_original_image_is_what_counts() {
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
    fn a_time_that_makes_no_sense_is_unknown() {
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
    fn names_what_makes_a_record_unusable() {
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
        ] {
            assert_eq!(Record::decode(json), Err(error), "{json}");
        }
    }
}
