//! What a request asks for besides the metadata: a crop, and a placeholder that is drawn.

use serde_json::{Map, Value};

use super::placeholder_error::PlaceholderError;
use super::problem::Problem;
use crate::config::Config;
use crate::crop::geometry::CropRequest;
use crate::crop::params;
use crate::text::query::pairs;

/// The name of the parameter, in a query and in JSON.
const PLACEHOLDER: &str = "placeholder";

/// Its only value.
const DATA_URL: &str = "data-url";

/// The optional parts of a response.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extras {
    pub(super) crop: Option<CropRequest>,
    /// A PNG that is drawn from the ThumbHash.
    pub(super) data_url: bool,
}

impl Extras {
    /// Reads the query of a URL, without its `?`.
    ///
    /// # Errors
    /// If a parameter is invalid or repeated.
    pub(super) fn from_query(query: &str) -> Result<Self, Problem> {
        Ok(Self {
            crop: params::from_query(query)?,
            data_url: data_url(query)?,
        })
    }

    /// Reads the fields of a JSON object, except the field `other`, which the caller reads.
    ///
    /// # Errors
    /// If a field is unknown or invalid.
    pub fn from_json(object: &Map<String, Value>, other: Option<&str>) -> Result<Self, Problem> {
        let others = [Some(PLACEHOLDER), other];
        let crop = params::from_json(object, &others)?;
        let data_url = match object.get(PLACEHOLDER) {
            None => false,
            Some(Value::String(value)) if value == DATA_URL => true,
            Some(_) => return Err(PlaceholderError::Malformed.into()),
        };
        Ok(Self { crop, data_url })
    }

    /// Returns the same with a crop, which is the whole image if no other was asked for.
    #[must_use]
    pub fn with_crop(self) -> Self {
        Self {
            crop: Some(self.crop.unwrap_or_default()),
            ..self
        }
    }

    /// Checks that the settings allow what is asked for.
    ///
    /// # Errors
    /// If a placeholder is asked for, but the service makes none.
    pub(super) fn check(&self, config: &Config) -> Result<(), Problem> {
        if self.data_url && !config.placeholders.thumbhash {
            return Err(PlaceholderError::Off.into());
        }
        Ok(())
    }
}

/// Reads the parameter `placeholder`.
fn data_url(query: &str) -> Result<bool, PlaceholderError> {
    // Most queries do not have it, and are not decoded a second time.
    if !query.contains(PLACEHOLDER) && !query.contains('%') {
        return Ok(false);
    }
    let mut is_given = false;
    for pair in pairs(query) {
        match pair {
            Ok((name, _)) if name != PLACEHOLDER => {}
            Err(error) if error.parameter != PLACEHOLDER => {}
            _ if is_given => return Err(PlaceholderError::Repeated),
            Ok((_, value)) if value == DATA_URL => is_given = true,
            _ => return Err(PlaceholderError::Malformed),
        }
    }
    Ok(is_given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of_json(value: &Value) -> Result<Extras, Problem> {
        Extras::from_json(value.as_object().unwrap(), Some("paths"))
    }

    #[test]
    fn a_query_may_ask_for_a_placeholder() {
        let wants = |query| Extras::from_query(query).unwrap().data_url;
        for query in [
            "placeholder=data-url",
            "aspect=16:9&placeholder=data-url",
            "%70laceholder=data%2Durl&v=3",
        ] {
            assert!(wants(query), "{query}");
        }
        for query in [
            "",
            "v=3",
            "aspect=16:9",
            "my-placeholder=1",
            "x=placeholder",
            "x=%zz",
        ] {
            assert!(!wants(query), "{query}");
        }
        let both = Extras::from_query("aspect=16:9&placeholder=data-url").unwrap();
        assert!(both.crop.is_some());
    }

    #[test]
    fn any_other_value_and_a_repetition_are_errors_that_name_the_parameter() {
        for query in [
            "placeholder",
            "placeholder=",
            "placeholder=png",
            "placeholder=%zz",
            "placeholder=data-url&placeholder=data-url",
            "placeholder=data-url&%70laceholder=data-url",
        ] {
            let problem = Extras::from_query(query).unwrap_err();
            assert_eq!(problem.code.name(), "invalid-parameter", "{query}");
            assert!(problem.detail.contains("'placeholder'"), "{query}");
        }
    }

    #[test]
    fn json_may_ask_for_a_placeholder() {
        let wants = |value| of_json(&value).unwrap().data_url;
        assert!(wants(json!({ "paths": [], "placeholder": "data-url" })));
        assert!(!wants(json!({ "paths": [] })));
        for value in [json!("png"), json!(true), json!(null), json!(["data-url"])] {
            let problem = of_json(&json!({ "placeholder": value })).unwrap_err();
            assert!(problem.detail.contains("'placeholder'"), "{value}");
        }
        let problem = of_json(&json!({ "placeholders": "data-url" })).unwrap_err();
        assert!(problem.detail.contains("'placeholders'"));
    }

    #[test]
    fn a_placeholder_is_refused_by_a_service_that_makes_none() {
        let config = |kinds| {
            let settings = json!({ "originUrl": "https://images.test", "placeholders": kinds });
            Config::from_json(&settings).unwrap()
        };
        let extras = Extras::from_query("placeholder=data-url").unwrap();
        for kinds in [json!([]), json!(["color"])] {
            let problem = extras.check(&config(kinds)).unwrap_err();
            assert!(problem.detail.contains("setting 'placeholders'"));
            assert_eq!(Extras::default().check(&config(json!([]))), Ok(()));
        }
        assert_eq!(extras.check(&config(json!(["thumbhash"]))), Ok(()));
    }
}
