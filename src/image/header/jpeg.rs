//! JPEG (ITU-T T.81), with its JFIF and Exif segments and its ICC profile.

use std::num::NonZeroU8;

use super::byte_range::ByteRange;
use super::error::ImageError;
use super::exif::Exif;
use super::outcome::{Header, Stop};
use crate::image::density::{Density, Unit};
use crate::image::metadata::{ColorSpace, Format, Traits};

pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop> {
    let mut segments = Segments::default();
    let outcome = segments.walk(file);
    let Some(frame) = segments.frame else {
        outcome?;
        return Err(ImageError::Malformed.into());
    };
    let contradicts = matches!(outcome, Err(Stop::Error(_)));
    let is_complete = file.within_reach(outcome)?.is_some();
    let traits = Traits {
        orientation: segments.exif.orientation(),
        has_alpha: Some(false),
        animated: Some(false),
        frames: None,
        bit_depth: NonZeroU8::new(frame.depth),
        color_space: match frame.components {
            1 => Some(ColorSpace::Gray),
            3 => Some(ColorSpace::Rgb),
            4 => Some(ColorSpace::Cmyk),
            _ => None,
        },
        density: segments.exif.density().or(segments.jfif_density),
        has_profile: (is_complete || segments.has_profile).then_some(segments.has_profile),
    };
    Ok(Header {
        is_certain: !contradicts && (is_complete || segments.exif.is_seen()),
        ..Header::new(Format::Jpeg, frame.size, traits)?
    })
}

struct Frame {
    size: (u32, u32),
    depth: u8,
    components: u8,
}

/// The segments before the pixels.
#[derive(Default)]
struct Segments {
    frame: Option<Frame>,
    /// It may follow the frame.
    exif: Exif,
    jfif_density: Option<Density>,
    has_profile: bool,
}

impl Segments {
    fn walk(&mut self, file: ByteRange<'_>) -> Result<(), Stop> {
        let mut at = 2;
        loop {
            let (marker, after) = next_marker(file, at)?;
            at = after;
            match marker {
                // Markers without data: RSTn and TEM.
                0x01 | 0xd0..=0xd7 => continue,
                // The pixels begin.
                0xda => return Ok(()),
                // A frame, its tables, an application segment or a comment.
                0xc0..=0xcf | 0xdb..=0xfe => {}
                // A second image or the end of the image, before the pixels.
                _ => return Err(ImageError::Malformed.into()),
            }
            let length = u64::from(file.u16_be(at)?);
            let segment = file.slice(at, length)?;
            match marker {
                0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                    if self.frame.is_some() {
                        return Err(ImageError::Malformed.into());
                    }
                    self.frame = Some(Frame::read(segment, length)?);
                }
                // More is never asked for because of a density or profile.
                0xe0 if self.jfif_density.is_none() => {
                    self.jfif_density = jfif_density(segment).unwrap_or_default();
                }
                0xe2 => {
                    let data = segment.rest(2);
                    self.has_profile |= data.is_ok_and(is_profile);
                }
                // The sixth byte is padding of any value.
                0xe1 if length >= 8 && segment.rest(2)?.starts_with(b"Exif\0")? => {
                    self.exif.read(segment.rest(8)?)?;
                }
                _ => {}
            }
            // A segment's length includes its own two bytes, which are present even if it is 0 or 1.
            at = at.saturating_add(length.max(2));
        }
    }
}

impl Frame {
    fn read(segment: ByteRange<'_>, length: u64) -> Result<Self, Stop> {
        let size = (u32::from(segment.u16_be(5)?), u32::from(segment.u16_be(3)?));
        let (depth, components) = (segment.u8(2)?, segment.u8(7)?);
        let expected = u64::from(components).saturating_mul(3).saturating_add(8);
        if length != expected || !(2..=16).contains(&depth) {
            return Err(ImageError::Malformed.into());
        }
        Ok(Self {
            size,
            depth,
            components,
        })
    }
}

/// Returns the horizontal density in a JFIF segment (ITU-T T.871, 10.1).
fn jfif_density(segment: ByteRange<'_>) -> Result<Option<Density>, Stop> {
    if !segment.rest(2)?.starts_with(b"JFIF\0")? {
        return Ok(None);
    }
    let unit = match segment.u8(9)? {
        1 => Unit::Inch,
        2 => Unit::Centimeter,
        _ => return Ok(None),
    };
    Ok(Density::per(unit, segment.u16_be(10)?.into(), 1))
}

/// Returns `true` if an APP2 segment has a part of an ICC profile (ICC.1, annex B.4).
fn is_profile(data: ByteRange<'_>) -> bool {
    data.starts_with(b"ICC_PROFILE\0") == Ok(true)
}

/// Returns the next marker and the offset after it. Other bytes before the marker are skipped, as decoders do.
fn next_marker(file: ByteRange<'_>, mut at: u64) -> Result<(u8, u64), Stop> {
    loop {
        let byte = file.u8(at)?;
        at = at.saturating_add(1);
        if byte != 0xff {
            continue;
        }
        // Any number of fill bytes may precede the code of the marker.
        let marker = loop {
            let byte = file.u8(at)?;
            at = at.saturating_add(1);
            if byte != 0xff {
                break byte;
            }
        };
        if marker != 0 {
            return Ok((marker, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tiff::tests::{density_block, exif_block};
    use super::*;

    const FRAME: &[u8] = b"\xff\xc0\0\x0b\x08\0\x03\0\x04\x01\x01\x11\0";
    const PIXELS: &[u8] = b"\xff\xda";

    /// Returns a segment with an Exif block of this orientation.
    fn exif(orientation: u8) -> Vec<u8> {
        [&b"\xff\xe1\0\x22Exif\0\0"[..], &exif_block(orientation)].concat()
    }

    #[test]
    fn a_frame_whose_length_contradicts_its_components_is_malformed() {
        for (frame, is_valid) in [
            (b"\xff\xc0\0\x0b\x08\0\x03\0\x04\x01", true),
            (b"\xff\xc0\0\x0e\x08\0\x03\0\x04\x01", false),
            (b"\xff\xc0\0\x0b\x08\0\x03\0\x04\x02", false),
            (b"\xff\xc0\0\x0b\x01\0\x03\0\x04\x01", false),
            (b"\xff\xc4\0\x0b\x08\0\x03\0\x04\x01", false),
        ] {
            let file = [&b"\xff\xd8"[..], frame, b"\x01\x11\0\xff\xda"].concat();
            let header = read(ByteRange::file(&file, 1_000));
            assert_eq!(header.is_ok(), is_valid, "{frame:x?}");
        }
    }

    #[test]
    fn the_first_of_several_exif_blocks_counts() {
        let orientation = |blocks: &[u8]| {
            let blocks = blocks.iter().map(|orientation| exif(*orientation));
            let file = [
                b"\xff\xd8".to_vec(),
                blocks.collect::<Vec<_>>().concat(),
                FRAME.to_vec(),
                PIXELS.to_vec(),
            ];
            let header = read(ByteRange::file(&file.concat(), 1_000)).unwrap();
            header
                .traits
                .orientation
                .map(|orientation| orientation.value())
        };
        assert_eq!(orientation(&[]), None);
        assert_eq!(orientation(&[6]), Some(6));
        assert_eq!(orientation(&[3, 6]), Some(3));
        // A block with an unusable orientation is valid, so it counts.
        assert_eq!(orientation(&[0, 6]), None);
        assert_eq!(orientation(&[9, 6]), None);
    }

    #[test]
    fn an_exif_block_after_the_frame_counts() {
        let file = [b"\xff\xd8", FRAME, &exif(6), PIXELS].concat();
        let header = read(ByteRange::file(&file, 1_000)).unwrap();
        assert_eq!((header.dimensions.width(), header.is_certain), (3, true));
        // If it may be out of reach, the size is not certain.
        let far = [b"\xff\xd8", FRAME, b"\xff\xe2\xff\xff"].concat();
        let header = read(ByteRange::file(&far, 1_000)).unwrap();
        assert_eq!((header.dimensions.width(), header.is_certain), (4, false));
        let near = [b"\xff\xd8", FRAME, b"\xff\xe2\0\x20"].concat();
        assert!(matches!(
            read(ByteRange::file(&near, 1_000)),
            Err(Stop::NeedMore(_))
        ));
    }

    fn traits(segments: &[&[u8]]) -> Traits {
        let file = [b"\xff\xd8", &segments.concat()[..], FRAME, PIXELS].concat();
        read(ByteRange::file(&file, 1_000)).unwrap().traits
    }

    fn jfif(unit: u8, x: u16, y: u16) -> Vec<u8> {
        let density = [x, y].map(u16::to_be_bytes).concat();
        [
            &b"\xff\xe0\0\x10JFIF\0\x01\x02"[..],
            &[unit],
            &density,
            &[0, 0],
        ]
        .concat()
    }

    #[test]
    fn the_density_is_that_of_the_exif_block_or_else_that_of_the_jfif_segment() {
        let density = |segments: &[&[u8]]| traits(segments).density.map(Density::value);
        for (jfif, expected) in [
            (jfif(1, 300, 150), Some(300)),
            (jfif(2, 118, 1), Some(300)),
            (jfif(0, 300, 300), None),
            (jfif(3, 300, 300), None),
            (jfif(1, 0, 300), None),
            (jfif(1, 1, 1), None),
            (jfif(2, 1, 1), None),
            (
                b"\xff\xe0\0\x10JFXX\0\x01\x02\x01\0\x48\0\x48\0\0".to_vec(),
                None,
            ),
            (b"\xff\xe0\0\x0aJFIF\0\x01\x02\x01".to_vec(), None),
        ] {
            assert_eq!(density(&[&jfif]), expected, "{jfif:x?}");
        }
        let exif = |pixels, unit| {
            let block = density_block((pixels, 1), unit);
            let length = u8::try_from(block.len() + 8).unwrap();
            [&[0xff, 0xe1, 0, length][..], b"Exif\0\0", &block].concat()
        };
        let jfif = jfif(1, 72, 72);
        assert_eq!(density(&[&jfif, &exif(240, 2)]), Some(240));
        assert_eq!(density(&[&exif(240, 2), &jfif]), Some(240));
        // An unusable one does not hide the other.
        assert_eq!(density(&[&jfif, &exif(240, 1)]), Some(72));
        assert_eq!(density(&[&jfif, &exif(0, 2)]), Some(72));
    }

    #[test]
    fn a_profile_is_known_once_it_is_found_or_the_pixels_begin() {
        let profile = b"\xff\xe2\0\x11ICC_PROFILE\0\x01\x01\0";
        assert_eq!(traits(&[]).has_profile, Some(false));
        assert_eq!(traits(&[profile]).has_profile, Some(true));
        let others: [&[u8]; 2] = [b"\xff\xe2\0\x06MPF\0", b"\xff\xe2\0\x02"];
        assert_eq!(traits(&others).has_profile, Some(false));
        let far = b"\xff\xfe\xff\xff";
        for (profile, expected) in [(&profile[..], Some(true)), (b"", None)] {
            let file = [b"\xff\xd8", FRAME, profile, far].concat();
            let header = read(ByteRange::file(&file, 1_000)).unwrap();
            assert_eq!(header.traits.has_profile, expected);
        }
    }
}
