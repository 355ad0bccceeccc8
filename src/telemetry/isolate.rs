//! The isolate that all this runs in.
//!
//! The platform starts and ends isolates as it sees fit, many at a time, and a request goes to any
//! of them. What one has counted says nothing of the others: its numbers go by its name.

use crate::text::hex::hex;

/// One past the largest number of 32 bits.
const TWO_TO_THE_32: f64 = 4_294_967_296.0;

/// The name of an isolate, and since when it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolate {
    /// 64 random bits, as 16 hexadecimal digits.
    pub id: String,
    /// When its first request came, in milliseconds since the epoch.
    pub started_ms: u64,
}

impl Isolate {
    /// Names it by two random numbers from 0 up to, but not including, 1.
    #[must_use]
    pub fn new(random: [f64; 2], started_ms: u64) -> Self {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
        let bytes = random.map(|random| ((random * TWO_TO_THE_32) as u32).to_be_bytes());
        Self {
            id: hex(bytes.as_flattened()),
            started_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_the_name_is_random() {
        let id = |random| Isolate::new(random, 0).id;
        assert_eq!(id([0.0, 0.0]), "0000000000000000");
        assert_eq!(id([0.5, 0.25]), "8000000040000000");
        assert_eq!(
            id([1.0 - f64::EPSILON, 1.0 - f64::EPSILON]),
            "ffffffffffffffff"
        );
    }
}
