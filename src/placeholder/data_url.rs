//! A PNG as a `data:` URL, drawn from a ThumbHash.

use crate::image::crc32::crc32;
use crate::image::metadata::Dimensions;
use crate::placeholder::pixels::Pixels;
use crate::placeholder::thumbhash;
use crate::text::base64;

/// The longer side of the picture, in pixels. Browsers scale it up smoothly, and with it the URL has less than 4 KB.
const LONGER_SIDE: u64 = 24;

/// Draws the picture of a hash in the aspect ratio of the image. Returns `None` if the hash is too short.
#[must_use]
pub fn from_hash(hash: &[u8], image: Dimensions) -> Option<String> {
    let (width, height) = (u64::from(image.width()), u64::from(image.height()));
    let longer = width.max(height);
    let scaled = |side: u64| {
        // Rounded to the nearest pixel.
        let doubled = side.saturating_mul(LONGER_SIDE).saturating_mul(2);
        let rounded = doubled
            .saturating_add(longer)
            .checked_div(longer.saturating_mul(2))?;
        usize::try_from(rounded.max(1)).ok()
    };
    let pixels = thumbhash::decode(hash, scaled(width)?, scaled(height)?)?;
    Some(["data:image/png;base64,", &base64::encode(&png(&pixels))].concat())
}

/// Encodes a picture as a PNG. The data are not compressed: a blurred picture of this size would hardly get smaller, and a browser
/// does not care.
fn png(pixels: &Pixels) -> Vec<u8> {
    let is_opaque = pixels.rgba().iter().all(|[.., alpha]| *alpha == 255);
    let mut rows = Vec::new();
    for row in pixels.rgba().chunks(pixels.width()) {
        // No filter.
        rows.push(0);
        for [red, green, blue, alpha] in row {
            rows.extend([red, green, blue]);
            if !is_opaque {
                rows.push(*alpha);
            }
        }
    }
    let side = |side: usize| u32::try_from(side).unwrap_or_default().to_be_bytes();
    let color_type = if is_opaque { 2 } else { 6 };
    let header = [
        &side(pixels.width())[..],
        &side(pixels.height()),
        &[8, color_type, 0, 0, 0],
    ];
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    add_chunk(&mut png, *b"IHDR", &header.concat());
    add_chunk(&mut png, *b"IDAT", &zlib(&rows));
    add_chunk(&mut png, *b"IEND", &[]);
    png
}

fn add_chunk(png: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    let length = u32::try_from(content.len()).unwrap_or_default();
    png.extend(length.to_be_bytes());
    let checked = [&name[..], content].concat();
    png.extend(&checked);
    png.extend(crc32(&checked).to_be_bytes());
}

/// Wraps data as zlib does, in one block that is not compressed (RFC 1950 and section 3.2.4 of RFC 1951). There are at most 65,535
/// bytes.
fn zlib(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or_default();
    let mut zlib = vec![0x78, 0x01, 0x01];
    zlib.extend(length.to_le_bytes());
    zlib.extend((!length).to_le_bytes());
    zlib.extend(data);
    zlib.extend(adler(data).to_be_bytes());
    zlib
}

fn adler(data: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = a.wrapping_add(u32::from(*byte)) % MODULUS;
        (a, b.wrapping_add(a) % MODULUS)
    });
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placeholder::png::Png;

    fn url(hash: &[u8], width: u32, height: u32) -> String {
        from_hash(hash, Dimensions::new(width, height).unwrap()).unwrap()
    }

    /// Reads a PNG whose data are not compressed.
    fn read(png: &[u8]) -> Pixels {
        let png = Png::parse(png).unwrap();
        let (wrapper, content) = png.data().split_at(7);
        let (content, checksum) = content.split_at(content.len() - 4);
        let length = u16::try_from(content.len()).unwrap();
        let [low, high] = length.to_le_bytes();
        assert_eq!(wrapper, [0x78, 1, 1, low, high, !low, !high]);
        assert_eq!(checksum, adler(content).to_be_bytes());
        png.pixels(content).unwrap()
    }

    const OPAQUE: [u8; 32] = [0x33; 32];
    const TRANSPARENT: [u8; 32] = [0xb3; 32];

    #[test]
    fn the_longer_side_has_24_pixels_and_the_shorter_one_is_in_proportion() {
        for (width, height, expected) in [
            (1, 1, (24, 24)),
            (4_000, 3_000, (24, 18)),
            (3_000, 4_000, (18, 24)),
            (48, 47, (24, 24)),
            (48, 46, (24, 23)),
            (48, 1, (24, 1)),
            (1, 10_000, (1, 24)),
            (i32::MAX.unsigned_abs(), 1, (24, 1)),
            (i32::MAX.unsigned_abs(), i32::MAX.unsigned_abs(), (24, 24)),
        ] {
            let pixels = thumbhash::decode(&OPAQUE, expected.0, expected.1).unwrap();
            let png = png(&pixels);
            assert_eq!(read(&png), pixels);
            let digits = base64::encode(&png);
            let expected = format!("data:image/png;base64,{digits}");
            assert_eq!(url(&OPAQUE, width, height), expected, "{width}x{height}");
        }
    }

    #[test]
    fn a_url_has_less_than_4_kb_in_any_aspect_ratio() {
        let mut longest = 0;
        for ratio in (1..=100).chain([1_000, 10_000]) {
            for hash in [&OPAQUE, &TRANSPARENT] {
                for (width, height) in [(ratio, 1), (1, ratio)] {
                    longest = longest.max(url(hash, width, height).len());
                }
            }
        }
        assert_eq!(longest, 3_218);
    }

    #[test]
    fn an_opaque_picture_is_drawn_without_opacity() {
        let color_type = |hash: &[u8]| {
            let pixels = thumbhash::decode(hash, 24, 24).unwrap();
            png(&pixels)[25]
        };
        assert_eq!(color_type(&OPAQUE), 2);
        assert_eq!(color_type(&TRANSPARENT), 6);
    }

    #[test]
    fn a_hash_that_is_too_short_is_not_drawn() {
        let size = Dimensions::new(3, 2).unwrap();
        assert_eq!(from_hash(&[], size), None);
        assert_eq!(from_hash(&OPAQUE[..9], size), None);
    }

    #[test]
    fn the_checksum_has_known_values() {
        assert_eq!(adler(b""), 1);
        assert_eq!(adler(b"Wikipedia"), 0x11e6_0398);
        // Both sums exceed the modulus.
        assert_eq!(adler(&[255; 2_424]), 0xaace_6f10);
    }
}
