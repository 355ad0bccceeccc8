//! HEIF: AVIF and HEIC (ISO/IEC 23008-12, <https://aomediacodec.github.io/av1-avif/>).

mod brands;
mod meta;
mod picture;
mod properties;
mod turn;

use super::byte_range::ByteRange;
use super::error::ImageError;
use super::isobmff::{Box, VERSIONED, find};
use super::outcome::{Header, Stop};
use crate::image::metadata::{Dimensions, Traits};
use brands::Brands;
use meta::Meta;
use picture::Picture;
use properties::Properties;
use turn::Turn;

/// The auxiliary types of alpha channels.
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
    // Once an alpha channel is found, the other references do not matter.
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
        density: None,
        has_profile: has_profile(&properties.of_primary),
    };
    Ok(Header {
        format,
        dimensions: Dimensions::new(width, height).ok_or(ImageError::Malformed)?,
        traits,
        is_certain: picture.is_certain,
    })
}

/// Returns `true` if a property marks its picture as the alpha channel of another one.
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

/// Returns `true` if a picture has an ICC profile (ISO/IEC 14496-12, 12.1.5). `None` if that is unknown because a property
/// is not loaded: more is never asked for because of it.
fn has_profile(properties: &[Box<'_>]) -> Option<bool> {
    let mut has_profile = Some(false);
    for Box { kind, body } in properties {
        if kind != b"colr" {
            continue;
        }
        match body.array(0) {
            Ok([b'p', b'r', b'o', b'f'] | [b'r', b'I', b'C', b'C']) => return Some(true),
            Ok(_) | Err(Stop::Error(_)) => {}
            Err(Stop::NeedMore(_)) => has_profile = None,
        }
    }
    has_profile
}

#[cfg(test)]
mod tests {
    use super::super::steps;
    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 8).unwrap();
        [&length.to_be_bytes()[..], kind, body].concat()
    }

    /// Returns an AVIF of two pictures. Picture 1 has property 1, a size of 4 by 3 pixels, this many times. Picture 2
    /// is its auxiliary picture of this type, by property 2.
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
    fn a_picture_with_more_than_32_properties_is_malformed() {
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
    fn a_file_that_is_cut_anywhere_needs_more_if_its_properties_follow_their_associations() {
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
    fn an_auxiliary_picture_is_an_alpha_channel_only_by_its_type() {
        for (auxiliary, has_alpha) in [(ALPHA[0], true), (ALPHA[1], true), (b"urn:depth", false)] {
            let file = avif(1, auxiliary);
            let traits = read(ByteRange::file(&file, 1 << 20)).unwrap().traits;
            assert_eq!(traits.has_alpha, Some(has_alpha));
        }
    }

    /// Returns an AVIF of one picture, with these indices into this list of properties.
    fn avif_with(properties: &[Vec<u8>], indices: &[u8]) -> Vec<u8> {
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
        let dimensions = read(ByteRange::file(&avif_with(properties, &indices), 1_000))?.dimensions;
        Ok((dimensions.width(), dimensions.height()))
    }

    fn ispe(width: u8, height: u8) -> Vec<u8> {
        boxed(b"ispe", &[0, 0, 0, 0, 0, 0, 0, width, 0, 0, 0, height])
    }

    /// Returns a clean aperture of four fractions: width, height and the two offsets.
    fn clap(fractions: [i32; 8]) -> Vec<u8> {
        boxed(b"clap", &fractions.map(i32::to_be_bytes).concat())
    }

    #[test]
    fn transformations_apply_in_list_order_wherever_the_size_is_in_the_list() {
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
    fn the_maximum_number_of_clean_apertures_is_within_the_step_limit() {
        let properties = [ispe(40, 24), clap([30, 1, 20, 1, 0, 1, 0, 1])];
        let file = avif_with(&properties, &[&[1][..], &[2; 31]].concat());
        let (header, steps) = steps::count(|| read(ByteRange::file(&file, 1_000)));
        assert_eq!(header.unwrap().dimensions, Dimensions::new(30, 20).unwrap());
        assert!(steps <= steps::limit(file.len()), "{steps} steps");
    }

    #[test]
    fn a_profile_is_a_color_property_of_the_primary_picture() {
        let has_profile = |color: &[u8], indices: &[u8]| {
            let file = avif_with(&[ispe(4, 3), boxed(b"colr", color)], indices);
            let header = read(ByteRange::file(&file, 1_000)).unwrap();
            header.traits.has_profile
        };
        assert_eq!(has_profile(b"prof123", &[1, 2]), Some(true));
        assert_eq!(has_profile(b"rICC123", &[1, 2]), Some(true));
        assert_eq!(has_profile(b"nclx123", &[1, 2]), Some(false));
        assert_eq!(has_profile(b"pro", &[1, 2]), Some(false));
        assert_eq!(has_profile(b"prof123", &[1]), Some(false));
    }

    #[test]
    fn a_profile_that_is_not_loaded_is_unknown_and_not_asked_for() {
        let (ispe, colr) = (ispe(4, 3), boxed(b"colr", b"prof123"));
        let ipma = boxed(b"ipma", b"\0\0\0\0\0\0\0\x01\0\x01\x02\x01\x02");
        let list = boxed(b"ipco", &[ispe, colr].concat());
        let meta = [
            b"\0\0\0\0".to_vec(),
            boxed(b"pitm", b"\0\0\0\0\0\x01"),
            boxed(b"iprp", &[ipma, list].concat()),
        ];
        let meta = boxed(b"meta", &meta.concat());
        let file = [boxed(b"ftyp", b"avif\0\0\0\0"), meta].concat();
        let traits = |length: usize| {
            let header = read(ByteRange::file(&file[..length], 1_000));
            header.unwrap().traits
        };
        assert_eq!(traits(file.len()).has_profile, Some(true));
        assert_eq!(traits(file.len() - 3).has_profile, Some(true));
        assert_eq!(traits(file.len() - 4).has_profile, None);
    }
}
