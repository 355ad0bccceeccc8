//! The samples of a row with one sample a pixel, of 1, 2, 4 or 8 bits (<https://www.w3.org/TR/png-3/#7Scanline>).

/// The number of bits of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BitDepth(u8);

impl BitDepth {
    /// Returns `None` if there are more than 8 bits, or a number that the format does not have.
    pub(super) fn new(bits: u8) -> Option<Self> {
        matches!(bits, 1 | 2 | 4 | 8).then_some(Self(bits))
    }

    pub(super) fn bits(self) -> usize {
        self.0.into()
    }

    /// Returns the largest sample.
    pub(super) fn max(self) -> u8 {
        match self.0 {
            1 => 1,
            2 => 3,
            4 => 15,
            _ => 255,
        }
    }

    /// Returns the samples of a row. Those of the last byte may be more than the row has pixels.
    pub(super) fn samples(self, row: &[u8]) -> impl Iterator<Item = u8> {
        let depth = u32::from(self.0);
        // The first sample has the highest bits.
        let shifts = (0..8 / depth)
            .rev()
            .map(move |place| place.saturating_mul(depth));
        row.iter().flat_map(move |byte| {
            let shifted = move |shift| byte.checked_shr(shift).unwrap_or(0);
            shifts.clone().map(move |shift| shifted(shift) & self.max())
        })
    }

    /// Scales a sample of gray to 8 bits.
    pub(super) fn gray(self, sample: u8) -> u8 {
        sample.saturating_mul(255 / self.max())
    }
}
