//! Plain JavaScript objects, for options.

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;

/// An object with these fields.
pub(super) fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        // Setting a field of a fresh object cannot fail.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object
}
