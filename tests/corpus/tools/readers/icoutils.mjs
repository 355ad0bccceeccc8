// icoutils, for ICO.

import { largest } from "./imagemagick.mjs";

export const icotoolReader = { name: "icotool", needs: "icotool", formats: ["ico"], read };

async function read(path, format, programs) {
  const output = await programs.call("icotool", ["-l", path]);
  const sizes = [...output.matchAll(/--width=(\d+) --height=(\d+)/g)].map(([, width, height]) => [
    Number(width),
    Number(height),
  ]);
  return { format: "ico", size: largest(sizes) };
}
