//! The parameters of a crop, from a query or a JSON object.
//!
//! | name (alias) | takes | absent |
//! |---|---|---|
//! | `aspect` (`r`) | `16:9`, `16-9`, `1.91:1`; JSON also `{"width": 16, "height": 9}` | no crop, unless a platform implies one |
//! | `focal` (`p`) | `x,y`, each 0 to 1; JSON also `{"x": 0.5, "y": 0.3}`, and `focalPoint` for a name | the centre |
//! | `width` | pixels, 1 to 12000; JSON also a number | as wide as the crop |
//! | `device` | `mobile` 600, `tablet` 1200, `desktop` 1800: a `width` by name | |
//! | `platform` | `twitter` 16:9, `facebook` 1.91:1, `instagram` 1:1: an `aspect` by name | |
//! | `content` | `portrait`, which makes `instagram` 4:5 | |
//! | `allowExpansion` | `true`, `false`; JSON also a boolean | `false` |
//!
//! An `aspect` that is given wins over the platform's. A query's other names are ignored, since
//! pages and caches add such; in JSON they are an error, and so is a value that cannot be used.

use std::fmt;
use std::num::NonZeroU32;

use serde_json::{Map, Value};

use crate::crop::aspect_ratio::AspectRatio;
use crate::crop::focal_point::FocalPoint;
use crate::crop::geometry::CropRequest;
use crate::text::query;
use crate::text::sanitize::excerpt;

/// The most that a crop may be asked to be wide, in pixels: the limit of the resizer
/// (<https://developers.cloudflare.com/images/get-started/limits/>).
pub const MAX_WIDTH: u32 = 12_000;

/// Reads the query of a URL, without its `?`. `None` where it has none of the parameters.
///
/// # Errors
/// The first rule of [`ParameterError`] that it breaks.
pub fn from_query(query: &str) -> Result<Option<CropRequest>, ParameterError> {
    if query.is_empty() {
        return Ok(None);
    }
    let mut pairs = Vec::new();
    for pair in query::pairs(query) {
        match pair {
            Ok(pair) => pairs.push(pair),
            Err(error) => {
                if let Some(parameter) = Parameter::named(&error.parameter) {
                    return Err(ParameterError::Undecodable(parameter));
                }
            }
        }
    }
    from_pairs(
        pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    )
}

/// Reads decoded names and values. `None` where there are none of the parameters.
///
/// # Errors
/// The first rule of [`ParameterError`] that they break.
pub fn from_pairs<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Option<CropRequest>, ParameterError> {
    let mut given = Given::default();
    for (name, value) in pairs {
        given.add(name, Raw::Text(value))?;
    }
    given.request()
}

/// Reads the fields of a JSON object. `None` if there are none besides the `other` field, which is the
/// caller's.
///
/// # Errors
/// All unknown names or, if there are none, the first rule of [`ParameterError`] that they break.
pub fn from_json(
    object: &Map<String, Value>,
    other: Option<&str>,
) -> Result<Option<CropRequest>, FieldError> {
    let mut given = Given::default();
    let mut unknown = Vec::new();
    for (name, value) in object {
        let parameter = match name.as_str() {
            "focalPoint" => "focal",
            name => name,
        };
        if !given.add(parameter, Raw::of(value))? && other != Some(name) {
            unknown.push(name.as_str());
        }
    }
    if !unknown.is_empty() {
        return Err(FieldError::Unknown(excerpt(&unknown.join("','"))));
    }
    Ok(given.request()?)
}

/// The names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each is named after itself
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
    fn named(name: &str) -> Option<Self> {
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

    /// The name, and the alias where there is one, in quotes.
    fn quoted(self) -> &'static str {
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

    fn accepted(self) -> &'static str {
        match self {
            Self::Aspect => {
                "a width and a height above 0, as 16:9, 16-9 or 1.91:1, neither more than 1000000 times the other"
            }
            Self::Focal => "x,y with each from 0 to 1, as 0.5,0.3",
            Self::Width => "a whole number of pixels from 1 to 12000",
            Self::Device => "mobile, tablet or desktop",
            Self::Platform => "twitter, facebook or instagram",
            Self::Content => "portrait, and only beside 'platform' instagram",
            Self::AllowExpansion => "true or false",
        }
    }
}

/// The rule that the parameters break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterError {
    /// The value is none that the parameter takes.
    Malformed(Parameter),
    /// The value is not percent-encoded UTF-8.
    Undecodable(Parameter),
    /// It is there more than once, or by its name and its alias.
    Repeated(Parameter),
    /// `width` and `device` are two names of one thing.
    WidthAndDevice,
    /// `content` means something on Instagram only.
    ContentWithoutInstagram,
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(parameter) => {
                let (name, accepted) = (parameter.quoted(), parameter.accepted());
                write!(f, "The parameter {name} takes {accepted}.")
            }
            Self::Undecodable(parameter) => {
                let (name, accepted) = (parameter.quoted(), parameter.accepted());
                write!(
                    f,
                    "The parameter {name} is not percent-encoded UTF-8; it takes {accepted}."
                )
            }
            Self::Repeated(parameter) => {
                let name = parameter.quoted();
                write!(
                    f,
                    "The parameter {name} is given more than once; give it once."
                )
            }
            Self::WidthAndDevice => f.write_str(
                "The parameters 'width' and 'device' both limit the width; give one of them.",
            ),
            Self::ContentWithoutInstagram => f.write_str(
                "The parameter 'content' takes portrait only beside 'platform' instagram; add that, or give an 'aspect' instead.",
            ),
        }
    }
}

impl std::error::Error for ParameterError {}

/// Why the fields of a JSON object cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldError {
    /// Names that no parameter has, separated by `','`, fit for documents.
    Unknown(String),
    /// A parameter breaks a rule.
    Parameter(ParameterError),
}

impl From<ParameterError> for FieldError {
    fn from(error: ParameterError) -> Self {
        Self::Parameter(error)
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(names) => write!(
                f,
                "Unknown parameters: '{names}'; use aspect (or r), focal (or p, focalPoint), width, device, platform, content and allowExpansion."
            ),
            Self::Parameter(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FieldError {}

/// A value that is still to be read.
#[derive(Debug, Clone, Copy)]
enum Raw<'a> {
    Text(&'a str),
    /// Anything but a string.
    Json(&'a Value),
}

impl<'a> Raw<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            other => Self::Json(other),
        }
    }

    fn aspect(self) -> Option<AspectRatio> {
        match self {
            Self::Text(text) => AspectRatio::parse(text),
            Self::Json(value) => AspectRatio::from_json(value),
        }
    }

    fn focal(self) -> Option<FocalPoint> {
        match self {
            Self::Text(text) => FocalPoint::parse(text),
            Self::Json(value) => FocalPoint::from_json(value),
        }
    }

    fn width(self) -> Option<NonZeroU32> {
        let pixels = match self {
            Self::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok()?
            }
            Self::Text(_) => return None,
            Self::Json(value) => u32::try_from(value.as_u64()?).ok()?,
        };
        NonZeroU32::new(pixels).filter(|pixels| pixels.get() <= MAX_WIDTH)
    }

    fn device_width(self) -> Option<NonZeroU32> {
        NonZeroU32::new(match self {
            Self::Text("mobile") => 600,
            Self::Text("tablet") => 1200,
            Self::Text("desktop") => 1800,
            _ => return None,
        })
    }

    fn platform(self) -> Option<Platform> {
        Some(match self {
            Self::Text("twitter") => Platform::Twitter,
            Self::Text("facebook") => Platform::Facebook,
            Self::Text("instagram") => Platform::Instagram,
            _ => return None,
        })
    }

    fn content(self) -> Option<Portrait> {
        matches!(self, Self::Text("portrait")).then_some(Portrait)
    }

    fn flag(self) -> Option<bool> {
        match self {
            Self::Text("true") => Some(true),
            Self::Text("false") => Some(false),
            Self::Text(_) => None,
            Self::Json(value) => value.as_bool(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Platform {
    Twitter,
    Facebook,
    Instagram,
}

#[derive(Debug, Clone, Copy)]
struct Portrait;

impl Platform {
    fn aspect(self, portrait: Option<Portrait>) -> Option<AspectRatio> {
        AspectRatio::parse(match (self, portrait) {
            (Self::Twitter, _) => "16:9",
            (Self::Facebook, _) => "1.91:1",
            (Self::Instagram, None) => "1:1",
            (Self::Instagram, Some(Portrait)) => "4:5",
        })
    }
}

/// The parameters that are there, each once.
#[derive(Debug, Default)]
struct Given<'a>(Vec<(Parameter, Raw<'a>)>);

impl<'a> Given<'a> {
    /// Adds a value. `false` if no parameter has the name.
    fn add(&mut self, name: &str, value: Raw<'a>) -> Result<bool, ParameterError> {
        let Some(parameter) = Parameter::named(name) else {
            return Ok(false);
        };
        if self.0.iter().any(|(known, _)| *known == parameter) {
            return Err(ParameterError::Repeated(parameter));
        }
        self.0.push((parameter, value));
        Ok(true)
    }

    fn read<T>(
        &self,
        parameter: Parameter,
        reader: impl Fn(Raw<'a>) -> Option<T>,
    ) -> Result<Option<T>, ParameterError> {
        let given = self.0.iter().find(|(known, _)| *known == parameter);
        given
            .map(|(_, value)| reader(*value).ok_or(ParameterError::Malformed(parameter)))
            .transpose()
    }

    fn request(&self) -> Result<Option<CropRequest>, ParameterError> {
        let aspect = self.read(Parameter::Aspect, Raw::aspect)?;
        let focal = self.read(Parameter::Focal, Raw::focal)?;
        let width = self.read(Parameter::Width, Raw::width)?;
        let device_width = self.read(Parameter::Device, Raw::device_width)?;
        let platform = self.read(Parameter::Platform, Raw::platform)?;
        let portrait = self.read(Parameter::Content, Raw::content)?;
        let allow_expansion = self.read(Parameter::AllowExpansion, Raw::flag)?;
        if width.is_some() && device_width.is_some() {
            return Err(ParameterError::WidthAndDevice);
        }
        if portrait.is_some() && platform != Some(Platform::Instagram) {
            return Err(ParameterError::ContentWithoutInstagram);
        }
        let request = CropRequest {
            aspect: aspect.or_else(|| platform?.aspect(portrait)),
            focal: focal.unwrap_or_default(),
            max_width: width.or(device_width),
            allow_expansion: allow_expansion.unwrap_or_default(),
        };
        Ok((!self.0.is_empty()).then_some(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(query: &str) -> CropRequest {
        from_query(query).unwrap().unwrap()
    }

    fn json_asked(object: &Value) -> Result<Option<CropRequest>, FieldError> {
        from_json(object.as_object().unwrap(), None)
    }

    fn aspect(text: &str) -> Option<AspectRatio> {
        Some(AspectRatio::parse(text).unwrap())
    }

    #[test]
    fn every_parameter_is_read_by_its_name_and_its_alias() {
        let request = CropRequest {
            aspect: aspect("16:9"),
            focal: FocalPoint::parse("0.5,0.3").unwrap(),
            max_width: NonZeroU32::new(600),
            allow_expansion: true,
        };
        for query in [
            "aspect=16:9&focal=0.5,0.3&width=600&allowExpansion=true",
            "r=16-9&p=0.5%2C0.3&device=mobile&allowExpansion=true",
            "platform=twitter&focal=0.5,0.3&width=0600&allowExpansion=true",
        ] {
            assert_eq!(asked(query), request, "{query}");
        }
        for object in [
            json!({ "aspect": "16:9", "focal": "0.5,0.3", "width": "600", "allowExpansion": "true" }),
            json!({ "r": "16-9", "p": "0.5,0.3", "device": "mobile", "allowExpansion": true }),
            json!({
                "aspect": { "width": 16, "height": 9 }, "focal": { "x": 0.5, "y": 0.3 },
                "width": 600, "allowExpansion": true,
            }),
        ] {
            assert_eq!(json_asked(&object), Ok(Some(request)), "{object}");
        }
    }

    #[test]
    fn names_stand_for_ratios_and_widths() {
        for (query, ratio) in [
            ("platform=twitter", "16:9"),
            ("platform=facebook", "1.91:1"),
            ("platform=instagram", "1:1"),
            ("platform=instagram&content=portrait", "4:5"),
            ("platform=twitter&aspect=3:2", "3:2"),
            ("r=3:2&platform=instagram&content=portrait", "3:2"),
        ] {
            assert_eq!(asked(query).aspect, aspect(ratio), "{query}");
        }
        for (device, width) in [("mobile", 600), ("tablet", 1200), ("desktop", 1800)] {
            let request = asked(&format!("device={device}"));
            assert_eq!(request.max_width, NonZeroU32::new(width), "{device}");
        }
    }

    #[test]
    fn other_names_are_ignored() {
        for query in [
            "",
            "v=2",
            "utm_source=%zz&Aspect=1&a%ff=1",
            "ASPECT=16:9&pp=1",
        ] {
            assert_eq!(from_query(query), Ok(None), "{query}");
        }
        assert_eq!(asked("v=2&width=7&%=").max_width, NonZeroU32::new(7));
    }

    #[test]
    fn an_unknown_name_in_json_is_refused_by_name() {
        for (object, names) in [
            (json!({ "aspct": "1:1" }), "'aspct'"),
            (json!({ "width": 7, "Width": 7, "x": null }), "'Width','x'"),
            // Before what is wrong with the others.
            (json!({ "width": 0, "paths": [] }), "'paths'"),
            (json!({ "": 1 }), "''"),
            (json!({ "a\"b\n<\u{1b}é": 1 }), "'a%22b%0A%3C%1B%C3%A9'"),
            (
                json!({ "x".repeat(1_000): 1 }),
                &format!("'{}'", "x".repeat(256)),
            ),
        ] {
            let sentence = json_asked(&object).unwrap_err().to_string();
            assert_eq!(
                sentence,
                format!(
                    "Unknown parameters: {names}; use aspect (or r), focal (or p, focalPoint), width, device, platform, content and allowExpansion."
                )
            );
        }
        let object = json!({ "paths": [], "width": 7 });
        let read = from_json(object.as_object().unwrap(), Some("paths"));
        assert_eq!(read, json_asked(&json!({ "width": 7 })));
        let object = json!({
            "r": "1:1", "p": "0,0", "width": 1, "platform": "instagram", "content": "portrait", "allowExpansion": true,
        });
        assert!(json_asked(&object).is_ok());
    }

    #[test]
    fn a_malformed_value_is_refused_with_what_is_accepted() {
        for (name, parameter, values) in [
            ("aspect", Parameter::Aspect, "|16|0:9|16/9|1:1000001"),
            ("r", Parameter::Aspect, "x"),
            ("focal", Parameter::Focal, "|0.5|1.1,0|-1,0|a,b"),
            ("p", Parameter::Focal, "x"),
            (
                "width",
                Parameter::Width,
                "|0|-1|+1|12001|600px|1.5|99999999999",
            ),
            ("device", Parameter::Device, "|phone|Mobile"),
            ("platform", Parameter::Platform, "|myspace|Twitter"),
            ("content", Parameter::Content, "|landscape"),
            ("allowExpansion", Parameter::AllowExpansion, "|1|yes|True"),
        ] {
            for value in values.split('|') {
                let error = from_pairs([(name, value)]).unwrap_err();
                assert_eq!(error, ParameterError::Malformed(parameter), "{value}");
                assert_eq!(
                    json_asked(&json!({ name: value })),
                    Err(error.into()),
                    "{value}"
                );
                let sentence = error.to_string();
                assert!(sentence.contains(&format!("'{name}'")), "{sentence}");
                assert!(sentence.contains(parameter.accepted()), "{sentence}");
            }
            for value in [json!(null), json!([]), json!({}), json!(-1), json!(1.5)] {
                assert_eq!(
                    json_asked(&json!({ name: value })),
                    Err(ParameterError::Malformed(parameter).into()),
                    "{name}: {value}"
                );
            }
        }
        assert_eq!(
            json_asked(&json!({ "width": 12_001 })),
            Err(ParameterError::Malformed(Parameter::Width).into())
        );
    }

    #[test]
    fn what_cannot_be_decoded_is_refused_by_name() {
        for query in ["focal=%zz", "p=0.5,%ff", "%66ocal=%"] {
            let error = from_query(query).unwrap_err();
            assert_eq!(error, ParameterError::Undecodable(Parameter::Focal));
            assert!(error.to_string().contains("'focal'"), "{error}");
        }
    }

    #[test]
    fn one_thing_is_said_once() {
        for (query, parameter) in [
            ("aspect=1:1&aspect=1:1", Parameter::Aspect),
            ("aspect=1:1&r=1:1", Parameter::Aspect),
            ("p=0,0&width=1&focal=0,0", Parameter::Focal),
            ("width=1&width=2", Parameter::Width),
        ] {
            let repeated = ParameterError::Repeated(parameter);
            assert_eq!(from_query(query), Err(repeated), "{query}");
        }
        assert_eq!(
            json_asked(&json!({ "focal": "0,0", "p": "0,0" })),
            Err(ParameterError::Repeated(Parameter::Focal).into())
        );
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        let both = ParameterError::WidthAndDevice;
        assert_eq!(from_query("width=1&device=mobile"), Err(both));
        for query in [
            "content=portrait",
            "content=portrait&platform=twitter",
            "content=portrait&aspect=4:5",
        ] {
            let alone = ParameterError::ContentWithoutInstagram;
            assert_eq!(from_query(query), Err(alone), "{query}");
        }
    }

    #[test]
    fn json_may_spell_the_focal_point_out() {
        let read = |json: Value| from_json(json.as_object().unwrap(), None);
        let point = json!({ "x": 0.5, "y": 0.3 });
        assert_eq!(
            read(json!({ "focalPoint": point })),
            read(json!({ "focal": point }))
        );
        assert_eq!(
            read(json!({ "focalPoint": point, "focal": point })),
            Err(ParameterError::Repeated(Parameter::Focal).into())
        );
        assert_eq!(from_query("focalPoint=0.5,0.3"), Ok(None));
    }

    #[test]
    fn the_sentences_are_pinned() {
        for (query, sentence) in [
            (
                "r=1",
                "The parameter 'aspect' (or 'r') takes a width and a height above 0, as 16:9, 16-9 or 1.91:1, neither more than 1000000 times the other.",
            ),
            (
                "width=0",
                "The parameter 'width' takes a whole number of pixels from 1 to 12000.",
            ),
            (
                "focal=%",
                "The parameter 'focal' (or 'p') is not percent-encoded UTF-8; it takes x,y with each from 0 to 1, as 0.5,0.3.",
            ),
            (
                "device=mobile&device=tablet",
                "The parameter 'device' is given more than once; give it once.",
            ),
            (
                "device=mobile&width=600",
                "The parameters 'width' and 'device' both limit the width; give one of them.",
            ),
            (
                "content=portrait",
                "The parameter 'content' takes portrait only beside 'platform' instagram; add that, or give an 'aspect' instead.",
            ),
        ] {
            assert_eq!(from_query(query).unwrap_err().to_string(), sentence);
        }
    }
}
