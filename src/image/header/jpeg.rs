//! JPEG (ITU-T T.81), with the Exif block of its APP1 segment.

use std::num::NonZeroU8;

use super::byte_range::ByteRange;
use super::exif::Exif;
use super::{Header, ImageError, Stop, header};
use crate::image::metadata::{ColorSpace, Format, Traits};

pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop> {
    let mut segments = Segments::default();
    let walked = segments.walk(file);
    let Some(frame) = segments.frame else {
        walked?;
        return Err(ImageError::Malformed.into());
    };
    let contradicts = matches!(walked, Err(Stop::Refused(_)));
    let is_complete = file.within_reach(walked)?.is_some();
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
    };
    Ok(Header {
        is_certain: !contradicts && (is_complete || segments.exif.is_seen()),
        ..header(Format::Jpeg, frame.size, traits)?
    })
}

struct Frame {
    size: (u32, u32),
    depth: u8,
    components: u8,
}

/// What the segments in front of the pixels tell.
#[derive(Default)]
struct Segments {
    frame: Option<Frame>,
    /// It may stand behind the frame.
    exif: Exif,
}

impl Segments {
    fn walk(&mut self, file: ByteRange<'_>) -> Result<(), Stop> {
        let mut at = 2;
        loop {
            let (marker, after) = next_marker(file, at)?;
            at = after;
            match marker {
                // Nothing follows these: RSTn and TEM.
                0x01 | 0xd0..=0xd7 => continue,
                // The pixels begin.
                0xda => return Ok(()),
                // A frame, its tables, an application's segment or a comment.
                0xc0..=0xcf | 0xdb..=0xfe => {}
                // A second image, or the end, before there were pixels.
                _ => return Err(ImageError::Malformed.into()),
            }
            let length = u64::from(file.u16_be(at)?);
            let segment = file.part(at, length)?;
            match marker {
                0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                    if self.frame.is_some() {
                        return Err(ImageError::Malformed.into());
                    }
                    self.frame = Some(Frame::read(segment, length)?);
                }
                // The sixth byte is padding of any value.
                0xe1 if length >= 8 && segment.rest(2)?.starts_with(b"Exif\0")? => {
                    self.exif.read(segment.rest(8)?)?;
                }
                _ => {}
            }
            // A segment's length counts its own two bytes, which are there even if it is 0 or 1.
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

/// The next marker, and where it ends. What stands before it is skipped, as decoders do.
fn next_marker(file: ByteRange<'_>, mut at: u64) -> Result<(u8, u64), Stop> {
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
    use super::super::exif::tests::block;
    use super::*;

    const FRAME: &[u8] = b"\xff\xc0\0\x0b\x08\0\x03\0\x04\x01\x01\x11\0";
    const PIXELS: &[u8] = b"\xff\xda";

    /// A segment with an Exif block of this orientation.
    fn exif(orientation: u8) -> Vec<u8> {
        [&b"\xff\xe1\0\x22Exif\0\0"[..], &block(orientation)].concat()
    }

    #[test]
    fn a_frame_is_as_long_as_its_components_make_it() {
        for (frame, is_one) in [
            (b"\xff\xc0\0\x0b\x08\0\x03\0\x04\x01", true),
            (b"\xff\xc0\0\x0e\x08\0\x03\0\x04\x01", false),
            (b"\xff\xc0\0\x0b\x08\0\x03\0\x04\x02", false),
            (b"\xff\xc0\0\x0b\x01\0\x03\0\x04\x01", false),
            (b"\xff\xc4\0\x0b\x08\0\x03\0\x04\x01", false),
        ] {
            let file = [&b"\xff\xd8"[..], frame, b"\x01\x11\0\xff\xda"].concat();
            let header = read(ByteRange::file(&file, 1_000));
            assert_eq!(header.is_ok(), is_one, "{frame:x?}");
        }
    }

    #[test]
    fn of_several_exif_blocks_the_first_counts() {
        let turned = |blocks: &[u8]| {
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
        assert_eq!(turned(&[]), None);
        assert_eq!(turned(&[6]), Some(6));
        assert_eq!(turned(&[3, 6]), Some(3));
        // Such a block can be read, so it counts.
        assert_eq!(turned(&[0, 6]), None);
        assert_eq!(turned(&[9, 6]), None);
    }

    #[test]
    fn an_exif_block_counts_behind_the_frame_as_well() {
        let file = [b"\xff\xd8", FRAME, &exif(6), PIXELS].concat();
        let header = read(ByteRange::file(&file, 1_000)).unwrap();
        assert_eq!((header.dimensions.width(), header.is_certain), (3, true));
        // It may be out of reach.
        let far = [b"\xff\xd8", FRAME, b"\xff\xe2\xff\xff"].concat();
        let header = read(ByteRange::file(&far, 1_000)).unwrap();
        assert_eq!((header.dimensions.width(), header.is_certain), (4, false));
        let near = [b"\xff\xd8", FRAME, b"\xff\xe2\0\x20"].concat();
        assert!(matches!(
            read(ByteRange::file(&near, 1_000)),
            Err(Stop::NeedMore(_))
        ));
    }
}
