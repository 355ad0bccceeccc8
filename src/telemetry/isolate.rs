//! The identity of the isolate, which all of its metrics carry.
//!
//! The platform runs many isolates, starts and stops them at any time, and sends a request to any of them. Each one has
//! its own counters, so metrics of different isolates must be distinguishable.

use crate::text::hex::hex;

const TWO_TO_THE_32: f64 = 4_294_967_296.0;

/// The ID and start time of an isolate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolate {
    /// 64 random bits, as 16 hexadecimal digits.
    pub id: String,
    /// The time of its first request, in milliseconds since the epoch.
    pub started_ms: u64,
}

impl Isolate {
    /// Creates an ID from two random numbers in the range 0 to 1, excluding 1.
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
    fn every_bit_of_the_id_is_random() {
        let id = |random| Isolate::new(random, 0).id;
        assert_eq!(id([0.0, 0.0]), "0000000000000000");
        assert_eq!(id([0.5, 0.25]), "8000000040000000");
        assert_eq!(
            id([1.0 - f64::EPSILON, 1.0 - f64::EPSILON]),
            "ffffffffffffffff"
        );
    }
}
