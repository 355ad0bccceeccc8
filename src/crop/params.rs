//! Reads the parameters of a crop from a query or a JSON object.
//!
//! | name (alias) | values | default |
//! |---|---|---|
//! | `aspect` (`r`) | `16:9`, `16-9`, `1.91:1`; JSON also `{"width": 16, "height": 9}` | no crop, unless a platform implies one |
//! | `focal` (`p`) | `x,y`, each 0 to 1; JSON also `{"x": 0.5, "y": 0.3}`, and the name `focalPoint` | the center |
//! | `width` | pixels, 1 to 12000; JSON also a number | the width of the crop |
//! | `device` | `mobile` 600, `tablet` 1200, `desktop` 1800: a named `width` | |
//! | `platform` | `twitter` 16:9, `facebook` 1.91:1, `instagram` 1:1: a named `aspect` | |
//! | `content` | `portrait`, which makes `instagram` 4:5 | |
//! | `allowExpansion` | `true`, `false`; JSON also a boolean | `false` |
//!
//! `aspect` takes precedence over `platform`. An invalid value is an error. Unknown names in a query are ignored,
//! because pages and caches add their own. Unknown names in JSON are an error.

use std::num::NonZeroU32;

use serde_json::{Map, Value};

use crate::crop::aspect_ratio::AspectRatio;
use crate::crop::focal_point::FocalPoint;
use crate::crop::geometry::CropRequest;
use crate::crop::parameter::MAX_WIDTH;
use crate::text::query;
use crate::text::sanitize::excerpt;

pub use crate::crop::parameter::Parameter;
pub use crate::crop::parameter_error::{FieldError, ParameterError};

/// Reads the query of a URL, without its `?`. Returns `None` if it has none of the parameters.
///
/// # Errors
/// If it breaks a rule of [`ParameterError`]: the first one.
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

/// Reads decoded names and values. Returns `None` if none of them is a parameter.
///
/// # Errors
/// If they break a rule of [`ParameterError`]: the first one.
fn from_pairs<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Option<CropRequest>, ParameterError> {
    let mut parameters = RawParameters::default();
    for (name, value) in pairs {
        parameters.add(name, RawValue::Text(value))?;
    }
    parameters.request()
}

/// Reads the fields of a JSON object, except those of `others`, which the caller reads. Returns `None` if it has no
/// other fields.
///
/// # Errors
/// If fields are unknown: their names. Otherwise, if they break a rule of [`ParameterError`]: the first one.
pub fn from_json(
    object: &Map<String, Value>,
    others: &[Option<&str>],
) -> Result<Option<CropRequest>, FieldError> {
    let mut parameters = RawParameters::default();
    let mut unknown = Vec::new();
    for (name, value) in object {
        let parameter = match name.as_str() {
            "focalPoint" => "focal",
            name => name,
        };
        if !parameters.add(parameter, RawValue::of(value))? && !others.contains(&Some(name)) {
            unknown.push(name.as_str());
        }
    }
    if !unknown.is_empty() {
        return Err(FieldError::Unknown(excerpt(&unknown.join("','"))));
    }
    Ok(parameters.request()?)
}

/// A value that has not been parsed yet.
#[derive(Debug, Clone, Copy)]
enum RawValue<'a> {
    Text(&'a str),
    /// Any type but a string.
    Json(&'a Value),
}

impl<'a> RawValue<'a> {
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

/// The parameters that are given, each once.
#[derive(Debug, Default)]
struct RawParameters<'a>(Vec<(Parameter, RawValue<'a>)>);

impl<'a> RawParameters<'a> {
    /// Adds a value. Returns `false` if no parameter has this name.
    fn add(&mut self, name: &str, value: RawValue<'a>) -> Result<bool, ParameterError> {
        let Some(parameter) = Parameter::named(name) else {
            return Ok(false);
        };
        if self.0.iter().any(|(name, _)| *name == parameter) {
            return Err(ParameterError::Repeated(parameter));
        }
        self.0.push((parameter, value));
        Ok(true)
    }

    fn read<T>(
        &self,
        parameter: Parameter,
        reader: impl Fn(RawValue<'a>) -> Option<T>,
    ) -> Result<Option<T>, ParameterError> {
        let given = self.0.iter().find(|(name, _)| *name == parameter);
        given
            .map(|(_, value)| reader(*value).ok_or(ParameterError::Malformed(parameter)))
            .transpose()
    }

    fn request(&self) -> Result<Option<CropRequest>, ParameterError> {
        let aspect = self.read(Parameter::Aspect, RawValue::aspect)?;
        let focal = self.read(Parameter::Focal, RawValue::focal)?;
        let width = self.read(Parameter::Width, RawValue::width)?;
        let device_width = self.read(Parameter::Device, RawValue::device_width)?;
        let platform = self.read(Parameter::Platform, RawValue::platform)?;
        let portrait = self.read(Parameter::Content, RawValue::content)?;
        let allow_expansion = self.read(Parameter::AllowExpansion, RawValue::flag)?;
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

    fn parse_query(query: &str) -> CropRequest {
        from_query(query).unwrap().unwrap()
    }

    fn parse_json(object: &Value) -> Result<Option<CropRequest>, FieldError> {
        from_json(object.as_object().unwrap(), &[])
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
            assert_eq!(parse_query(query), request, "{query}");
        }
        for object in [
            json!({ "aspect": "16:9", "focal": "0.5,0.3", "width": "600", "allowExpansion": "true" }),
            json!({ "r": "16-9", "p": "0.5,0.3", "device": "mobile", "allowExpansion": true }),
            json!({
                "aspect": { "width": 16, "height": 9 }, "focal": { "x": 0.5, "y": 0.3 },
                "width": 600, "allowExpansion": true,
            }),
        ] {
            assert_eq!(parse_json(&object), Ok(Some(request)), "{object}");
        }
    }

    #[test]
    fn a_platform_and_a_device_imply_a_ratio_and_a_width() {
        for (query, ratio) in [
            ("platform=twitter", "16:9"),
            ("platform=facebook", "1.91:1"),
            ("platform=instagram", "1:1"),
            ("platform=instagram&content=portrait", "4:5"),
            ("platform=twitter&aspect=3:2", "3:2"),
            ("r=3:2&platform=instagram&content=portrait", "3:2"),
        ] {
            assert_eq!(parse_query(query).aspect, aspect(ratio), "{query}");
        }
        for (device, width) in [("mobile", 600), ("tablet", 1200), ("desktop", 1800)] {
            let request = parse_query(&format!("device={device}"));
            assert_eq!(request.max_width, NonZeroU32::new(width), "{device}");
        }
    }

    #[test]
    fn unknown_names_in_a_query_are_ignored() {
        for query in [
            "",
            "v=2",
            "utm_source=%zz&Aspect=1&a%ff=1",
            "ASPECT=16:9&pp=1",
        ] {
            assert_eq!(from_query(query), Ok(None), "{query}");
        }
        assert_eq!(parse_query("v=2&width=7&%=").max_width, NonZeroU32::new(7));
    }

    #[test]
    fn the_error_for_unknown_names_in_json_lists_them() {
        for (object, names) in [
            (json!({ "aspct": "1:1" }), "'aspct'"),
            (json!({ "width": 7, "Width": 7, "x": null }), "'Width','x'"),
            // Unknown names are reported before invalid values.
            (json!({ "width": 0, "paths": [] }), "'paths'"),
            (json!({ "": 1 }), "''"),
            (json!({ "a\"b\n<\u{1b}é": 1 }), "'a%22b%0A%3C%1B%C3%A9'"),
            (
                json!({ "x".repeat(1_000): 1 }),
                &format!("'{}'", "x".repeat(256)),
            ),
        ] {
            let text = parse_json(&object).unwrap_err().to_string();
            assert_eq!(
                text,
                format!(
                    "Unknown parameters: {names}; use aspect (or r), focal (or p, focalPoint), width, device, platform, content, allowExpansion and placeholder."
                )
            );
        }
        let object = json!({ "paths": [], "width": 7 });
        let read = from_json(object.as_object().unwrap(), &[Some("paths")]);
        assert_eq!(read, parse_json(&json!({ "width": 7 })));
        let object = json!({
            "r": "1:1", "p": "0,0", "width": 1, "platform": "instagram", "content": "portrait", "allowExpansion": true,
        });
        assert!(parse_json(&object).is_ok());
    }

    #[test]
    fn the_error_for_a_malformed_value_says_what_is_accepted() {
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
                    parse_json(&json!({ name: value })),
                    Err(error.into()),
                    "{value}"
                );
                let text = error.to_string();
                assert!(text.contains(&format!("'{name}'")), "{text}");
                assert!(text.contains(parameter.accepted()), "{text}");
            }
            for value in [json!(null), json!([]), json!({}), json!(-1), json!(1.5)] {
                assert_eq!(
                    parse_json(&json!({ name: value })),
                    Err(ParameterError::Malformed(parameter).into()),
                    "{name}: {value}"
                );
            }
        }
        assert_eq!(
            parse_json(&json!({ "width": 12_001 })),
            Err(ParameterError::Malformed(Parameter::Width).into())
        );
    }

    #[test]
    fn the_error_for_a_broken_percent_encoding_names_the_parameter() {
        for query in ["focal=%zz", "p=0.5,%ff", "%66ocal=%"] {
            let error = from_query(query).unwrap_err();
            assert_eq!(error, ParameterError::Undecodable(Parameter::Focal));
            assert!(error.to_string().contains("'focal'"), "{error}");
        }
    }

    #[test]
    fn a_parameter_given_twice_is_an_error() {
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
            parse_json(&json!({ "focal": "0,0", "p": "0,0" })),
            Err(ParameterError::Repeated(Parameter::Focal).into())
        );
    }

    #[test]
    fn conflicting_parameters_are_an_error() {
        let both = ParameterError::WidthAndDevice;
        assert_eq!(from_query("width=1&device=mobile"), Err(both));
        for query in [
            "content=portrait",
            "content=portrait&platform=twitter",
            "content=portrait&aspect=4:5",
        ] {
            let error = ParameterError::ContentWithoutInstagram;
            assert_eq!(from_query(query), Err(error), "{query}");
        }
    }

    #[test]
    fn json_accepts_focal_point_as_another_name_of_focal() {
        let read = |json: Value| from_json(json.as_object().unwrap(), &[]);
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
    fn the_texts_of_the_errors_are_pinned() {
        for (query, text) in [
            (
                "r=1",
                "The parameter 'aspect' (or 'r') takes a width and a height above 0, such as 16:9, 16-9 or 1.91:1, neither more than 1000000 times the other.",
            ),
            (
                "width=0",
                "The parameter 'width' takes a whole number of pixels from 1 to 12000.",
            ),
            (
                "focal=%",
                "The parameter 'focal' (or 'p') is not percent-encoded UTF-8; it takes x,y with each from 0 to 1, such as 0.5,0.3.",
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
                "The parameter 'content' takes portrait only with 'platform' instagram; add that, or give an 'aspect' instead.",
            ),
        ] {
            assert_eq!(from_query(query).unwrap_err().to_string(), text);
        }
    }
}
