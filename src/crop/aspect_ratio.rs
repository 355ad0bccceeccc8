//! Aspect ratios: width to height.

use std::num::NonZeroU64;

use serde_json::Value;

use crate::crop::decimal::Decimal;

/// The maximum ratio of the longer side to the shorter one. A frame of this ratio around the largest image is less than
/// 2^53 pixels wide, so every JSON parser reads its size exactly.
pub const MAX_RATIO: u64 = 1_000_000;

/// A positive ratio in lowest terms, from 1:1000000 to 1000000:1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AspectRatio {
    width: NonZeroU64,
    height: NonZeroU64,
}

impl AspectRatio {
    /// Returns `None` if a side is 0, or more than [`MAX_RATIO`] times the other one.
    #[must_use]
    pub fn new(width: Decimal, height: Decimal) -> Option<Self> {
        let width = NonZeroU64::new(width.billionths())?;
        let height = NonZeroU64::new(height.billionths())?;
        let is_too_long = |long: NonZeroU64, short: NonZeroU64| {
            u128::from(long.get()) > u128::from(short.get()).saturating_mul(MAX_RATIO.into())
        };
        if is_too_long(width, height) || is_too_long(height, width) {
            return None;
        }
        let divisor = greatest_common_divisor(width, height);
        Some(Self {
            width: NonZeroU64::new(width.get() / divisor)?,
            height: NonZeroU64::new(height.get() / divisor)?,
        })
    }

    /// Reads `16:9`, `16-9` or `1.91:1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (width, height) = text.split_once([':', '-'])?;
        Self::new(Decimal::parse(width)?, Decimal::parse(height)?)
    }

    /// Reads `{"width": 16, "height": 9}`.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        Self::new(
            Decimal::from_json(value.get("width")?)?,
            Decimal::from_json(value.get("height")?)?,
        )
    }

    /// The first term: 16 in 16:9.
    #[must_use]
    pub fn width(self) -> NonZeroU64 {
        self.width
    }

    /// The second term: 9 in 16:9.
    #[must_use]
    pub fn height(self) -> NonZeroU64 {
        self.height
    }
}

fn greatest_common_divisor(a: NonZeroU64, b: NonZeroU64) -> NonZeroU64 {
    match NonZeroU64::new(a.get() % b) {
        None => b,
        Some(rest) => greatest_common_divisor(b, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn terms(ratio: Option<AspectRatio>) -> Option<(u64, u64)> {
        ratio.map(|ratio| (ratio.width().get(), ratio.height().get()))
    }

    #[test]
    fn every_notation_of_a_ratio_is_reduced_to_lowest_terms() {
        for text in ["16:9", "16-9", "32:18", "1.6:0.9", "16.0-9"] {
            assert_eq!(terms(AspectRatio::parse(text)), Some((16, 9)), "{text}");
        }
        let object = json!({ "width": 16, "height": 9 });
        assert_eq!(terms(AspectRatio::from_json(&object)), Some((16, 9)));
        assert_eq!(terms(AspectRatio::parse("1.91:1")), Some((191, 100)));
        assert_eq!(
            AspectRatio::from_json(&json!({ "width": 1.91, "height": 1 })),
            AspectRatio::parse("1.91:1")
        );
    }

    #[test]
    fn a_ratio_is_at_most_a_million_to_one() {
        assert_eq!(terms(AspectRatio::parse("1:100000")), Some((1, 100_000)));
        assert_eq!(terms(AspectRatio::parse("1000000:1")), Some((1_000_000, 1)));
        assert_eq!(AspectRatio::parse("1000000.000000001:1"), None);
        assert_eq!(AspectRatio::parse("1:1000000.000000001"), None);
        let largest = "999999999.999999999:999999999.999999998";
        assert!(AspectRatio::parse(largest).is_some());
    }

    #[test]
    fn anything_but_a_ratio_is_refused() {
        for text in [
            "", ":", "16", "16:", ":9", "0:9", "16:0", "0:0", "-16:9", "16:-9", "16::9", "16:9:1",
            "16/9", "16x9", "16 : 9", "a:b", "1e1:9",
        ] {
            assert_eq!(AspectRatio::parse(text), None, "{text:?}");
        }
        for value in [
            json!(1.5),
            json!(null),
            json!([16, 9]),
            json!({ "width": 16 }),
            json!({ "width": "16", "height": "9" }),
            json!({ "width": 0, "height": 9 }),
            json!({ "width": -16, "height": -9 }),
        ] {
            assert_eq!(AspectRatio::from_json(&value), None, "{value}");
        }
    }
}
