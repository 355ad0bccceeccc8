//! The images of `tests/cases`: whole, and cut at every byte.

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
#[allow(dead_code)] // only one of them is of use here
mod checks;

use std::path::Path;

use optimized_metadata::image::header::{ImageError, Limits};
use optimized_metadata::image::metadata::ImageMetadata;
use optimized_metadata::image::prefix::BodyPrefix;
use serde_json::Value;

struct Case {
    name: String,
    bytes: Vec<u8>,
    told: Value,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let folders = root.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut cases = Vec::new();
    for folder in folders.filter(|path| path.is_dir()) {
        let list = std::fs::read(folder.join("cases.json")).unwrap();
        let list: Vec<Value> = serde_json::from_slice(&list).unwrap();
        // Beside the list itself, each file is described.
        assert_eq!(
            folder.read_dir().unwrap().count(),
            list.len() + 1,
            "{folder:?}"
        );
        cases.extend(list.into_iter().map(|told| {
            let name = told["file"].as_str().unwrap().to_owned();
            let bytes = std::fs::read(folder.join(&name)).unwrap();
            Case { name, bytes, told }
        }));
    }
    assert!(!cases.is_empty());
    cases
}

fn read(bytes: &[u8]) -> Result<ImageMetadata, ImageError> {
    BodyPrefix::whole(Limits::default(), None, bytes).image()
}

#[test]
fn each_gives_what_its_description_says() {
    let mut wrong = Vec::new();
    for Case { name, bytes, told } in cases() {
        let outcome = read(&bytes);
        let is_right = match (&outcome, told["refused"].as_str()) {
            (Err(reason), Some(why)) => reason.to_string().contains(why),
            (Ok(image), None) => {
                let found = serde_json::to_value(image).unwrap();
                let expected = told["gives"].as_object().unwrap();
                assert!(expected.contains_key("width"), "{name}");
                expected.iter().all(|(field, value)| found[field] == *value)
            }
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{name}: {outcome:?} instead of {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cut_at_any_byte_each_has_its_size_or_none() {
    for Case { name, bytes, .. } in cases() {
        let whole = read(&bytes);
        for length in 0..bytes.len() {
            if let Ok(cut) = read(&bytes[..length]) {
                let whole = whole.as_ref().map(|whole| whole.dimensions);
                let is_certain = cut.confidence == "high";
                assert!(
                    whole.is_ok_and(|whole| checks::may_be_cut(cut.dimensions, is_certain, whole)),
                    "{name} cut at {length}: {cut:?}"
                );
            }
        }
        checks::image_header(&bytes);
    }
}
