//! HEIF: AVIF and HEIC (ISO/IEC 23008-12, <https://aomediacodec.github.io/av1-avif/>).

mod properties;
mod turn;

use std::num::NonZeroU8;

use super::byte_range::ByteRange;
use super::isobmff::{Box, boxes, find};
use super::{Header, ImageError, Stop};
use crate::image::metadata::{ColorSpace, Dimensions, Format, Traits};
use properties::Properties;
use turn::Turn;

/// What an auxiliary picture is when it is the alpha channel of another one.
const ALPHA: [&[u8]; 2] = [
    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
    b"urn:mpeg:hevc:2015:auxid:1",
];

pub(super) fn read(file: ByteRange<'_>) -> Result<Header, Stop> {
    let brands = Brands::read(file)?;
    let meta = find(file, 0, b"meta")?.ok_or(ImageError::Malformed)?;
    let meta = Meta::read(meta)?;
    let format = match brands.format {
        Some(format) => format,
        None => meta.format()?.ok_or(ImageError::Unknown)?,
    };
    let primary = meta.primary()?;
    let mut auxiliaries = Vec::new();
    let all_auxiliaries = meta.auxiliaries(primary, &mut auxiliaries);
    let properties = Properties::read(meta.properties, primary, &auxiliaries)?;
    let picture = Picture::read(&properties.of_primary)?;
    let mut has_alpha = false;
    for property in &properties.of_auxiliaries {
        has_alpha |= is_alpha(property)?;
    }
    // One alpha channel is enough, whatever follows it.
    if !has_alpha {
        all_auxiliaries?;
    }
    let (width, height) = picture.size;
    let traits = Traits {
        orientation: picture.turned.and_then(Turn::orientation),
        has_alpha: Some(has_alpha),
        animated: Some(brands.is_sequence),
        frames: None,
        bit_depth: picture.bit_depth,
        color_space: picture.color_space,
    };
    Ok(Header {
        format,
        dimensions: Dimensions::new(width, height).ok_or(ImageError::Malformed)?,
        traits,
        is_certain: picture.is_certain,
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
    fn read(file: ByteRange<'_>) -> Result<Self, Stop> {
        let list = find(file, 0, b"ftyp")?.ok_or(ImageError::Malformed)?;
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
            return Err(ImageError::Unknown.into());
        }
        Ok(brands)
    }
}

/// Most auxiliary pictures that belong to a picture, before a file counts as malformed: one or two are usual.
const MAX_AUXILIARIES: usize = 16;

/// The boxes that describe all pictures of the file.
struct Meta<'a> {
    primary_item: Option<ByteRange<'a>>,
    items: Option<ByteRange<'a>>,
    properties: ByteRange<'a>,
    references: Option<ByteRange<'a>>,
}

/// Where the boxes begin in a box that has a version and flags first.
const VERSIONED: u64 = 4;

impl<'a> Meta<'a> {
    /// The beginnings of all its boxes have to be there: which of them there are decides what they say. The first one
    /// of a kind counts.
    fn read(body: ByteRange<'a>) -> Result<Self, Stop> {
        let (mut primary_item, mut items, mut properties, mut references) =
            (None, None, None, None);
        for found in boxes(body, VERSIONED) {
            let Box { kind, body } = found?;
            let place = match &kind {
                b"pitm" => &mut primary_item,
                b"iinf" => &mut items,
                b"iprp" => &mut properties,
                b"iref" => &mut references,
                _ => continue,
            };
            place.get_or_insert(body);
        }
        Ok(Self {
            primary_item,
            items,
            properties: properties.ok_or(ImageError::Malformed)?,
            references,
        })
    }

    fn primary(&self) -> Result<u32, Stop> {
        let item = self.primary_item.ok_or(ImageError::Malformed)?;
        id(item, VERSIONED, item.u8(0)? == 0)
    }

    /// The format of the pictures, by how they are coded.
    fn format(&self) -> Result<Option<Format>, Stop> {
        let items = self.items.ok_or(ImageError::Malformed)?;
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

    /// Adds the auxiliary pictures of a picture, as far as they can be read.
    fn auxiliaries(&self, picture: u32, auxiliaries: &mut Vec<u32>) -> Result<(), Stop> {
        let Some(references) = self.references else {
            return Ok(());
        };
        let short_ids = references.u8(0)? == 0;
        let length = if short_ids { 2 } else { 4 };
        for reference in boxes(references, VERSIONED) {
            let Box { kind, body } = reference?;
            if kind != *b"auxl" {
                continue;
            }
            let auxiliary = id(body, 0, short_ids)?;
            for n in 0..u64::from(body.u16_be(length)?) {
                let at = length.saturating_mul(n.saturating_add(1)).saturating_add(2);
                if id(body, at, short_ids)? == picture && !auxiliaries.contains(&auxiliary) {
                    if auxiliaries.len() == MAX_AUXILIARIES {
                        return Err(ImageError::Malformed.into());
                    }
                    auxiliaries.push(auxiliary);
                }
            }
        }
        Ok(())
    }
}

/// Whether a property says that the picture that has it is the alpha channel of another one.
fn is_alpha(property: &Box<'_>) -> Result<bool, Stop> {
    if property.kind != *b"auxC" || property.body.ends_by(VERSIONED) {
        return Ok(false);
    }
    let urn = property.body.rest(VERSIONED)?;
    for alpha in ALPHA {
        if urn.starts_with(alpha)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The number of a picture.
fn id(part: ByteRange<'_>, at: u64, short: bool) -> Result<u32, Stop> {
    if short {
        part.u16_be(at).map(u32::from)
    } else {
        part.u32_be(at)
    }
}

/// The properties of a picture, applied.
struct Picture {
    /// As displayed.
    size: (u32, u32),
    turned: Option<Turn>,
    bit_depth: Option<NonZeroU8>,
    color_space: Option<ColorSpace>,
    is_certain: bool,
}

impl Picture {
    /// Descriptive properties apply to the picture as it is stored, wherever they are in the list. Transformative ones
    /// are applied in the order of the list (ISO/IEC 23008-12, 6.3 and 6.5.1).
    fn read(properties: &[Box<'_>]) -> Result<Self, Stop> {
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
            // A scaled size. No reader was found that applies it.
            b"iscl" => self.is_certain = false,
            // A list of channels that is too short is no fault of the size.
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

/// The size in `ispe`, in pixels. Several are malformed if they differ.
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

/// Returns a side of a clean aperture (ISO/IEC 14496-12, 12.1.4), whose fraction begins at `at`, of a picture of `side`
/// pixels. A fraction of a pixel is rounded to the nearest, halves up, as libheif does. An aperture has to be within the
/// picture: one that is not is cut, and the size is then not certain.
fn clean_aperture(clap: ByteRange<'_>, at: u64, side: u32) -> Result<(u32, bool), Stop> {
    let number = |at: u64| clap.u32_be(at).map(|n| i64::from(n.cast_signed()));
    let (length, unit) = (number(at)?, number(at.saturating_add(4))?);
    // From the centre of the picture to that of the aperture.
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
    use super::super::steps;
    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 8).unwrap();
        [&length.to_be_bytes()[..], kind, body].concat()
    }

    /// An AVIF whose picture 1 has property 1, its size of 4 by 3 pixels, so many times, and whose picture 2, with
    /// property 2, belongs to it as this.
    fn avif(times: u8, auxiliary: &[u8]) -> Vec<u8> {
        let ispe = boxed(b"ispe", b"\0\0\0\0\0\0\0\x04\0\0\0\x03");
        let aux_c = boxed(b"auxC", &[b"\0\0\0\0", auxiliary, b"\0"].concat());
        let first = [&[0, 1, times][..], &vec![1; times.into()]].concat();
        let ipma = [b"\0\0\0\0\0\0\0\x02", &first[..], b"\0\x02\x01\x02"].concat();
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
            read(ByteRange::file(&file, 1 << 20)).map(|header| header.dimensions)
        };
        assert_eq!(size(1), Ok(Dimensions::new(4, 3).unwrap()));
        assert_eq!(size(32), size(1));
        assert_eq!(size(33), Err(ImageError::Malformed.into()));
        assert_eq!(size(255), Err(ImageError::Malformed.into()));
        assert_eq!(size(0), Err(ImageError::Malformed.into()));
    }

    #[test]
    fn a_list_of_properties_after_its_associations_may_be_cut() {
        let ispe = boxed(b"ispe", b"\0\0\0\0\0\0\0\x04\0\0\0\x03");
        let list = boxed(b"ipco", &[boxed(b"free", &[0; 16]), ispe].concat());
        let ipma = boxed(b"ipma", b"\0\0\0\0\0\0\0\x01\0\x01\x01\x02");
        let meta = [
            b"\0\0\0\0".to_vec(),
            boxed(b"pitm", b"\0\0\0\0\0\x01"),
            boxed(b"iprp", &[ipma, list].concat()),
        ];
        let file = [
            boxed(b"ftyp", b"avif\0\0\0\0"),
            boxed(b"meta", &meta.concat()),
        ];
        let file = file.concat();
        assert!(read(ByteRange::file(&file, 1_000)).is_ok());
        for length in 0..file.len() {
            let cut = read(ByteRange::file(&file[..length], 1_000));
            assert!(matches!(cut, Err(Stop::NeedMore(_))), "{length}: {cut:?}");
        }
    }

    #[test]
    fn not_every_auxiliary_picture_is_transparency() {
        for (auxiliary, has_alpha) in [(ALPHA[0], true), (ALPHA[1], true), (b"urn:depth", false)] {
            let file = avif(1, auxiliary);
            let traits = read(ByteRange::file(&file, 1 << 20)).unwrap().traits;
            assert_eq!(traits.has_alpha, Some(has_alpha));
        }
    }

    /// An AVIF of a list of properties, of which its picture has those with these indices.
    fn with(properties: &[Vec<u8>], indices: &[u8]) -> Vec<u8> {
        let count = u8::try_from(indices.len()).unwrap();
        let ipma = [b"\0\0\0\0\0\0\0\x01\0\x01", &[count][..], indices].concat();
        let iprp = [boxed(b"ipco", &properties.concat()), boxed(b"ipma", &ipma)];
        let meta = [
            b"\0\0\0\0".to_vec(),
            boxed(b"pitm", b"\0\0\0\0\0\x01"),
            boxed(b"iprp", &iprp.concat()),
        ];
        let file = [
            boxed(b"ftyp", b"avif\0\0\0\0"),
            boxed(b"meta", &meta.concat()),
        ];
        file.concat()
    }

    fn size(properties: &[Vec<u8>]) -> Result<(u32, u32), Stop> {
        let indices: Vec<u8> = (1..).take(properties.len()).collect();
        let dimensions = read(ByteRange::file(&with(properties, &indices), 1_000))?.dimensions;
        Ok((dimensions.width(), dimensions.height()))
    }

    fn ispe(width: u8, height: u8) -> Vec<u8> {
        boxed(b"ispe", &[0, 0, 0, 0, 0, 0, 0, width, 0, 0, 0, height])
    }

    /// A clean aperture by its four fractions, of which the other two are the offsets.
    fn clap(fractions: [i32; 8]) -> Vec<u8> {
        boxed(b"clap", &fractions.map(i32::to_be_bytes).concat())
    }

    #[test]
    fn transformations_apply_in_their_order_wherever_the_size_is() {
        let (clap, irot) = (clap([30, 1, 20, 1, 0, 1, 0, 1]), boxed(b"irot", &[1]));
        for place in 0..3 {
            for (first, second, expected) in [(&clap, &irot, (20, 30)), (&irot, &clap, (24, 20))] {
                let mut properties = vec![first.clone(), second.clone()];
                properties.insert(place, ispe(40, 24));
                assert_eq!(size(&properties), Ok(expected), "{place}");
            }
        }
        let same = [ispe(4, 3), irot.clone(), ispe(4, 3)];
        assert_eq!(size(&same), Ok((3, 4)));
        for contradictory in [
            vec![ispe(4, 3), ispe(3, 4)],
            vec![ispe(4, 3), irot.clone(), ispe(3, 4)],
            vec![irot],
            vec![ispe(0, 3)],
        ] {
            assert_eq!(size(&contradictory), Err(ImageError::Malformed.into()));
        }
    }

    #[test]
    fn a_clean_aperture_is_rounded_and_within_its_picture() {
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
            // It ends where the picture does.
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

    #[test]
    fn as_many_clean_apertures_as_are_allowed_take_few_steps() {
        let properties = [ispe(40, 24), clap([30, 1, 20, 1, 0, 1, 0, 1])];
        let file = with(&properties, &[&[1][..], &[2; 31]].concat());
        let (header, steps) = steps::count(|| read(ByteRange::file(&file, 1_000)));
        assert_eq!(header.unwrap().dimensions, Dimensions::new(30, 20).unwrap());
        assert!(steps <= steps::limit(file.len()), "{steps} steps");
    }
}
