//! GIF (<https://www.w3.org/Graphics/GIF/spec-gif89a.txt>).

use std::num::{NonZeroU8, NonZeroU32};

use super::byte_range::ByteRange;
use super::error::ImageError;
use super::outcome::{Header, Stop};
use crate::image::metadata::{ColorSpace, Format, Traits};

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;
const GRAPHIC_CONTROL: u8 = 0xf9;
const APPLICATION: u8 = 0xff;

/// The name of the application extension that has an ICC profile (ICC.1, annex B.6), after its length.
const PROFILE: &[u8] = b"\x0bICCRGBG1012";

/// Where the first block begins, if no color table precedes it.
const BLOCKS: u64 = 13;

/// Maximum initial length of an LZW code, in bits.
const MAX_CODE_BITS: u8 = 11;

/// The size is that of the screen, enlarged if the first frame extends beyond it. So the first frame must be loaded.
/// The number of frames is known once the end of the file is loaded. An animation is known from its second frame.
pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop> {
    let mut blocks = Blocks {
        at: BLOCKS.saturating_add(color_table(file.u8(10)?)),
        transparent: false,
        has_profile: false,
    };
    let frame = blocks.next_frame(file)?.ok_or(ImageError::Malformed)?;
    let side = |at: u64, place: u64| {
        let screen = u32::from(file.u16_le(at)?);
        let begin = u32::from(frame.u16_le(place)?);
        let length = u32::from(frame.u16_le(place.saturating_add(4))?);
        Ok::<_, Stop>(screen.max(begin.saturating_add(length)))
    };
    let size = (side(6, 0)?, side(8, 2)?);
    let mut frames = 1_u32;
    let is_whole = loop {
        match blocks.next_frame(file) {
            Ok(Some(_)) => frames = frames.saturating_add(1),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    let traits = Traits {
        orientation: None,
        has_alpha: (blocks.transparent || is_whole).then_some(blocks.transparent),
        animated: (frames > 1 || is_whole).then_some(frames > 1),
        frames: NonZeroU32::new(frames).filter(|_| is_whole),
        bit_depth: NonZeroU8::new(8),
        color_space: Some(ColorSpace::Rgb),
        density: None,
        has_profile: (blocks.has_profile || is_whole).then_some(blocks.has_profile),
    };
    Header::new(Format::Gif, size, traits)
}

/// A walk over the blocks of a file.
struct Blocks {
    at: u64,
    transparent: bool,
    has_profile: bool,
}

impl Blocks {
    /// Returns the position and size of the next frame, or `None` at the end of the file. Bytes between blocks that
    /// begin no block are ignored (GIF87a, appendix on extraneous data). After such bytes, a frame with an invalid code
    /// length is malformed: it is text, in which a comma looks like the start of a frame.
    fn next_frame<'a>(&mut self, file: ByteRange<'a>) -> Result<Option<ByteRange<'a>>, Stop> {
        let mut is_after_garbage = false;
        loop {
            let begin = self.at.saturating_add(1);
            match file.u8(self.at)? {
                IMAGE => {
                    let frame = file.slice(begin, 9)?;
                    let table = color_table(frame.u8(8)?);
                    // The frame is followed by its color table, the length of its codes and its pixels.
                    let codes = begin.saturating_add(9).saturating_add(table);
                    if is_after_garbage && file.u8(codes)? > MAX_CODE_BITS {
                        return Err(ImageError::Malformed.into());
                    }
                    self.at = codes.saturating_add(1);
                    self.skip_data(file);
                    return Ok(Some(frame));
                }
                EXTENSION => {
                    match file.u8(begin)? {
                        GRAPHIC_CONTROL => {
                            self.transparent |= file.u8(begin.saturating_add(2))? & 1 == 1;
                        }
                        APPLICATION if !self.has_profile => {
                            self.has_profile = is_profile(file, begin.saturating_add(1));
                        }
                        _ => {}
                    }
                    self.at = begin.saturating_add(1);
                    self.skip_data(file);
                }
                TRAILER => return Ok(None),
                _ => {
                    is_after_garbage = true;
                    self.at = begin;
                }
            }
        }
    }

    /// Skips sub-blocks, each of which follows its length, up to the empty one that ends them. If some are not loaded,
    /// stops at the first of these.
    fn skip_data(&mut self, file: ByteRange<'_>) {
        while let Ok(length) = file.u8(self.at) {
            self.at = self.at.saturating_add(1).saturating_add(length.into());
            if length == 0 {
                break;
            }
        }
    }
}

/// Returns `true` if the data of an application extension are an ICC profile. Their first byte, a length, is read alone:
/// most extensions have other lengths, and some have no data.
fn is_profile(file: ByteRange<'_>, at: u64) -> bool {
    const DATA: u64 = 12;
    file.u8(at).ok().as_ref() == PROFILE.first()
        && file.rest(at).and_then(|data| data.starts_with(PROFILE)) == Ok(true)
        && file
            .u8(at.saturating_add(DATA))
            .is_ok_and(|length| length > 0)
}

/// Returns the length of the color table that a packed field announces, in bytes.
fn color_table(packed: u8) -> u64 {
    if packed & 0x80 == 0 {
        0
    } else {
        6 << (packed & 7)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_frame_that_extends_beyond_the_screen_enlarges_the_size() {
        let size = |screen: [u8; 2], place: [u8; 2], frame: [u8; 2]| {
            let [x, y] = place;
            let mut file = b"GIF89a".to_vec();
            file.extend([screen[0], 0, screen[1], 0, 0, 0, 0]);
            file.extend([b',', x, 0, y, 0, frame[0], 0, frame[1], 0, 0, 2, 0, b';']);
            let dimensions = read(ByteRange::file(&file, 1_000)).unwrap().dimensions;
            (dimensions.width(), dimensions.height())
        };
        assert_eq!(size([4, 3], [1, 1], [2, 2]), (4, 3));
        assert_eq!(size([4, 3], [3, 1], [2, 2]), (5, 3));
        assert_eq!(size([0, 0], [0, 0], [2, 7]), (2, 7));
    }

    const START: &[u8] = b"GIF89a\x04\0\x03\0\0\0\0";
    const FRAME: &[u8] = b"\x2c\0\0\0\0\x04\0\x03\0\0\x02\x02\x44\x01\0";

    fn traits(blocks: &[&[u8]]) -> Result<Traits, Stop> {
        let file = [START, &blocks.concat()].concat();
        read(ByteRange::file(&file, 1_000)).map(|header| header.traits)
    }

    #[test]
    fn a_second_frame_makes_an_animation_and_the_end_of_the_file_the_number_of_frames() {
        let frames = |blocks: &[&[u8]]| {
            let traits = traits(blocks).unwrap();
            (traits.animated, traits.frames.map(NonZeroU32::get))
        };
        let (two, four) = (FRAME.repeat(2), FRAME.repeat(4));
        assert_eq!(frames(&[FRAME, b";"]), (Some(false), Some(1)));
        assert_eq!(frames(&[FRAME]), (None, None));
        assert_eq!(frames(&[FRAME, &FRAME[..9]]), (None, None));
        assert_eq!(frames(&[&two]), (Some(true), None));
        assert_eq!(frames(&[&two, b"\0\0", &two, b";"]), (Some(true), Some(4)));
        assert_eq!(frames(&[&four[..50]]), (Some(true), None));
    }

    #[test]
    fn bytes_between_blocks_are_ignored_unless_a_frame_after_them_is_invalid() {
        let read = |garbage: &[u8]| traits(&[garbage, FRAME, b";"]);
        for garbage in [&b"\0"[..], b"\0\0\0\0", b"\xff\x01", b"text"] {
            assert!(read(garbage).is_ok(), "{garbage:?}");
        }
        // An extension of any kind is skipped.
        assert!(read(b"\x21\x77\x02,,\0").is_ok());
        let malformed = Err(ImageError::Malformed.into());
        assert_eq!(read(b"Words, and words, and more."), malformed);
        assert_eq!(traits(&[b"\0", b";", FRAME]), malformed);
    }

    #[test]
    fn a_profile_is_known_once_it_is_found_or_the_whole_file_is_read() {
        let has_profile = |blocks: &[&[u8]]| traits(blocks).unwrap().has_profile;
        let profile = b"\x21\xff\x0bICCRGBG1012\x01,\0";
        assert_eq!(has_profile(&[FRAME, b";"]), Some(false));
        assert_eq!(has_profile(&[FRAME]), None);
        assert_eq!(has_profile(&[profile, FRAME, b";"]), Some(true));
        assert_eq!(has_profile(&[profile, FRAME]), Some(true));
        assert_eq!(has_profile(&[FRAME, profile]), Some(true));
        for other in [
            &b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"[..],
            b"\x21\xff\x0bICCRGBG1012\0",
            b"\x21\xff\0",
            b"\x21\xfe\x0bICCRGBG1012\x01,\0",
        ] {
            assert_eq!(has_profile(&[other, FRAME, b";"]), Some(false));
        }
    }
}
