//! Focal points: the point of an image that a crop keeps.

use serde_json::Value;

use crate::crop::decimal::Decimal;

/// A point as fractions of the width and the height, each from 0 to 1. 0,0 is the upper left corner, and 1,1 the lower
/// right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FocalPoint {
    x: Decimal,
    y: Decimal,
}

impl FocalPoint {
    /// Returns `None` if a coordinate is more than 1.
    #[must_use]
    pub fn new(x: Decimal, y: Decimal) -> Option<Self> {
        (x <= Decimal::ONE && y <= Decimal::ONE).then_some(Self { x, y })
    }

    /// Reads `0.5,0.3`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (x, y) = text.split_once(',')?;
        Self::new(Decimal::parse(x)?, Decimal::parse(y)?)
    }

    /// Reads `{"x": 0.5, "y": 0.3}`.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        Self::new(
            Decimal::from_json(value.get("x")?)?,
            Decimal::from_json(value.get("y")?)?,
        )
    }

    /// The distance from the left edge, as a fraction of the width.
    #[must_use]
    pub fn x(self) -> Decimal {
        self.x
    }

    /// The distance from the upper edge, as a fraction of the height.
    #[must_use]
    pub fn y(self) -> Decimal {
        self.y
    }
}

impl Default for FocalPoint {
    /// Returns the center of the image.
    fn default() -> Self {
        Self {
            x: Decimal::HALF,
            y: Decimal::HALF,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_and_json_give_the_same_point() {
        let point = FocalPoint::parse("0.5,0.3").unwrap();
        assert_eq!(point.x().billionths(), 500_000_000);
        assert_eq!(point.y().billionths(), 300_000_000);
        let object = json!({ "x": 0.5, "y": 0.3 });
        assert_eq!(FocalPoint::from_json(&object), Some(point));
        assert_eq!(FocalPoint::parse("0.5,0.5"), Some(FocalPoint::default()));
    }

    #[test]
    fn the_corners_are_accepted_and_anything_outside_is_refused() {
        for text in ["0,0", "1,0", "0,1", "1,1", "1.0,1.000"] {
            assert!(FocalPoint::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            ",",
            "0.5",
            "0.5,",
            ",0.5",
            "1.1,0",
            "0,1.000001",
            "-0.1,0",
            "0.5;0.5",
            "0.5, 0.5",
            "0.5,0.5,0.5",
            "50%,50%",
            "NaN,0",
        ] {
            assert_eq!(FocalPoint::parse(text), None, "{text:?}");
        }
        for value in [
            json!(0.5),
            json!(null),
            json!([0.5, 0.5]),
            json!({ "x": 0.5 }),
            json!({ "x": 0.5, "y": 1.1 }),
            json!({ "x": "0.5", "y": "0.5" }),
        ] {
            assert_eq!(FocalPoint::from_json(&value), None, "{value}");
        }
    }
}
