//! The placeholders in the metadata of an image: what a page shows before the image. `placeholder` makes them.

use serde::ser::SerializeStruct;
use serde_json::Value;

use super::color::Color;
use super::thumb_hash::ThumbHash;

/// A placeholder of an image, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Placeholder<T> {
    /// It was not asked for yet, or making it has failed for now.
    #[default]
    Pending,
    /// The image can have none.
    Impossible,
    /// It was made.
    Made(T),
}

impl<T> Placeholder<T> {
    /// Returns it, if it was made.
    #[must_use]
    pub fn made(&self) -> Option<&T> {
        match self {
            Self::Made(value) => Some(value),
            Self::Pending | Self::Impossible => None,
        }
    }

    /// Reads the field of a record. An invalid one is read as a missing one: no other field depends on it.
    fn of_field(field: Option<&Value>, parse: impl FnOnce(&str) -> Option<T>) -> Self {
        match field {
            Some(Value::Null) => Self::Impossible,
            Some(Value::String(text)) => parse(text).map_or(Self::Pending, Self::Made),
            _ => Self::Pending,
        }
    }

    fn is_pending(&self) -> bool {
        matches!(self, Self::Pending)
    }
}

/// A selection of the two kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlaceholderKinds {
    /// The `ThumbHash`.
    pub thumbhash: bool,
    /// The average color.
    pub color: bool,
}

impl PlaceholderKinds {
    /// Returns the kinds with these names. Returns `None` if a name is unknown or repeated.
    #[must_use]
    pub fn named(names: &[String]) -> Option<Self> {
        let mut kinds = Self::default();
        for name in names {
            let kind = match name.as_str() {
                "thumbhash" => &mut kinds.thumbhash,
                "color" => &mut kinds.color,
                _ => return None,
            };
            if *kind {
                return None;
            }
            *kind = true;
        }
        Some(kinds)
    }

    /// Returns `true` if neither is selected.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// The placeholders of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placeholders {
    /// A blurred picture.
    pub thumbhash: Placeholder<ThumbHash>,
    /// The average color.
    pub color: Placeholder<Color>,
}

impl Placeholders {
    /// Returns those of an image that can have none of these kinds.
    #[must_use]
    pub fn impossible(kinds: PlaceholderKinds) -> Self {
        let mut placeholders = Self {
            thumbhash: Placeholder::Impossible,
            color: Placeholder::Impossible,
        };
        placeholders.retain(kinds);
        placeholders
    }

    /// Removes all but these kinds.
    pub fn retain(&mut self, kinds: PlaceholderKinds) {
        if !kinds.thumbhash {
            self.thumbhash = Placeholder::Pending;
        }
        if !kinds.color {
            self.color = Placeholder::Pending;
        }
    }

    /// Returns `true` if any of these kinds is pending.
    #[must_use]
    pub fn lacks(&self, kinds: PlaceholderKinds) -> bool {
        kinds.thumbhash && self.thumbhash.is_pending() || kinds.color && self.color.is_pending()
    }

    /// Returns `true` if either was made.
    #[must_use]
    pub fn any_made(&self) -> bool {
        self.thumbhash.made().is_some() || self.color.made().is_some()
    }

    /// Reads those of a record. `field` returns a field if the record has it.
    pub(crate) fn of_record<'a>(field: impl Fn(&'static str) -> Option<&'a Value>) -> Self {
        Self {
            thumbhash: Placeholder::of_field(field("thumbhash"), ThumbHash::parse),
            color: Placeholder::of_field(field("color"), Color::parse),
        }
    }

    /// Writes the fields of a record: `null` for one that the image cannot have, and none for one that is pending.
    pub(crate) fn write_record<S: SerializeStruct>(&self, fields: &mut S) -> Result<(), S::Error> {
        write_text(fields, "thumbhash", &self.thumbhash, true)?;
        write_text(fields, "color", &self.color, true)
    }

    /// Writes the published fields: those that were made.
    pub(crate) fn write<S: SerializeStruct>(&self, fields: &mut S) -> Result<(), S::Error> {
        write_text(fields, "thumbhash", &self.thumbhash, false)?;
        write_text(fields, "color", &self.color, false)
    }
}

fn write_text<S: SerializeStruct>(
    fields: &mut S,
    name: &'static str,
    placeholder: &Placeholder<impl ToString>,
    writes_null: bool,
) -> Result<(), S::Error> {
    match placeholder {
        Placeholder::Made(value) => fields.serialize_field(name, &value.to_string()),
        Placeholder::Impossible if writes_null => fields.serialize_field(name, &()),
        Placeholder::Impossible | Placeholder::Pending => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: PlaceholderKinds = PlaceholderKinds {
        thumbhash: true,
        color: true,
    };
    const COLOR: PlaceholderKinds = PlaceholderKinds {
        thumbhash: false,
        color: true,
    };

    #[test]
    fn an_image_lacks_what_is_selected_and_pending() {
        let mut placeholders = Placeholders {
            color: Placeholder::Made(Color::new([1, 2, 3])),
            ..Placeholders::default()
        };
        assert!(placeholders.lacks(BOTH) && !placeholders.lacks(COLOR));
        placeholders.thumbhash = Placeholder::Impossible;
        assert!(!placeholders.lacks(BOTH));
        placeholders.retain(COLOR);
        assert!(placeholders.lacks(BOTH) && !placeholders.lacks(COLOR));
        placeholders.retain(PlaceholderKinds::default());
        assert_eq!(placeholders, Placeholders::default());
        assert!(!placeholders.lacks(PlaceholderKinds::default()));
    }

    #[test]
    fn an_image_without_any_lacks_none_of_the_selected_kinds() {
        assert!(!Placeholders::impossible(BOTH).lacks(BOTH));
        let color = Placeholders::impossible(COLOR);
        assert!(!color.lacks(COLOR) && color.lacks(BOTH));
    }
}
