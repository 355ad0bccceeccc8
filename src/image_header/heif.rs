//! HEIF: AVIF and HEIC (ISO/IEC 23008-12, <https://aomediacodec.github.io/av1-avif/>).

use std::num::NonZeroU8;

use super::isobmff::{Box, boxes, find};
use super::part::Part;
use super::{Header, NoImage, Stop};
use crate::metadata::{ColorSpace, Dimensions, Format, Orientation, Traits};

/// What an auxiliary picture is when it is the alpha channel of another one.
const ALPHA: [&[u8]; 2] = [
    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
    b"urn:mpeg:hevc:2015:auxid:1",
];

pub(super) fn read(file: Part<'_>) -> Result<Header, Stop> {
    let brands = Brands::read(file)?;
    let meta = find(file, 0, b"meta")?.ok_or(NoImage::Malformed)?;
    let meta = Meta::read(meta)?;
    let format = match brands.format {
        Some(format) => format,
        None => meta.format()?.ok_or(NoImage::Unknown)?,
    };
    let primary = meta.primary()?;
    let mut picture = Picture::default();
    meta.each_property(primary, &mut |property| picture.take(&property))?;
    let (width, height) = picture.size.ok_or(NoImage::Malformed)?;
    let traits = Traits {
        orientation: picture.turned.and_then(Turn::orientation),
        has_alpha: Some(meta.has_alpha(primary)?),
        animated: Some(brands.is_sequence),
        frames: None,
        bit_depth: picture.bit_depth,
        color_space: picture.color_space,
    };
    Ok(Header {
        format,
        dimensions: Dimensions::new(width, height).ok_or(NoImage::Malformed)?,
        traits,
        is_certain: true,
    })
}

/// What the file says of itself at its beginning.
struct Brands {
    /// `None` for a HEIF file that leaves it to its pictures.
    format: Option<Format>,
    /// Whether it moves.
    is_sequence: bool,
}

impl Brands {
    fn read(file: Part<'_>) -> Result<Self, Stop> {
        let list = find(file, 0, b"ftyp")?.ok_or(NoImage::Malformed)?;
        let mut brands = Self {
            format: None,
            is_sequence: false,
        };
        let mut is_heif = false;
        let mut at = 0;
        while !list.ends_by(at) {
            let format = match &list.array(at)? {
                b"avif" | b"avis" => Some(Format::Avif),
                b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => {
                    Some(Format::Heic)
                }
                b"mif1" | b"mif2" | b"miaf" | b"msf1" => {
                    is_heif = true;
                    None
                }
                _ => None,
            };
            // The first one is what the file is above all.
            if at == 0 {
                brands.is_sequence =
                    matches!(&list.array(0)?, b"avis" | b"hevc" | b"hevx" | b"msf1");
            }
            brands.format = brands.format.or(format);
            // Between the first one and the others stands a version.
            at = at.saturating_add(if at == 0 { 8 } else { 4 });
        }
        if brands.format.is_none() && !is_heif {
            // A film, or another of the many things that are made of boxes.
            return Err(NoImage::Unknown.into());
        }
        Ok(brands)
    }
}

/// Most properties of a file and of a picture, and most other pictures that belong to it, before a file counts as
/// malformed: some dozens are usual, and what comes from elsewhere must not cost more than it may.
const MAX_PROPERTIES: u16 = 1_024;
const MAX_PROPERTIES_OF_PICTURE: u32 = 64;
const MAX_AUXILIARIES: u32 = 16;

/// The box that describes all pictures of the file.
struct Meta<'a> {
    body: Part<'a>,
    properties: Part<'a>,
}

/// Where the boxes begin in a box that has a version and flags first.
const VERSIONED: u64 = 4;

impl<'a> Meta<'a> {
    /// The beginnings of all its boxes have to be there: which of them there are decides what they say.
    fn read(body: Part<'a>) -> Result<Self, Stop> {
        for found in boxes(body, VERSIONED) {
            found?;
        }
        Ok(Self {
            body,
            properties: find(body, VERSIONED, b"iprp")?.ok_or(NoImage::Malformed)?,
        })
    }

    fn primary(&self) -> Result<u32, Stop> {
        let item = find(self.body, VERSIONED, b"pitm")?.ok_or(NoImage::Malformed)?;
        id(item, VERSIONED, item.u8(0)? == 0)
    }

    /// The format of the pictures, by how they are coded.
    fn format(&self) -> Result<Option<Format>, Stop> {
        let items = find(self.body, VERSIONED, b"iinf")?.ok_or(NoImage::Malformed)?;
        let first = if items.u8(0)? == 0 { 6 } else { 8 };
        for item in boxes(items, first) {
            let Box { body, .. } = item?;
            let kind = if body.u8(0)? == 2 { 8 } else { 10 };
            match &body.array(kind)? {
                b"av01" => return Ok(Some(Format::Avif)),
                b"hvc1" => return Ok(Some(Format::Heic)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Hands out the properties of a picture, in the order in which they apply.
    fn each_property(
        &self,
        picture: u32,
        take: &mut dyn FnMut(Box<'a>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let all = find(self.properties, 0, b"ipco")?.ok_or(NoImage::Malformed)?;
        let mut left = MAX_PROPERTIES_OF_PICTURE;
        for list in boxes(self.properties, 0) {
            let Box { kind, body } = list?;
            if kind != *b"ipma" {
                continue;
            }
            let (short_ids, wide) = (body.u8(0)? == 0, body.u8(3)? & 1 == 1);
            let mut at = 8;
            for _ in 0..body.u32_be(4)? {
                let owner = id(body, at, short_ids)?;
                at = at.saturating_add(if short_ids { 2 } else { 4 });
                let count = body.u8(at)?;
                at = at.saturating_add(1);
                for _ in 0..count {
                    // The highest bit says whether a reader has to understand it.
                    let (index, length) = if wide {
                        (body.u16_be(at)? & 0x7fff, 2)
                    } else {
                        (u16::from(body.u8(at)? & 0x7f), 1)
                    };
                    at = at.saturating_add(length);
                    if owner == picture && index > 0 {
                        left = left.checked_sub(1).ok_or(NoImage::Malformed)?;
                        if index > MAX_PROPERTIES {
                            return Err(NoImage::Malformed.into());
                        }
                        let place = usize::from(index).saturating_sub(1);
                        take(boxes(all, 0).nth(place).ok_or(NoImage::Malformed)??)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether another picture is the alpha channel of this one.
    fn has_alpha(&self, picture: u32) -> Result<bool, Stop> {
        let Some(references) = find(self.body, VERSIONED, b"iref")? else {
            return Ok(false);
        };
        let short_ids = references.u8(0)? == 0;
        let length = if short_ids { 2 } else { 4 };
        let mut left = MAX_AUXILIARIES;
        for reference in boxes(references, VERSIONED) {
            let Box { kind, body } = reference?;
            if kind != *b"auxl" {
                continue;
            }
            let auxiliary = id(body, 0, short_ids)?;
            for n in 0..u64::from(body.u16_be(length)?) {
                let at = length.saturating_mul(n.saturating_add(1)).saturating_add(2);
                if id(body, at, short_ids)? == picture {
                    left = left.checked_sub(1).ok_or(NoImage::Malformed)?;
                    if self.is_alpha(auxiliary)? {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    fn is_alpha(&self, auxiliary: u32) -> Result<bool, Stop> {
        let mut is_alpha = false;
        self.each_property(auxiliary, &mut |property| {
            if property.kind == *b"auxC" {
                let urn = property.body.rest(VERSIONED)?;
                for alpha in ALPHA {
                    is_alpha |= urn.starts_with(alpha)?;
                }
            }
            Ok(())
        })?;
        Ok(is_alpha)
    }
}

/// The number of a picture.
fn id(part: Part<'_>, at: u64, short: bool) -> Result<u32, Stop> {
    if short {
        part.u16_be(at).map(u32::from)
    } else {
        part.u32_be(at)
    }
}

/// What the properties of a picture make of it.
#[derive(Default)]
struct Picture {
    /// As displayed, once all properties are taken.
    size: Option<(u32, u32)>,
    turned: Option<Turn>,
    bit_depth: Option<NonZeroU8>,
    color_space: Option<ColorSpace>,
}

impl Picture {
    fn take(&mut self, property: &Box<'_>) -> Result<(), Stop> {
        let body = property.body;
        match &property.kind {
            b"ispe" => self.size = Some((body.u32_be(4)?, body.u32_be(8)?)),
            b"clap" => {
                let side = |at: u64| {
                    let (length, unit) = (body.u32_be(at)?, body.u32_be(at.saturating_add(4))?);
                    length
                        .checked_div(unit)
                        .ok_or(Stop::from(NoImage::Malformed))
                };
                let clean = (side(0)?, side(8)?);
                let (width, height) = self.size.ok_or(NoImage::Malformed)?;
                self.size = Some((clean.0.min(width), clean.1.min(height)));
            }
            b"irot" => {
                let quarters = body.u8(0)? & 3;
                if quarters & 1 == 1 {
                    self.size = self.size.map(|(width, height)| (height, width));
                }
                self.turned = Some(self.turned.unwrap_or_default().rotated(quarters));
            }
            b"imir" => {
                let left_to_right = body.u8(0)? & 1 == 1;
                self.turned = Some(self.turned.unwrap_or_default().mirrored(left_to_right));
            }
            b"pixi" => {
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

/// How a picture is turned: mirrored from left to right or not, then by quarters to the right.
#[derive(Clone, Copy, Default)]
struct Turn {
    mirrored: bool,
    quarters: u8,
}

impl Turn {
    /// And then by quarters to the left.
    fn rotated(self, left: u8) -> Self {
        Self {
            quarters: self.quarters.wrapping_sub(left) & 3,
            ..self
        }
    }

    /// And then mirrored, from left to right or else from top to bottom.
    fn mirrored(self, left_to_right: bool) -> Self {
        let half = if left_to_right { 0 } else { 2_u8 };
        Self {
            mirrored: !self.mirrored,
            quarters: half.wrapping_sub(self.quarters) & 3,
        }
    }

    /// The same in Exif's numbers.
    fn orientation(self) -> Option<Orientation> {
        Orientation::new(match (self.mirrored, self.quarters) {
            (false, 0) => 1,
            (false, 1) => 6,
            (false, 2) => 3,
            (false, _) => 8,
            (true, 0) => 2,
            (true, 1) => 7,
            (true, 2) => 4,
            (true, _) => 5,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 8).unwrap();
        [&length.to_be_bytes()[..], kind, body].concat()
    }

    /// An AVIF whose picture 1 has property 1, its size of 4 by 3 pixels, so many times, and whose picture 2, with
    /// property 2, belongs to it as this.
    fn avif(times: u32, auxiliary: &[u8]) -> Vec<u8> {
        let ispe = boxed(b"ispe", b"\0\0\0\0\0\0\0\x04\0\0\0\x03");
        let aux_c = boxed(b"auxC", &[b"\0\0\0\0", auxiliary, b"\0"].concat());
        let first = b"\0\x01\x01\x01".repeat(usize::try_from(times).unwrap());
        let entries = (times + 1).to_be_bytes();
        let ipma = [&b"\0\0\0\0"[..], &entries, &first, b"\0\x02\x01\x02"].concat();
        let ipco = boxed(b"ipco", &[ispe, aux_c].concat());
        let auxl = boxed(b"auxl", b"\0\x02\0\x01\0\x01");
        let meta = [
            b"\0\0\0\0".to_vec(),
            boxed(b"pitm", b"\0\0\0\0\0\x01"),
            boxed(b"iprp", &[ipco, boxed(b"ipma", &ipma)].concat()),
            boxed(b"iref", &[b"\0\0\0\0".to_vec(), auxl].concat()),
        ];
        [
            boxed(b"ftyp", b"avif\0\0\0\0"),
            boxed(b"meta", &meta.concat()),
        ]
        .concat()
    }

    #[test]
    fn a_picture_of_very_many_properties_is_none() {
        let size = |times| {
            let file = avif(times, b"urn:depth");
            read(Part::file(&file, 1 << 20)).map(|header| header.dimensions)
        };
        assert_eq!(size(1), Ok(Dimensions::new(4, 3).unwrap()));
        assert_eq!(size(64), size(1));
        assert_eq!(size(65), Err(NoImage::Malformed.into()));
        assert_eq!(size(200_000), Err(NoImage::Malformed.into()));
        assert_eq!(size(0), Err(NoImage::Malformed.into()));
    }

    #[test]
    fn not_every_auxiliary_picture_is_transparency() {
        for (auxiliary, has_alpha) in [(ALPHA[0], true), (ALPHA[1], true), (b"urn:depth", false)] {
            let file = avif(1, auxiliary);
            let traits = read(Part::file(&file, 1 << 20)).unwrap().traits;
            assert_eq!(traits.has_alpha, Some(has_alpha));
        }
    }

    #[test]
    fn rotations_and_mirrors_are_one_orientation() {
        let upright = Turn::default();
        for (turn, orientation) in [
            (upright, 1),
            (upright.rotated(1), 8),
            (upright.rotated(2), 3),
            (upright.rotated(3), 6),
            (upright.mirrored(true), 2),
            (upright.mirrored(false), 4),
            (upright.rotated(1).mirrored(true), 7),
            (upright.rotated(1).mirrored(false), 5),
            (upright.rotated(2).mirrored(true), 4),
            (upright.rotated(3).mirrored(true), 5),
            (upright.rotated(3).mirrored(false), 7),
            (upright.mirrored(true).mirrored(true), 1),
            (upright.mirrored(true).mirrored(false), 3),
            (upright.mirrored(true).rotated(1).rotated(3), 2),
        ] {
            assert_eq!(turn.orientation(), Orientation::new(orientation));
        }
    }
}
