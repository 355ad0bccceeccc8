//! Parses JSON, and reads lists of it.

use serde_json::Value;

/// Parses JSON in UTF-8. Returns `None` for anything else.
///
/// All JSON is parsed here. The parser is generic: each further type of input or result would add another copy of it to
/// the Worker.
pub(crate) fn parse(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok()
}

/// Returns the elements of a list of strings. Returns `None` for any other value.
pub(crate) fn strings(value: &Value) -> Option<Vec<String>> {
    let list = value.as_array()?.iter();
    list.map(|element| element.as_str().map(str::to_owned))
        .collect()
}
