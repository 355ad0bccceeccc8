//! JSON text as a value.

use serde_json::Value;

/// Reads JSON in UTF-8. `None` for anything else.
///
/// All JSON is read here: each further type of text or result would be one more copy of the parser
/// in the Worker.
pub(crate) fn parse(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok()
}
