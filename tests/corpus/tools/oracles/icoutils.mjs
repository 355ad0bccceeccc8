// What icoutils says of ICO.

import { largest } from "./imagemagick.mjs";

export const icotoolSays = { name: "icotool", needs: "icotool", formats: ["ico"], ask };

async function ask(path, format, programs) {
  const told = await programs.call("icotool", ["-l", path]);
  const sizes = [...told.matchAll(/--width=(\d+) --height=(\d+)/g)].map(([, width, height]) => [
    Number(width),
    Number(height),
  ]);
  return { format: "ico", size: largest(sizes) };
}
