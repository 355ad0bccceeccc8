//! The density of an image, in pixels per inch.

use std::num::NonZeroU32;

/// Smallest density, in pixels per inch. It is also the smallest that sharp reports, because libvips writes 1 pixel per
/// millimeter, 25.4 per inch, if it knows no density.
pub const MIN_DENSITY: u32 = 26;

/// Largest density, in pixels per inch. It is also the largest that sharp accepts.
pub const MAX_DENSITY: u32 = 100_000;

/// Pixels per inch, from [`MIN_DENSITY`] to [`MAX_DENSITY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Density(NonZeroU32);

/// The unit of length of a density.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Inch,
    Centimeter,
    Meter,
}

impl Density {
    /// Returns `None` if it is below [`MIN_DENSITY`] or above [`MAX_DENSITY`].
    #[must_use]
    pub fn new(pixels_per_inch: u32) -> Option<Self> {
        NonZeroU32::new(pixels_per_inch)
            .filter(|density| (MIN_DENSITY..=MAX_DENSITY).contains(&density.get()))
            .map(Self)
    }

    /// Converts `pixels / divisor` per unit. Rounds to the nearest, halves up. Returns `None` if the result is out of
    /// range.
    pub(crate) fn per(unit: Unit, pixels: u32, divisor: u32) -> Option<Self> {
        // An inch is 2.54 cm.
        let (factor, parts) = match unit {
            Unit::Inch => (1, 1),
            Unit::Centimeter => (254, 100),
            Unit::Meter => (254, 10_000),
        };
        let pixels = u64::from(pixels).saturating_mul(factor);
        let divisor = u64::from(divisor).saturating_mul(parts);
        let rounded = pixels.saturating_add(divisor >> 1).checked_div(divisor)?;
        Self::new(u32::try_from(rounded).ok()?)
    }

    /// Returns the pixels per inch.
    #[must_use]
    pub fn value(self) -> u32 {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_density_is_converted_to_inches_and_rounded_to_the_nearest() {
        let per = |unit, pixels, divisor| Density::per(unit, pixels, divisor).map(Density::value);
        for (unit, pixels, divisor, expected) in [
            (Unit::Inch, 300, 1, 300),
            (Unit::Inch, 2_404, 10, 240),
            (Unit::Inch, 2_405, 10, 241),
            (Unit::Inch, 51, 2, 26),
            (Unit::Centimeter, 118, 1, 300),
            // 63.5
            (Unit::Centimeter, 25, 1, 64),
            (Unit::Meter, 2_835, 1, 72),
            (Unit::Meter, 11_811, 1, 300),
            (Unit::Inch, u32::MAX, 1 << 26, 64),
            (Unit::Inch, 100_000, 1, 100_000),
        ] {
            let found = per(unit, pixels, divisor);
            assert_eq!(found, Some(expected), "{unit:?} {pixels}/{divisor}");
        }
    }

    #[test]
    fn a_density_that_is_invalid_or_out_of_range_is_unknown() {
        for (unit, pixels, divisor) in [
            (Unit::Inch, 0, 1),
            (Unit::Inch, 0, 0),
            (Unit::Inch, 72, 0),
            (Unit::Inch, 25, 1),
            (Unit::Inch, 254, 10),
            (Unit::Meter, 1_000, 1),
            (Unit::Inch, u32::MAX, u32::MAX),
            (Unit::Inch, 100_001, 1),
            (Unit::Centimeter, u32::MAX, 1),
        ] {
            let found = Density::per(unit, pixels, divisor);
            assert_eq!(found, None, "{unit:?} {pixels}/{divisor}");
        }
        assert_eq!(Density::new(0), None);
        assert_eq!(Density::new(25), None);
        assert_eq!(Density::new(100_001), None);
    }
}
