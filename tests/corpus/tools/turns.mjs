// What rotations, mirrors and crops make of a size, and Exif's number for them.

/** By the mirror, and by the quarters of a turn, counter-clockwise, before it: ISO/IEC 23008-12, 6.5.10 and 6.5.12. */
const equivalents = { unmirrored: [1, 8, 3, 6], 0: [4, 5, 2, 7], 1: [2, 7, 4, 5] };

/**
 * The Exif orientation of `irot` quarters and then `imir` (0: top and bottom change places, 1: left and right), or
 * `undefined` where there are none, or where a mirror's mode is not known.
 */
export function orientationOf(turns) {
  const rotated = turns.find((turn) => "irot" in turn);
  const mirrored = turns.find((turn) => "imir" in turn);
  if ((!rotated && !mirrored) || (mirrored && mirrored.imir === undefined)) return undefined;
  return equivalents[mirrored?.imir ?? "unmirrored"][rotated?.irot ?? 0];
}

/** The size after crops and rotations, in their order. */
export function shown(stored, turns) {
  return turns.reduce((size, { clap, irot = 0 }) => {
    const [width, height] = clap ?? size;
    return irot % 2 === 1 ? [height, width] : [width, height];
  }, stored);
}

/** The size as an Exif orientation has it. */
export const oriented = ([width, height], orientation) =>
  orientation >= 5 && orientation <= 8 ? [height, width] : [width, height];
