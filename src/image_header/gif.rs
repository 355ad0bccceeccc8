//! GIF (<https://www.w3.org/Graphics/GIF/spec-gif89a.txt>).

use std::num::{NonZeroU8, NonZeroU32};

use super::part::Part;
use super::{Header, NoImage, Stop, header};
use crate::metadata::{ColorSpace, Format, Traits};

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;
const GRAPHIC_CONTROL: u8 = 0xf9;

/// Where the first block begins, if there is no table of colours before it.
const BLOCKS: u64 = 13;

/// The first frame has to be there: it may be larger than the screen, which then is as large as it takes. How many more
/// there are is told where the whole file is there.
pub(super) fn read(file: Part<'_>) -> Result<Header, Stop> {
    let mut blocks = Blocks {
        at: BLOCKS.saturating_add(color_table(file.u8(10)?)),
        transparent: false,
    };
    let frame = blocks.next_frame(file)?.ok_or(NoImage::Malformed)?;
    let side = |at: u64, place: u64| {
        let screen = u32::from(file.u16_le(at)?);
        let begin = u32::from(frame.u16_le(place)?);
        let length = u32::from(frame.u16_le(place.saturating_add(4))?);
        Ok::<_, Stop>(screen.max(begin.saturating_add(length)))
    };
    let size = (side(6, 0)?, side(8, 2)?);
    let more = blocks.count_frames(file).ok();
    let frames = more.map(|more| more.saturating_add(1));
    let traits = Traits {
        orientation: None,
        has_alpha: (blocks.transparent || frames.is_some()).then_some(blocks.transparent),
        animated: frames.map(|frames| frames > 1),
        frames: frames.and_then(NonZeroU32::new),
        bit_depth: NonZeroU8::new(8),
        color_space: Some(ColorSpace::Rgb),
    };
    header(Format::Gif, size, traits)
}

/// A walk over what a file consists of.
struct Blocks {
    at: u64,
    transparent: bool,
}

impl Blocks {
    fn count_frames(&mut self, file: Part<'_>) -> Result<u32, Stop> {
        let mut frames = 0_u32;
        while self.next_frame(file)?.is_some() {
            frames = frames.saturating_add(1);
        }
        Ok(frames)
    }

    /// The place and size of the next frame; `None` at the end.
    fn next_frame<'a>(&mut self, file: Part<'a>) -> Result<Option<Part<'a>>, Stop> {
        loop {
            let begin = self.at.saturating_add(1);
            match file.u8(self.at)? {
                IMAGE => {
                    let frame = file.part(begin, 9)?;
                    // Behind it stand its colours, the size of its codes and its pixels.
                    let table = color_table(frame.u8(8)?);
                    self.at = begin.saturating_add(10).saturating_add(table);
                    self.skip_data(file);
                    return Ok(Some(frame));
                }
                EXTENSION => {
                    if file.u8(begin)? == GRAPHIC_CONTROL {
                        self.transparent |= file.u8(begin.saturating_add(2))? & 1 == 1;
                    }
                    self.at = begin.saturating_add(1);
                    self.skip_data(file);
                }
                TRAILER => return Ok(None),
                _ => return Err(NoImage::Malformed.into()),
            }
        }
    }

    /// Data stands in pieces, each behind its length, of which the last one is empty. Where they are not all there, the
    /// walk stands at the first that is not.
    fn skip_data(&mut self, file: Part<'_>) {
        while let Ok(length) = file.u8(self.at) {
            self.at = self.at.saturating_add(1).saturating_add(length.into());
            if length == 0 {
                break;
            }
        }
    }
}

/// How long the table of colours is that a packed field announces, in bytes.
fn color_table(packed: u8) -> u64 {
    if packed & 0x80 == 0 {
        0
    } else {
        6 << (packed & 7)
    }
}
