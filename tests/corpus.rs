//! The headers of real images, made by other encoders and described by other readers: `npm run corpus`.

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
#[allow(dead_code)] // some of them are of use here
mod checks;

use std::path::{Path, PathBuf};

use optimized_metadata::image::header::{self, ImageError, Limits, steps};
use optimized_metadata::image::metadata::ImageMetadata;
use optimized_metadata::image::prefix::BodyPrefix;
use rand::{RngExt, SeedableRng};
use rand_xorshift::XorShiftRng;
use serde_json::{Value, json};

/// Files up to this size are cut at every byte.
const SMALL_BYTES: usize = 20_000;

/// A file of the corpus, and what other readers say of it.
struct Sample {
    name: String,
    bytes: Vec<u8>,
    told: Value,
}

/// What `npm run corpus` has made, if it has.
fn corpus() -> Vec<Sample> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"));
    let folder = target.join("corpus");
    let Ok(manifest) = std::fs::read(folder.join("manifest.json")) else {
        println!("skipped: there is no corpus; make it with: npm run corpus");
        return Vec::new();
    };
    let manifest: Vec<Value> = serde_json::from_slice(&manifest).unwrap();
    assert!(manifest.len() > 100, "a corpus of {}", manifest.len());
    let samples = manifest.into_iter().map(|told| {
        let name = told["file"].as_str().unwrap().to_owned();
        let bytes = std::fs::read(folder.join(&name)).unwrap();
        Sample { name, bytes, told }
    });
    samples.collect()
}

fn read(bytes: &[u8]) -> Result<ImageMetadata, ImageError> {
    let (image, steps) = steps::count(|| BodyPrefix::whole(Limits::default(), None, bytes).image());
    // A long header is looked at more than once.
    assert!(steps <= 3 * steps::limit(bytes.len()), "{steps} steps");
    image
}

/// The fields in which we differ from what the corpus says of a file. `tests/corpus/differences.json` says why.
fn differences() -> Value {
    serde_json::from_str(include_str!("corpus/differences.json")).unwrap()
}

#[test]
fn every_image_is_what_other_readers_say_of_it() {
    let mut wrong = Vec::new();
    let differences = differences();
    for Sample { name, bytes, told } in corpus() {
        let differs = |field: &str| {
            differences[&name]["fields"]
                .as_array()
                .is_some_and(|fields| fields.contains(&json!(field)))
        };
        let is_image = told["expect"].is_null();
        let refused_by = told["refused"].as_array().map_or(0, Vec::len);
        let found = match read(&bytes) {
            Ok(image) if is_image => serde_json::to_value(&image).unwrap(),
            Err(_) if !is_image || refused_by > 1 || differs("refused") => continue,
            outcome => {
                wrong.push(format!("{name}: {outcome:?} instead of {told}"));
                continue;
            }
        };
        let mut compare = |field: &str, found: &Value, told: &Value| {
            if found != told && !differs(field) {
                wrong.push(format!("{name}: {field} {found} instead of {told}"));
            }
        };
        for field in ["format", "width", "height"] {
            compare(field, &found[field], &told[field]);
        }
        let upright = |value: &Value| value.as_u64().unwrap_or(1).into();
        compare(
            "orientation",
            &upright(&found["orientation"]),
            &upright(&told["orientation"]),
        );
        // What one of them does not tell is not compared.
        for field in ["hasAlpha", "animated", "frames", "bitDepth", "colorSpace"] {
            if !found[field].is_null() && !told[field].is_null() {
                compare(field, &found[field], &told[field]);
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n{} in all",
        wrong.join("\n"),
        wrong.len()
    );
}

#[test]
fn an_image_cut_at_any_byte_has_its_size_or_none() {
    let mut cuts = 0;
    for Sample { name, bytes, .. } in corpus() {
        // That this is the right one is what the other test is about.
        let whole = match read(&bytes) {
            Ok(image) if bytes.len() <= SMALL_BYTES => image.dimensions,
            _ => continue,
        };
        for length in 0..bytes.len() {
            cuts += 1;
            match read(&bytes[..length]) {
                Ok(cut) => assert!(
                    checks::may_be_cut(cut.dimensions, cut.confidence == "high", whole),
                    "{name} cut at {length}: {cut:?}"
                ),
                Err(ImageError::HeaderTooLong) => panic!("{name} cut at {length}"),
                Err(_) => {}
            }
        }
    }
    println!("{cuts} cuts");
}

#[test]
fn an_image_that_is_read_in_ranges_has_its_size() {
    let limits = Limits {
        first: 1_024,
        ..Limits::default()
    };
    let mut jumps = 0;
    for Sample { name, bytes, .. } in corpus() {
        let whole = header::read(&bytes, limits.most);
        let (stretches, steps) = steps::count(|| checks::object(&bytes, limits, &whole));
        assert!(
            steps <= 4 * steps::limit(bytes.len()),
            "{name}: {steps} steps"
        );
        jumps += stretches - 1;
    }
    println!("{jumps} stretches apart from the beginning");
}

#[test]
fn a_spoilt_image_breaks_nothing() {
    let mut random = XorShiftRng::seed_from_u64(7);
    for Sample { bytes, .. } in corpus() {
        let mut bytes = bytes;
        bytes.truncate(SMALL_BYTES);
        for _ in 0..5 {
            let mut spoilt = bytes.clone();
            // Most of what a header says stands at the beginning.
            for _ in 0..random.random_range(1..8) {
                let most = if random.random() { 64 } else { spoilt.len() };
                let place = random.random_range(0..most.max(1));
                if let Some(byte) = spoilt.get_mut(place) {
                    *byte = random.random();
                }
            }
            checks::image_header(&spoilt);
        }
    }
}
