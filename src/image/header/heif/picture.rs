//! The size and properties of a picture in a HEIF file (ISO/IEC 23008-12, 6.5).

use std::num::NonZeroU8;

use super::super::byte_range::ByteRange;
use super::super::error::ImageError;
use super::super::isobmff::Box;
use super::super::outcome::Stop;
use super::turn::Turn;
use crate::image::metadata::ColorSpace;

/// A picture with its properties applied.
pub(super) struct Picture {
    /// The displayed width and height, in pixels.
    pub(super) size: (u32, u32),
    pub(super) turned: Option<Turn>,
    pub(super) bit_depth: Option<NonZeroU8>,
    pub(super) color_space: Option<ColorSpace>,
    pub(super) is_certain: bool,
}

impl Picture {
    /// Applies a picture's properties. Descriptive ones describe the stored picture, wherever they are in the list.
    /// Transformative ones are applied in the order of the list (ISO/IEC 23008-12, 6.3 and 6.5.1).
    pub(super) fn read(properties: &[Box<'_>]) -> Result<Self, Stop> {
        let mut picture = Self {
            size: stored_size(properties)?,
            turned: None,
            bit_depth: None,
            color_space: None,
            is_certain: true,
        };
        for property in properties {
            picture.apply(property)?;
        }
        Ok(picture)
    }

    fn apply(&mut self, property: &Box<'_>) -> Result<(), Stop> {
        let body = property.body;
        let (width, height) = self.size;
        match &property.kind {
            b"clap" => {
                let (width, is_within) = clean_aperture(body, 0, width)?;
                let (height, is_also_within) = clean_aperture(body, 8, height)?;
                self.size = (width, height);
                self.is_certain &= is_within && is_also_within;
            }
            b"irot" => {
                let quarters = body.u8(0)? & 3;
                if quarters & 1 == 1 {
                    self.size = (height, width);
                }
                self.turned = Some(self.turned.unwrap_or_default().rotated(quarters));
            }
            b"imir" => {
                let left_to_right = body.u8(0)? & 1 == 1;
                self.turned = Some(self.turned.unwrap_or_default().mirrored(left_to_right));
            }
            // A scaled size. No known viewer applies it.
            b"iscl" => self.is_certain = false,
            // A list of channels that is too short does not invalidate the size.
            b"pixi" if !body.ends_by(5) => {
                self.bit_depth = NonZeroU8::new(body.u8(5)?);
                self.color_space = match body.u8(4)? {
                    1 => Some(ColorSpace::Gray),
                    3 => Some(ColorSpace::Rgb),
                    _ => None,
                };
            }
            _ => {}
        }
        Ok(())
    }
}

/// Returns the width and height in `ispe`, in pixels. Several are malformed if they differ.
fn stored_size(properties: &[Box<'_>]) -> Result<(u32, u32), Stop> {
    let mut size = None;
    for Box { kind, body } in properties {
        if kind == b"ispe" {
            let found = (body.u32_be(4)?, body.u32_be(8)?);
            if *size.get_or_insert(found) != found {
                return Err(ImageError::Malformed.into());
            }
        }
    }
    size.ok_or(ImageError::Malformed.into())
}

/// Returns a side of a clean aperture (ISO/IEC 14496-12, 12.1.4) in pixels, and whether it is within the picture. Its
/// fraction begins at `at`; `side` is the same side of the picture, in pixels.
///
/// A fraction of a pixel is rounded to the nearest, halves up, as libheif does. An aperture that extends beyond the
/// picture is cut at its edge.
fn clean_aperture(clap: ByteRange<'_>, at: u64, side: u32) -> Result<(u32, bool), Stop> {
    let number = |at: u64| clap.u32_be(at).map(|n| i64::from(n.cast_signed()));
    let (length, unit) = (number(at)?, number(at.saturating_add(4))?);
    // From the center of the picture to the center of the aperture.
    let offset_at = at.saturating_add(16);
    let (offset, offset_unit) = (number(offset_at)?, number(offset_at.saturating_add(4))?);
    if unit <= 0 || offset_unit <= 0 {
        return Err(ImageError::Malformed.into());
    }
    let rounded = |numerator: i64, denominator: i64| {
        let nearest = numerator.saturating_add(denominator >> 1);
        nearest.checked_div(denominator).unwrap_or_default()
    };
    let (length, side) = (rounded(length, unit), i64::from(side));
    let margins = side.saturating_sub(length).saturating_mul(offset_unit);
    let begin = offset.saturating_mul(2).saturating_add(margins);
    let begin = begin
        .checked_div(offset_unit.saturating_mul(2))
        .unwrap_or_default();
    let end = begin.saturating_add(length).min(side);
    let inside = end.saturating_sub(begin.max(0));
    match u32::try_from(inside) {
        Ok(pixels @ 1..) => Ok((pixels, inside == length)),
        _ => Err(ImageError::Malformed.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_aperture_is_rounded_to_pixels_and_cut_at_the_edges_of_its_picture() {
        let side = |[length, unit, offset, offset_unit]: [i32; 4], of: u32| {
            let clap = [length, unit, 0, 0, offset, offset_unit].map(i32::to_be_bytes);
            clean_aperture(ByteRange::file(&clap.concat(), 1_000), 0, of).ok()
        };
        for (fractions, expected) in [
            ([30, 1, 0, 1], Some((30, true))),
            ([30, 1, -5, 1], Some((30, true))),
            ([30, 1, 5, 1], Some((30, true))),
            ([30, 1, 6, 1], Some((29, false))),
            ([30, 1, -6, 1], Some((29, false))),
            ([60, 2, 10, 2], Some((30, true))),
            ([61, 2, 0, 1], Some((31, true))),
            // It ends at the edge of the picture.
            ([61, 2, 19, 4], Some((31, true))),
            ([91, 3, 0, 1], Some((30, true))),
            ([92, 3, 0, 1], Some((31, true))),
            ([79, 2, 0, 1], Some((40, true))),
            ([81, 2, 0, 1], Some((40, false))),
            ([60, 1, 0, 1], Some((40, false))),
            ([i32::MAX, 1, 0, 1], Some((40, false))),
            ([i32::MAX, 1, i32::MAX, 1], None),
            ([i32::MAX, i32::MAX, i32::MIN, i32::MAX], Some((1, true))),
            ([1, 1, 21, 1], None),
            ([30, 1, i32::MIN, 1], None),
            ([1, 3, 0, 1], None),
            ([0, 1, 0, 1], None),
            ([30, 0, 0, 1], None),
            ([30, 1, 0, 0], None),
            ([-30, 1, 0, 1], None),
            ([-30, -1, 0, 1], None),
            ([30, 1, 0, -1], None),
        ] {
            assert_eq!(side(fractions, 40), expected, "{fractions:?}");
        }
        assert_eq!(side([1, 1, 0, 1], 0), None);
        assert_eq!(
            side([i32::MAX, 1, 0, i32::MAX], u32::MAX),
            Some((2_147_483_647, true))
        );
    }
}
