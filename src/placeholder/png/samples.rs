//! The samples of a row with one sample a pixel, of 1, 2, 4 or 8 bits (<https://www.w3.org/TR/png-3/#7Scanline>).

/// The number of bits of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BitDepth {
    One,
    Two,
    Four,
    Eight,
}

impl BitDepth {
    /// Returns `None` if there are more than 8 bits, or a number that the format does not have.
    pub(super) fn new(bits: u8) -> Option<Self> {
        Some(match bits {
            1 => Self::One,
            2 => Self::Two,
            4 => Self::Four,
            8 => Self::Eight,
            _ => return None,
        })
    }

    pub(super) fn bits(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    /// Returns the largest sample.
    pub(super) fn max(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 3,
            Self::Four => 15,
            Self::Eight => 255,
        }
    }

    /// Returns the samples of a row. Those of the last byte may be more than the row has pixels.
    pub(super) fn samples(self, row: &[u8]) -> impl Iterator<Item = u8> {
        // The first sample has the highest bits.
        let shifts: &[u8] = match self {
            Self::One => &[7, 6, 5, 4, 3, 2, 1, 0],
            Self::Two => &[6, 4, 2, 0],
            Self::Four => &[4, 0],
            Self::Eight => &[0],
        };
        row.iter()
            .flat_map(move |byte| shifts.iter().map(move |shift| byte >> shift & self.max()))
    }

    /// Scales a sample of gray to 8 bits.
    pub(super) fn gray(self, sample: u8) -> u8 {
        let factor = match self {
            Self::One => 255,
            Self::Two => 85,
            Self::Four => 17,
            Self::Eight => 1,
        };
        sample.saturating_mul(factor)
    }
}
