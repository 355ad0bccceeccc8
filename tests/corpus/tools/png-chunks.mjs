// PNG chunks: inserts chunks that encoders do not write.

import { crc32 } from "node:zlib";

export const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

export function chunk(type, data = Buffer.alloc(0)) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  return Buffer.concat([uint32(data.length), body, uint32(crc32(body))]);
}

/** Returns the chunks of a file as [type, data]. */
export function chunks(png) {
  const found = [];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    found.push([png.toString("latin1", at + 4, at + 8), png.subarray(at + 8, at + 8 + length)]);
    at += 12 + length;
  }
  return found;
}

/** Inserts chunks before the first one of a type. */
export function before(png, type, ...added) {
  const parts = chunks(png).map(([type, data]) => [type, chunk(type, data)]);
  const at = parts.findIndex(([found]) => found === type);
  const raw = parts.map(([, bytes]) => bytes);
  return Buffer.concat([signature, ...raw.slice(0, at), ...added, ...raw.slice(at)]);
}

/**
 * Returns an animated PNG from frames of the same size and colour type. With `hidden`, the first picture is not part of
 * the animation; only viewers without animation show it.
 */
export function animated(frames, { hidden = false } = {}) {
  const [header] = chunks(frames[0]);
  const shown = hidden ? frames.length - 1 : frames.length;
  let sequence = 0;
  const parts = frames.flatMap((frame, index) => {
    const pixels = Buffer.concat(
      chunks(frame)
        .filter(([type]) => type === "IDAT")
        .map(([, data]) => data),
    );
    const control = hidden && index === 0 ? [] : [chunk("fcTL", frameControl(sequence++, header[1]))];
    const data = index === 0 ? chunk("IDAT", pixels) : chunk("fdAT", Buffer.concat([uint32(sequence++), pixels]));
    return [...control, data];
  });
  return Buffer.concat([signature, chunk(...header), chunk("acTL", actl(shown)), ...parts, chunk("IEND")]);
}

export const actl = (frames) => Buffer.concat([uint32(frames), uint32(0)]);

function frameControl(sequence, header) {
  const at = [uint32(0), uint32(0)];
  return Buffer.concat([uint32(sequence), header.subarray(0, 8), ...at, Buffer.from([0, 1, 0, 10, 0, 0])]);
}

export function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
