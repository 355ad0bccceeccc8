//! Rotations and mirrorings of a picture.

use crate::image::metadata::Orientation;

/// A mirroring from left to right or none, followed by a rotation in quarter turns to the right.
#[derive(Clone, Copy, Default)]
pub(super) struct Turn {
    mirrored: bool,
    quarters: u8,
}

impl Turn {
    /// Adds a rotation by quarter turns to the left.
    pub(super) fn rotated(self, left: u8) -> Self {
        Self {
            quarters: self.quarters.wrapping_sub(left) & 3,
            ..self
        }
    }

    /// Adds a mirroring, from left to right or else from top to bottom.
    pub(super) fn mirrored(self, left_to_right: bool) -> Self {
        let half = if left_to_right { 0 } else { 2_u8 };
        Self {
            mirrored: !self.mirrored,
            quarters: half.wrapping_sub(self.quarters) & 3,
        }
    }

    /// Returns the equivalent Exif orientation.
    pub(super) fn orientation(self) -> Option<Orientation> {
        Orientation::new(match (self.mirrored, self.quarters) {
            (false, 0) => 1,
            (false, 1) => 6,
            (false, 2) => 3,
            (false, _) => 8,
            (true, 0) => 2,
            (true, 1) => 7,
            (true, 2) => 4,
            (true, _) => 5,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_sequence_of_rotations_and_mirrorings_is_one_orientation() {
        let upright = Turn::default();
        for (turn, orientation) in [
            (upright, 1),
            (upright.rotated(1), 8),
            (upright.rotated(2), 3),
            (upright.rotated(3), 6),
            (upright.mirrored(true), 2),
            (upright.mirrored(false), 4),
            (upright.rotated(1).mirrored(true), 7),
            (upright.rotated(1).mirrored(false), 5),
            (upright.rotated(2).mirrored(true), 4),
            (upright.rotated(3).mirrored(true), 5),
            (upright.rotated(3).mirrored(false), 7),
            (upright.mirrored(true).mirrored(true), 1),
            (upright.mirrored(true).mirrored(false), 3),
            (upright.mirrored(true).rotated(1).rotated(3), 2),
        ] {
            assert_eq!(turn.orientation(), Orientation::new(orientation));
        }
    }
}
