//! Non-negative decimal numbers. They are exact, unlike floating-point numbers.

use serde_json::Value;

/// A number from 0 to just below 10^9, in billionths. Further decimal places are rounded.
///
/// 1.91 as a user writes it is exactly 1.91 here, so the geometry can use integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(u64);

/// The maximum number of digits before the decimal point.
const MAX_WHOLE_DIGITS: usize = 9;

/// The number of digits after the decimal point.
const DECIMALS: usize = 9;

const BILLION: u64 = 1_000_000_000;

impl Decimal {
    /// 1.
    pub const ONE: Self = Self(BILLION);

    /// 1/2.
    pub const HALF: Self = Self(BILLION / 2);

    /// Returns `None` for 10^18 billionths or more.
    #[must_use]
    pub fn from_billionths(billionths: u64) -> Option<Self> {
        (billionths < BILLION.saturating_mul(BILLION)).then_some(Self(billionths))
    }

    /// Reads `16` or `1.91`: digits, and a point only between digits. Returns `None` for anything else, including a
    /// sign, an exponent, or more than nine digits before the point.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (text, ""),
        };
        let is_digit = |byte: u8| byte.is_ascii_digit();
        if !(1..=MAX_WHOLE_DIGITS).contains(&whole.len())
            || !whole.bytes().chain(fraction.bytes()).all(is_digit)
        {
            return None;
        }
        let decimals = fraction.bytes().chain(std::iter::repeat(b'0'));
        let billionths = whole
            .bytes()
            .chain(decimals.take(DECIMALS))
            .map(|digit| u64::from(digit.saturating_sub(b'0')))
            .fold(0, |sum: u64, digit| {
                sum.saturating_mul(10).saturating_add(digit)
            });
        let rounds_up = fraction.as_bytes().get(DECIMALS) >= Some(&b'5');
        Self::from_billionths(billionths.saturating_add(rounds_up.into()))
    }

    /// Reads a JSON number. Returns `None` for another type, a negative number or one that is too large.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        let billionths = (value.as_f64()? * 1e9).round();
        // The conversion is exact in this range. NaN is not in it.
        (0.0..1e18)
            .contains(&billionths)
            .then_some(Self(billionths as u64))
    }

    /// Returns the number in billionths: from 0 to just below 10^18.
    #[must_use]
    pub const fn billionths(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_decimal_is_read_exactly_as_written() {
        for (text, value, billionths) in [
            ("0", json!(0), 0),
            ("16", json!(16), 16_000_000_000),
            ("1.91", json!(1.91), 1_910_000_000),
            ("0.1", json!(0.1), 100_000_000),
            ("007.50", json!(7.5), 7_500_000_000),
            ("0.000000001", json!(1e-9), 1),
            ("999999999", json!(999_999_999), 999_999_999_000_000_000),
        ] {
            let decimal = Decimal::from_billionths(billionths);
            assert!(decimal.is_some());
            assert_eq!(Decimal::parse(text), decimal, "{text}");
            assert_eq!(Decimal::from_json(&value), decimal, "{value}");
        }
    }

    #[test]
    fn further_decimal_places_are_rounded() {
        for (text, value, billionths) in [
            ("0.3333333333333333", json!(1.0 / 3.0), 333_333_333),
            ("0.6666666666666666", json!(2.0 / 3.0), 666_666_667),
            ("0.30000000000000004", json!(0.1 + 0.2), 300_000_000),
            ("0.9999999999", json!(0.999_999_999_9), 1_000_000_000),
        ] {
            let decimal = Decimal::from_billionths(billionths);
            assert_eq!(Decimal::parse(text), decimal, "{text}");
            assert_eq!(Decimal::from_json(&value), decimal, "{value}");
        }
    }

    #[test]
    fn anything_but_a_plain_decimal_is_refused() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1,5",
            "1.2.3",
            " 1",
            "1 ",
            "0x1",
            "١",
            "NaN",
            "inf",
            "1000000000",
            "999999999.9999999999",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
        for value in [json!(-1), json!(1e9), json!(1e300), json!("1"), json!(null)] {
            assert_eq!(Decimal::from_json(&value), None, "{value}");
        }
    }
}
