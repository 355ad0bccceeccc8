//! JPEG (ITU-T T.81), with the Exif block of its APP1 segment.

use std::num::NonZeroU8;

use super::part::Part;
use super::{Header, NoImage, Stop, exif_orientation, header};
use crate::metadata::{ColorSpace, Format, Traits};

pub(super) fn read(file: Part<'_>) -> Result<Header, Stop> {
    // The first Exif block counts, also where it tells no orientation.
    let mut exif = None;
    let mut at = 2;
    loop {
        let (marker, after) = next_marker(file, at)?;
        at = after;
        match marker {
            // Nothing follows these: RSTn and TEM.
            0x01 | 0xd0..=0xd7 => continue,
            // A frame, its tables, an application's segment or a comment.
            0xc0..=0xcf | 0xdb..=0xfe => {}
            // A second image, or the end, before there was a frame.
            _ => return Err(NoImage::Malformed.into()),
        }
        let length = u64::from(file.u16_be(at)?);
        let segment = file.part(at, length)?;
        match marker {
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                let size = (u32::from(segment.u16_be(5)?), u32::from(segment.u16_be(3)?));
                let (depth, components) = (segment.u8(2)?, segment.u8(7)?);
                let expected = u64::from(components).saturating_mul(3).saturating_add(8);
                if length != expected || !(2..=16).contains(&depth) {
                    return Err(NoImage::Malformed.into());
                }
                let traits = Traits {
                    orientation: exif.flatten(),
                    has_alpha: Some(false),
                    animated: Some(false),
                    frames: None,
                    bit_depth: NonZeroU8::new(depth),
                    color_space: match components {
                        1 => Some(ColorSpace::Gray),
                        3 => Some(ColorSpace::Rgb),
                        4 => Some(ColorSpace::Cmyk),
                        _ => None,
                    },
                };
                return header(Format::Jpeg, size, traits);
            }
            // The pixels begin.
            0xda => return Err(NoImage::Malformed.into()),
            0xe1 if exif.is_none() && segment.rest(2)?.starts_with(b"Exif\0\0")? => {
                exif = Some(exif_orientation(segment.rest(8)?)?);
            }
            _ => {}
        }
        // A segment's length counts its own two bytes.
        at = at.saturating_add(length.max(2));
    }
}

/// The next marker, and where it ends. What stands before it is skipped, as decoders do.
fn next_marker(file: Part<'_>, mut at: u64) -> Result<(u8, u64), Stop> {
    loop {
        let byte = file.u8(at)?;
        at = at.saturating_add(1);
        if byte != 0xff {
            continue;
        }
        // Any number of fill bytes comes before the marker's own.
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
    use super::*;

    /// A segment with an Exif block of this orientation.
    fn exif(orientation: u8) -> Vec<u8> {
        let tiff = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0";
        let segment = [
            &b"\xff\xe1\0\x22"[..],
            tiff,
            &[orientation, 0, 0, 0],
            b"\0\0\0\0",
        ];
        segment.concat()
    }

    #[test]
    fn of_several_exif_blocks_the_first_counts() {
        const FRAME: &[u8] = b"\xff\xc0\0\x0b\x08\0\x03\0\x04\x01\x01\x11\0";
        let turned = |blocks: &[u8]| {
            let blocks = blocks.iter().map(|orientation| exif(*orientation));
            let file = [
                b"\xff\xd8".to_vec(),
                blocks.collect::<Vec<_>>().concat(),
                FRAME.to_vec(),
            ];
            let header = read(Part::file(&file.concat(), 1_000)).unwrap();
            header
                .traits
                .orientation
                .map(|orientation| orientation.value())
        };
        assert_eq!(turned(&[]), None);
        assert_eq!(turned(&[6]), Some(6));
        assert_eq!(turned(&[3, 6]), Some(3));
        // As for sharp and browsers.
        assert_eq!(turned(&[0, 6]), None);
        assert_eq!(turned(&[9, 6]), None);
    }
}
