//! JPEG (ITU-T T.81), with the Exif block of its APP1 segment.

use std::num::NonZeroU8;

use super::part::Part;
use super::{Header, NoImage, Stop, exif_orientation, header};
use crate::metadata::{ColorSpace, Format, Traits};

pub(super) fn read(file: Part<'_>) -> Result<Header, Stop> {
    let mut orientation = None;
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
                    orientation,
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
            0xe1 if orientation.is_none() && segment.rest(2)?.starts_with(b"Exif\0\0")? => {
                orientation = exif_orientation(segment.rest(8)?)?;
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
