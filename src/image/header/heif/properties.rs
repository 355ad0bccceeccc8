//! Properties of pictures: the list of all of them (`ipco`), and which picture has which (`ipma`).

use super::super::byte_range::ByteRange;
use super::super::isobmff::{Box, boxes, find};
use super::super::{ImageError, Stop};
use super::id;

/// Most properties of a file and of a picture, before a file counts as malformed: some dozens are usual, and they take
/// memory while they are read.
const MAX_PROPERTIES: usize = 1_024;
const MAX_PROPERTIES_OF_PICTURE: usize = 32;

/// The properties of the pictures that count.
pub(super) struct Properties<'a> {
    /// In the order in which they apply.
    pub(super) of_primary: Vec<Box<'a>>,
    /// Each once, whichever auxiliary pictures have it.
    pub(super) of_auxiliaries: Vec<Box<'a>>,
}

impl<'a> Properties<'a> {
    /// Reads an `iprp`. Each association and each property is read once, however many pictures there are.
    pub(super) fn read(
        iprp: ByteRange<'a>,
        primary: u32,
        auxiliaries: &[u32],
    ) -> Result<Self, Stop> {
        let associations = Associations::read(iprp, primary, auxiliaries)?;
        let ipco = find(iprp, 0, b"ipco")?.ok_or(ImageError::Malformed)?;
        let all = boxes(ipco, 0)
            .take(associations.count)
            .collect::<Result<Vec<_>, _>>()?;
        if all.len() < associations.count {
            return Err(ImageError::Malformed.into());
        }
        let of_primary = associations.of_primary.iter();
        let of_auxiliaries = all.iter().zip(&associations.of_auxiliaries);
        Ok(Self {
            of_primary: of_primary
                .filter_map(|place| all.get(*place))
                .copied()
                .collect(),
            of_auxiliaries: of_auxiliaries
                .filter_map(|(property, is_used)| is_used.then_some(*property))
                .collect(),
        })
    }
}

/// Which properties count, by their places in the list.
struct Associations {
    of_primary: Vec<usize>,
    has_primary: bool,
    of_auxiliaries: [bool; MAX_PROPERTIES],
    /// How many properties there have to be.
    count: usize,
}

impl Associations {
    fn read(iprp: ByteRange<'_>, primary: u32, auxiliaries: &[u32]) -> Result<Self, Stop> {
        let mut associations = Self {
            of_primary: Vec::new(),
            has_primary: false,
            of_auxiliaries: [false; MAX_PROPERTIES],
            count: 0,
        };
        for list in boxes(iprp, 0) {
            let Box { kind, body } = list?;
            if kind == *b"ipma" {
                associations.add(body, primary, auxiliaries)?;
            }
        }
        Ok(associations)
    }

    fn add(&mut self, ipma: ByteRange<'_>, primary: u32, auxiliaries: &[u32]) -> Result<(), Stop> {
        let (short_ids, wide) = (ipma.u8(0)? == 0, ipma.u8(3)? & 1 == 1);
        let mut at = 8;
        for _ in 0..ipma.u32_be(4)? {
            let owner = id(ipma, at, short_ids)?;
            at = at.saturating_add(if short_ids { 2 } else { 4 });
            let count = u64::from(ipma.u8(at)?);
            let length = count.saturating_mul(if wide { 2 } else { 1 });
            let indices = ipma.bytes(at.saturating_add(1), length)?;
            at = at.saturating_add(1).saturating_add(length);
            // A picture has one entry in all lists (ISO/IEC 14496-12, 8.11.14): the first, if there are more.
            let is_primary = owner == primary && !self.has_primary;
            self.has_primary |= is_primary;
            let is_auxiliary = auxiliaries.contains(&owner);
            if !is_primary && !is_auxiliary {
                continue;
            }
            for index in indices.chunks(if wide { 2 } else { 1 }) {
                // The highest bit says whether a reader has to understand it.
                let index = match index {
                    [high, low] => u16::from_be_bytes([high & 0x7f, *low]),
                    [low] => u16::from(low & 0x7f),
                    _ => 0,
                };
                // 0 is not a property.
                if let Some(place) = usize::from(index).checked_sub(1) {
                    self.add_property(place, is_primary, is_auxiliary)?;
                }
            }
        }
        Ok(())
    }

    fn add_property(
        &mut self,
        place: usize,
        is_primary: bool,
        is_auxiliary: bool,
    ) -> Result<(), ImageError> {
        let is_used = self.of_auxiliaries.get_mut(place);
        *is_used.ok_or(ImageError::Malformed)? |= is_auxiliary;
        self.count = self.count.max(place.saturating_add(1));
        if is_primary {
            if self.of_primary.len() == MAX_PROPERTIES_OF_PICTURE {
                return Err(ImageError::Malformed);
            }
            self.of_primary.push(place);
        }
        Ok(())
    }
}
