//! The properties of pictures: the list of all properties (`ipco`), and the associations of pictures with them
//! (`ipma`).

use super::super::byte_range::ByteRange;
use super::super::error::ImageError;
use super::super::isobmff::{Box, boxes, find, item_id};
use super::super::outcome::Stop;

/// Maximum number of properties of a file; a file with more is malformed. Some dozens are usual. They take memory while
/// they are read.
const MAX_PROPERTIES: usize = 1_024;
/// The same for one picture.
const MAX_PROPERTIES_OF_PICTURE: usize = 32;

/// The properties of the primary picture and of its auxiliary pictures.
pub(super) struct Properties<'a> {
    /// In list order, the order of application.
    pub(super) of_primary: Vec<Box<'a>>,
    /// Each property once, even if several auxiliary pictures have it.
    pub(super) of_auxiliaries: Vec<Box<'a>>,
}

impl<'a> Properties<'a> {
    /// Reads an `iprp` box. Each association and each property is read once, regardless of the number of pictures.
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

/// The associations of the primary picture and its auxiliary pictures, as places in the list of properties.
struct Associations {
    of_primary: Vec<usize>,
    has_primary: bool,
    of_auxiliaries: [bool; MAX_PROPERTIES],
    /// The minimum length of the list.
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
            let owner = item_id(ipma, at, short_ids)?;
            at = at.saturating_add(if short_ids { 2 } else { 4 });
            let count = u64::from(ipma.u8(at)?);
            let length = count.saturating_mul(if wide { 2 } else { 1 });
            let indices = ipma.bytes(at.saturating_add(1), length)?;
            at = at.saturating_add(1).saturating_add(length);
            // A picture has one entry in all lists (ISO/IEC 14496-12, 8.11.14). If there are more, the first counts.
            let is_primary = owner == primary && !self.has_primary;
            self.has_primary |= is_primary;
            let is_auxiliary = auxiliaries.contains(&owner);
            if !is_primary && !is_auxiliary {
                continue;
            }
            for index in indices.chunks(if wide { 2 } else { 1 }) {
                // The highest bit marks a property that readers must understand.
                let index = match index {
                    [high, low] => u16::from_be_bytes([high & 0x7f, *low]),
                    [low] => u16::from(low & 0x7f),
                    _ => 0,
                };
                // 0 means no property.
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
