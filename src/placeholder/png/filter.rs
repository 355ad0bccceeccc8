//! The filters of PNG rows (<https://www.w3.org/TR/png-3/#9Filters>).

use super::PngError;

/// Undoes the filter of a row. `above` is the row above after the same, and `step` the distance to the sample on the left, in bytes.
///
/// # Errors
/// If there is no such filter.
pub(super) fn undo(filter: u8, row: &[u8], above: &[u8], step: usize) -> Result<Vec<u8>, PngError> {
    let mut output: Vec<u8> = Vec::with_capacity(row.len());
    for (index, (byte, up)) in row.iter().zip(above).enumerate() {
        let before = index.checked_sub(step);
        let at = |bytes: &[u8]| {
            before
                .and_then(|index| bytes.get(index))
                .copied()
                .unwrap_or(0)
        };
        let (left, up_left) = (at(&output), at(above));
        let predicted = match filter {
            0 => 0,
            1 => left,
            2 => *up,
            3 => left.midpoint(*up),
            4 => paeth(left, *up, up_left),
            _ => return Err(PngError::Malformed),
        };
        output.push(byte.wrapping_add(predicted));
    }
    Ok(output)
}

/// Returns the neighbor that is nearest to `left + up - up_left`.
fn paeth(left: u8, up: u8, up_left: u8) -> u8 {
    let estimate = i16::from(left)
        .saturating_add(up.into())
        .saturating_sub(up_left.into());
    let distance = |neighbor: u8| estimate.abs_diff(neighbor.into());
    if distance(left) <= distance(up) && distance(left) <= distance(up_left) {
        left
    } else if distance(up) <= distance(up_left) {
        up
    } else {
        up_left
    }
}
