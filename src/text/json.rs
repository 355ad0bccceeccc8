//! Parses JSON.

use serde_json::Value;

/// Parses JSON in UTF-8. Returns `None` for anything else.
///
/// All JSON is parsed here. The parser is generic: each further type of input or result would add another copy of it to
/// the Worker.
pub(crate) fn parse(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok()
}
