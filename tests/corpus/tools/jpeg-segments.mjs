// JPEG marker segments, to add the metadata of cameras and editors to a small picture.

export const APP = (number) => 0xe0 + number;
export const COM = 0xfe;
const longest = 65533;

export function segment(marker, payload) {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(payload.length + 2, 2);
  return Buffer.concat([head, payload]);
}

/** Inserts segments directly after the SOI marker. */
export const first = (jpeg, ...segments) => Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);

/** Inserts segments after the JFIF segment, where most encoders put them. */
export function afterJfif(jpeg, ...segments) {
  const at = jpeg[3] === APP(0) ? 4 + jpeg.readUInt16BE(4) : 2;
  return Buffer.concat([jpeg.subarray(0, at), ...segments, jpeg.subarray(at)]);
}

/** Splits a profile into numbered APP2 segments, as ICC.1 specifies. */
export function profile(bytes) {
  const room = longest - 14;
  const count = Math.ceil(bytes / room);
  return Array.from({ length: count }, (_, index) => {
    const head = Buffer.concat([Buffer.from("ICC_PROFILE\0", "latin1"), Buffer.from([index + 1, count])]);
    return segment(APP(2), Buffer.concat([head, filler(Math.min(room, bytes - index * room))]));
  });
}

/** Returns segments of one kind with this many bytes in total. */
export function many(marker, label, bytes) {
  const segments = [];
  for (let left = bytes; left > 0; left -= longest) {
    segments.push(
      segment(marker, Buffer.concat([Buffer.from(label, "latin1"), filler(Math.min(left, longest) - label.length)])),
    );
  }
  return segments;
}

/** Bytes that look like the markers of a 257 × 257 picture to a reader that searches instead of following lengths. */
function filler(length) {
  const bait = Buffer.from([0xff, 0xc0, 0x00, 0x11, 0x08, 0x01, 0x01, 0x01, 0x01, 0x03]);
  return Buffer.alloc(Math.max(0, length), bait);
}
