// Applies rotations, mirrors and crops to a size, and converts them to Exif orientations.

/** By mirror, then by the counter-clockwise quarter turns before it: ISO/IEC 23008-12, 6.5.10 and 6.5.12. */
const equivalents = { unmirrored: [1, 8, 3, 6], 0: [4, 5, 2, 7], 1: [2, 7, 4, 5] };

/**
 * Returns the Exif orientation for `irot` quarter turns followed by `imir` (0 swaps top and bottom, 1 left and right).
 * Returns `undefined` if there are neither, or if the mode of the mirror is not known.
 */
export function orientationOf(transforms) {
  const rotated = transforms.find((transform) => "irot" in transform);
  const mirrored = transforms.find((transform) => "imir" in transform);
  if ((!rotated && !mirrored) || (mirrored && mirrored.imir === undefined)) return undefined;
  return equivalents[mirrored?.imir ?? "unmirrored"][rotated?.irot ?? 0];
}

/** Returns the size after crops and rotations, in their order. */
export function displayed(stored, transforms) {
  return transforms.reduce((size, { clap, irot = 0 }) => {
    const [width, height] = clap ?? size;
    return irot % 2 === 1 ? [height, width] : [width, height];
  }, stored);
}

/** Returns the size after an Exif orientation is applied. */
export const oriented = ([width, height], orientation) =>
  orientation >= 5 && orientation <= 8 ? [height, width] : [width, height];
