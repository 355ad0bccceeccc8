//! Reads the images of `tests/cases`: whole, and truncated at every byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]
#![cfg(not(target_family = "wasm"))]

#[path = "../fuzz/checks.rs"]
#[allow(dead_code)] // not all of them are used here
mod checks;

use std::path::Path;

use optimized_metadata::image::header::{ImageError, Limits};
use optimized_metadata::image::metadata::ImageMetadata;
use optimized_metadata::image::prefix::BodyPrefix;
use serde_json::Value;

struct Case {
    name: String,
    bytes: Vec<u8>,
    expected: Value,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let folders = root.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut cases = Vec::new();
    for folder in folders.filter(|path| path.is_dir()) {
        let list = std::fs::read(folder.join("cases.json")).unwrap();
        let list: Vec<Value> = serde_json::from_slice(&list).unwrap();
        // Every file other than the list has an entry in it.
        assert_eq!(
            folder.read_dir().unwrap().count(),
            list.len() + 1,
            "{folder:?}"
        );
        cases.extend(list.into_iter().map(|expected| {
            let name = expected["file"].as_str().unwrap().to_owned();
            let bytes = std::fs::read(folder.join(&name)).unwrap();
            Case {
                name,
                bytes,
                expected,
            }
        }));
    }
    assert!(!cases.is_empty());
    cases
}

fn read(bytes: &[u8]) -> Result<ImageMetadata, ImageError> {
    BodyPrefix::whole(Limits::default(), None, bytes).image()
}

#[test]
fn every_image_has_the_metadata_or_error_that_its_case_describes() {
    let mut wrong = Vec::new();
    for Case {
        name,
        bytes,
        expected,
    } in cases()
    {
        let outcome = read(&bytes);
        let is_right = match (&outcome, expected["refused"].as_str()) {
            (Err(error), Some(part)) => error.to_string().contains(part),
            (Ok(image), None) => {
                let found = serde_json::to_value(image).unwrap();
                let fields = expected["gives"].as_object().unwrap();
                assert!(fields.contains_key("width"), "{name}");
                fields.iter().all(|(field, value)| found[field] == *value)
            }
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{name}: {outcome:?} instead of {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_image_truncated_at_any_byte_has_its_size_or_none() {
    for Case { name, bytes, .. } in cases() {
        let whole = read(&bytes);
        for length in 0..bytes.len() {
            if let Ok(cut) = read(&bytes[..length]) {
                let whole = whole.as_ref().map(|whole| whole.dimensions);
                let is_certain = cut.confidence == "high";
                assert!(
                    whole.is_ok_and(|whole| checks::may_be_cut(cut.dimensions, is_certain, whole)),
                    "{name} truncated at {length}: {cut:?}"
                );
            }
        }
        checks::image_header(&bytes);
    }
}
