//! The placeholders of tiny pictures against independent implementations: sharp and zlib for PNGs, the npm package `thumbhash`, and
//! a straightforward average of light.
//!
//! Needs Node 20 or later, and the npm packages of the project.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]
#![cfg(not(target_family = "wasm"))]

mod node;

use std::collections::BTreeSet;
use std::f64::consts::PI;

use optimized_metadata::image::color::Color;
use optimized_metadata::image::metadata::Dimensions;
use optimized_metadata::placeholder::pixels::Pixels;
use optimized_metadata::placeholder::png::Png;
use optimized_metadata::placeholder::{average, data_url, thumbhash};
use rand::{Rng, RngExt, SeedableRng};
use rand_xorshift::XorShiftRng;
use serde_json::{Value, json};

const ORACLE: &str = include_str!("placeholder/oracle.mjs");

/// Returns the answers of Node, one for each case.
fn ask(cases: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    let output = node::run(ORACLE, &lines.join("\n"));
    let answers = output.lines().map(serde_json::from_str);
    let answers: Vec<Value> = answers.collect::<Result<_, _>>().unwrap();
    assert_eq!(answers.len(), cases.len());
    answers
}

/// Gives the cosines of this machine to Node.
///
/// The last bit of a cosine differs between machines and engines. It decides how a frequency without strength is rounded, 7.5 to 7
/// or to 8, and there are many in pictures with symmetries or a channel of one value.
fn cosines() -> Value {
    let mut pairs = Vec::new();
    for side in 1..=100_u32 {
        for (frequency, pixel) in (0..7).flat_map(|f| (0..side).map(move |pixel| (f, pixel))) {
            let step = PI / f64::from(side) * f64::from(frequency);
            let angle = step * (f64::from(pixel) + 0.5);
            pairs.push([angle, angle.cos()]);
        }
    }
    json!({ "kind": "cosines", "pairs": pairs })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn pixels(value: &Value) -> Pixels {
    let side = |name: &str| usize::try_from(value[name].as_u64().unwrap()).unwrap();
    let rgba = bytes(&value["rgba"]).as_chunks::<4>().0.to_vec();
    Pixels::new(side("width"), side("height"), rgba).unwrap()
}

fn question(pixels: &Pixels) -> Value {
    json!({
        "kind": "placeholders",
        "width": pixels.width(),
        "height": pixels.height(),
        "rgba": hex(pixels.rgba().as_flattened()),
    })
}

/// Reads the PNG of an answer as the service does, but with Node's zlib.
fn read(answer: &Value) -> Pixels {
    let png = Png::parse(&bytes(&answer["png"])).unwrap();
    let inflated = bytes(&answer["inflated"]);
    assert_eq!(png.data(), bytes(&answer["data"]));
    assert_eq!(png.inflated_bytes(), inflated.len());
    png.pixels(&inflated).unwrap()
}

fn assert_near(actual: &Pixels, expected: &Pixels, name: &str) {
    let size = |pixels: &Pixels| (pixels.width(), pixels.height());
    assert_eq!(size(actual), size(expected), "{name}");
    let pairs = actual.rgba().iter().zip(expected.rgba());
    for (at, (actual, expected)) in pairs.enumerate() {
        let mut values = actual.iter().zip(expected);
        let is_near = values.all(|(actual, expected)| actual.abs_diff(*expected) <= 1);
        assert!(is_near, "{name}, pixel {at}: {actual:?} {expected:?}");
    }
}

/// Checks the hash, the picture drawn from it and the average color.
fn assert_placeholders(picture: &Pixels, expected: &Value, name: &str) {
    let hash = thumbhash::encode(picture);
    assert_eq!(hash, bytes(&expected["hash"]), "{name}");
    let expected_picture = pixels(&expected["drawn"]);
    let (width, height) = (expected_picture.width(), expected_picture.height());
    let drawn = thumbhash::decode(&hash, width, height).unwrap();
    assert_near(&drawn, &expected_picture, name);
    match (average::color(picture), expected["color"].as_array()) {
        (None, None) => {}
        (Some(color), Some(expected)) => assert_near_color(color, expected, name),
        colors => panic!("{name}: {colors:?}"),
    }
}

fn assert_near_color(color: Color, expected: &[Value], name: &str) {
    let text = color.to_string();
    let digits = u32::from_str_radix(&text[1..], 16).unwrap();
    let values = &digits.to_be_bytes()[1..];
    let expected = expected.iter().map(|value| value.as_u64().unwrap());
    for (value, expected) in values.iter().zip(expected) {
        let distance = u64::from(*value).abs_diff(expected);
        assert!(distance <= 1, "{name}: {text}, {expected}");
    }
}

/// A picture whose color and opacity depend on `value`, a function of the position from 0 to 1.
fn picture(width: usize, height: usize, mut value: impl FnMut(f64, f64) -> [f64; 4]) -> Pixels {
    let part = |pixel: usize, side: usize| (pixel as f64 + 0.5) / side as f64;
    let positions = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let rgba = positions
        .map(|(x, y)| value(part(x, width), part(y, height)).map(|value| (value * 256.0) as u8))
        .collect();
    Pixels::new(width, height, rgba).unwrap()
}

/// Pictures of one kind each: noise, curves, one color, edges; with opacity of each kind.
fn random_picture(width: usize, height: usize, kind: usize, random: &mut XorShiftRng) -> Pixels {
    let levels: [f64; 12] = std::array::from_fn(|_| random.random());
    let (noise, opacity) = (kind % 4, kind / 4 % 5);
    picture(width, height, |x, y| {
        let wave = |level: f64| 0.5 + 0.5 * (7.0 * level * x + 5.0 * y / (level + 0.1)).sin();
        let mut color = std::array::from_fn(|channel| match noise {
            0 => random.random(),
            1 => wave(levels[channel]),
            2 => levels[channel],
            _ => f64::from(x + y * levels[channel] > 0.8),
        });
        color[3] = match opacity {
            0 => 1.0,
            1 => random.random(),
            2 => f64::from(y > levels[3]),
            3 => wave(levels[4]),
            _ => 0.0,
        };
        color
    })
}

#[test]
fn the_placeholders_of_any_picture_equal_those_of_the_reference() {
    let mut random = XorShiftRng::seed_from_u64(6);
    let mut sizes = vec![(1, 1), (1, 100), (100, 1), (100, 100), (2, 1), (100, 99)];
    for _ in 0..20 {
        sizes.push((random.random_range(1..=100), random.random_range(1..=100)));
    }
    let mut pictures = Vec::new();
    for (width, height) in sizes {
        for kind in 0..20 {
            pictures.push(random_picture(width, height, kind, &mut random));
        }
    }
    let questions = pictures.iter().map(question);
    let questions: Vec<Value> = [cosines()].into_iter().chain(questions).collect();
    let answers = ask(&questions).split_off(1);
    for (index, (pixels, expected)) in pictures.iter().zip(answers).enumerate() {
        let (width, height) = (pixels.width(), pixels.height());
        let name = format!("kind {}, {width}x{height}", index % 20);
        assert_placeholders(pixels, &expected, &name);
    }
}

#[test]
fn any_hash_is_drawn_as_by_the_reference() {
    let mut random = XorShiftRng::seed_from_u64(7);
    let hashes: Vec<[u8; 32]> = (0..200)
        .map(|_| {
            let mut hash = [0; 32];
            random.fill_bytes(&mut hash);
            // With no frequency on the shorter side, the reference draws nothing.
            hash[3] |= 1;
            hash
        })
        .collect();
    let questions: Vec<Value> = hashes
        .iter()
        .map(|hash| json!({ "kind": "drawn", "hash": hex(hash) }))
        .collect();
    for (hash, expected) in hashes.iter().zip(ask(&questions)) {
        let expected = pixels(&expected);
        let drawn = thumbhash::decode(hash, expected.width(), expected.height()).unwrap();
        assert_near(&drawn, &expected, &hex(hash));
    }
}

#[test]
fn the_tiny_pngs_of_the_samples_have_the_pixels_and_placeholders_of_the_references() {
    let samples = ask(&[cosines(), json!({ "kind": "samples" })]).remove(1);
    let samples = samples.as_array().unwrap();
    assert!(samples.len() >= 80, "{}", samples.len());
    let mut forms = BTreeSet::new();
    for sample in samples {
        let name = sample["name"].as_str().unwrap();
        let png = bytes(&sample["png"]);
        forms.insert((png[25], png[24]));
        let read = read(sample);
        assert_eq!(read, pixels(&sample["pixels"]), "{name}");
        assert_placeholders(&read, sample, name);
    }
    let all = [
        (0, 8),
        (2, 8),
        (3, 1),
        (3, 2),
        (3, 4),
        (3, 8),
        (4, 8),
        (6, 8),
    ];
    assert_eq!(forms, BTreeSet::from(all), "color types and bit depths");
}

/// A PNG of random filters, bytes, palette and transparency.
fn random_png(color_type: u8, bit_depth: u8, random: &mut XorShiftRng) -> Value {
    let (width, height): (u32, u32) = (random.random_range(1..=100), random.random_range(1..=12));
    let sides = [width, height].map(u32::to_be_bytes).concat();
    let header = [&sides[..], &[bit_depth, color_type, 0, 0, 0]].concat();
    let random_bytes = |length: usize, random: &mut XorShiftRng| {
        let mut bytes = vec![0; length];
        random.fill_bytes(&mut bytes);
        bytes
    };
    let samples = [1, 0, 3, 1, 2, 0, 4][usize::from(color_type)];
    let bits = usize::try_from(width).unwrap() * samples * usize::from(bit_depth);
    let mut rows = Vec::new();
    for _ in 0..height {
        rows.push(random.random_range(0..=4));
        rows.extend(random_bytes(bits.div_ceil(8), random));
    }
    let colors = 1_usize << bit_depth;
    let palette = (color_type == 3).then(|| hex(&random_bytes(3 * colors, random)));
    let is_transparent = random.random_bool(0.7);
    // The first pixel of a row without filter, so that the color is in the picture.
    let color = |samples: usize| {
        let first = &rows[1..=samples];
        let sample = |byte: &u8| [0, byte >> (8 - bit_depth)];
        hex(first.iter().map(sample).collect::<Vec<_>>().as_flattened())
    };
    let transparency = match color_type {
        0 if is_transparent => Some(color(1)),
        2 if is_transparent => Some(color(3)),
        3 if is_transparent => {
            let length = random.random_range(1..=colors);
            Some(hex(&random_bytes(length, random)))
        }
        _ => None,
    };
    json!({
        "kind": "png",
        "header": hex(&header),
        "palette": palette,
        "transparency": transparency,
        "rows": hex(&rows),
    })
}

#[test]
fn any_png_has_the_pixels_that_sharp_reads() {
    let forms = [0, 3].map(|color_type| [1, 2, 4, 8].map(|bit_depth| (color_type, bit_depth)));
    let forms = [forms.as_flattened(), &[(2, 8), (4, 8), (6, 8)]].concat();
    let mut random = XorShiftRng::seed_from_u64(8);
    let cases: Vec<Value> = forms
        .repeat(20)
        .into_iter()
        .map(|(color_type, bit_depth)| random_png(color_type, bit_depth, &mut random))
        .collect();
    let mut transparent = BTreeSet::new();
    for (case, answer) in cases.iter().zip(ask(&cases)) {
        let read = read(&answer);
        assert_eq!(read, pixels(&answer["pixels"]), "{case}");
        if read.rgba().iter().any(|[.., alpha]| *alpha == 0) {
            transparent.insert(bytes(&case["header"])[9]);
        }
    }
    let all = BTreeSet::from([0, 2, 3, 4, 6]);
    assert_eq!(transparent, all, "color types with transparent pixels");
}

#[test]
fn a_data_url_is_a_valid_png_of_the_drawn_picture() {
    let mut random = XorShiftRng::seed_from_u64(9);
    let images: Vec<Dimensions> = [
        (1, 1),
        (1, 10_000),
        (10_000, 1),
        (4_000, 3_000),
        (3_000, 4_001),
        (49, 48),
        (48, 47),
        (2_147_483_647, 2_147_483_646),
        (1, 2_147_483_647),
    ]
    .map(|(width, height)| Dimensions::new(width, height).unwrap())
    .to_vec();
    let mut urls = Vec::new();
    for image in images {
        for kind in [1, 5, 9, 16] {
            let hash = thumbhash::encode(&random_picture(30, 20, kind, &mut random));
            let url = data_url::from_hash(&hash, image).unwrap();
            assert!(url.len() < 4_096, "{} bytes", url.len());
            urls.push((url, hash, image, kind));
        }
    }
    let questions: Vec<Value> = urls
        .iter()
        .map(|(url, ..)| json!({ "kind": "url", "url": url }))
        .collect();
    for ((_, hash, image, kind), answer) in urls.iter().zip(ask(&questions)) {
        let read = pixels(&answer["pixels"]);
        let longer = f64::from(image.width().max(image.height()));
        let scaled = |side: u32| ((f64::from(side) * 24.0 / longer).round() as usize).max(1);
        let expected = (scaled(image.width()), scaled(image.height()));
        assert_eq!((read.width(), read.height()), expected, "{image:?}");
        let drawn = thumbhash::decode(hash, read.width(), read.height());
        assert_eq!(drawn.as_ref(), Some(&read), "{image:?}");
        assert_eq!(answer["names"], "IHDR,IDAT,IEND");
        let is_opaque = *kind == 1;
        assert_eq!(answer["colorType"], if is_opaque { 2 } else { 6 });
    }
}
