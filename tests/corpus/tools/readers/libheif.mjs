// libheif, for HEIC and AVIF: sizes, and the properties of the primary item in the order in which they apply.

import { orientationOf, displayed } from "../orientation.mjs";

export const heifInfoReader = { name: "heif-info", needs: "heif-info", formats: ["heic", "avif"], read };

async function read(path, format, programs) {
  const [summary, dump] = [await programs.call("heif-info", [path]), await programs.call("heif-info", ["-d", path])];
  const image = /image: (\d+)x(\d+) \(id=\d+\), primary([\s\S]*?)(?=\nimage:|$)/.exec(summary);
  if (!image) throw new Error("no primary image");
  const reported = { format: /MIME type: image\/(\w+)/.exec(summary)?.[1], size: [Number(image[1]), Number(image[2])] };
  const hasAlpha = /alpha channel: yes/.test(image[3]);
  const { stored, transforms, bits } = properties(dump);
  return {
    format: reported.format === "heif" ? "heic" : reported.format,
    size: reported.size,
    stored,
    transformed: stored && displayed(stored, transforms),
    orientation: orientationOf(transforms),
    hasAlpha,
    bitDepth: bits?.[0],
    colorSpace: bits && (bits.length === 1 ? "gray" : "rgb"),
  };
}

function properties(dump) {
  const primary = /Box: pitm[\s\S]*?item_ID: (\d+)/.exec(dump)?.[1];
  const list = /Box: ipco -+([\s\S]*?)\n\| \| ?\n?\| \| Box: ipma/.exec(dump)?.[1] ?? "";
  const all = list.split(/\n\| \| \| Box: /).slice(1);
  const owned =
    new RegExp(`associations for item ID: ${primary}\\n((?:\\| \\| \\| property index: .*\\n?)*)`).exec(dump)?.[1] ??
    "";
  const found = { transforms: [] };
  for (const [, index] of owned.matchAll(/property index: (\d+)/g)) {
    const text = all[Number(index) - 1] ?? "";
    const number = (pattern) => Number(pattern.exec(text)?.[1]);
    if (text.startsWith("ispe")) found.stored = [number(/width: (\d+)/), number(/height: (\d+)/)];
    if (text.startsWith("pixi")) found.bits = /bits_per_channel: (\S+)/.exec(text)[1].split(",").map(Number);
    if (text.startsWith("irot")) found.transforms.push({ irot: number(/rotation: (\d+)/) / 90 });
    if (text.startsWith("clap")) {
      const [, width, height] = /aperture: (\S+) x (\S+)/.exec(text);
      found.transforms.push({ clap: [width, height].map(ratio) });
    }
    // libheif's "vertical" is the direction in which the rows move, not the axis of the mirror.
    if (text.startsWith("imir"))
      found.transforms.push({ imir: { vertical: 0, horizontal: 1 }[/direction: (\w+)/.exec(text)?.[1]] });
  }
  return found;
}

function ratio(text) {
  const [over, under] = text.split("/").map(Number);
  return Math.floor(over / under);
}
