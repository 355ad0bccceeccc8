// Combines the results of all readers of a file: one value per field, the readers that agree, and those that do not.
//
// A reader's facts are the fields of the manifest, except for the size. `stored` is the stored [width, height]. `size` is
// the displayed one, from readers that rotate and crop. For the others, the displayed size is `stored` with the reader's own
// `orientation`; if the reader is `blind` to orientations, with that of the others; if `derives` is false, it is unknown.

import { oriented } from "./orientation.mjs";
import { avifdecReader } from "./readers/libavif.mjs";
import { exiftoolReader } from "./readers/exiftool.mjs";
import { heifInfoReader } from "./readers/libheif.mjs";
import { icotoolReader } from "./readers/icoutils.mjs";
import { identifyReader } from "./readers/imagemagick.mjs";
import { djxlReader, jxlinfoReader } from "./readers/libjxl.mjs";
import { sharpReader } from "./readers/sharp.mjs";
import { tiffinfoReader } from "./readers/libtiff.mjs";
import { webpinfoReader } from "./readers/libwebp.mjs";

/**
 * In order of trust: the first value of a field wins. The recipe comes before all of these, because it has only facts that
 * are certain; then the reference libraries of a format, then readers of many formats.
 */
const all = [
  tiffinfoReader,
  webpinfoReader,
  avifdecReader,
  jxlinfoReader,
  djxlReader,
  icotoolReader,
  sharpReader,
  heifInfoReader,
  exiftoolReader,
  identifyReader,
];

const fields = [
  ...["format", "stored", "orientation", "size", "hasAlpha", "animated", "frames", "bitDepth", "colorSpace"],
  ...["density", "hasProfile"],
];

export class Readers {
  constructor(programs, prepared) {
    this.programs = programs;
    this.prepared = prepared;
  }

  /** Prepares the readers that read all files in one run. */
  static async of(programs, folder) {
    const prepared = new Map();
    for (const reader of all) {
      const available = reader.prepare && programs.has(reader.needs);
      if (available) prepared.set(reader.name, await reader.prepare(folder, programs));
    }
    return new Readers(programs, prepared);
  }

  /** Reads a file with each reader of the format. Returns [name, facts], or [name, undefined] if it rejects the file. */
  async read(path, format) {
    // A GIF has the size of its screen, but libvips (sharp) enlarges that to fit the frames: trust it last.
    const ordered = format === "gif" ? all.toReversed() : all;
    const available = ordered.filter(({ formats, needs }) => formats.includes(format) && (!needs || this.programs.has(needs)));
    const results = [];
    for (const { name, read } of available) {
      const facts = await read(path, format, this.programs, this.prepared.get(name)).catch(() => undefined);
      results.push([name, facts]);
    }
    return results;
  }
}

/** Returns the fields of the manifest from the readers' results and the recipe's own facts. */
export function combined(results, says = {}) {
  const { width, height, format, ...known } = says;
  const recipe = ["recipe", { ...known, ...(width ? { size: [width, height] } : {}) }];
  // The format in the file's name is trusted least.
  const facts = [recipe, ...results.filter(([, facts]) => facts), ["recipe", { format }]];
  const refused = results.filter(([, facts]) => !facts).map(([name]) => name);

  const decided = {};
  for (const field of fields) {
    const claims = facts.flatMap(([name, facts]) => claimed(field, facts, decided).map((value) => [name, value]));
    decided[field] = decide(claims);
  }
  const [stored, size] = [decided.stored?.value, decided.size?.value];
  const value = (field) => decided[field]?.value;
  const differs = stored && size && String(stored) !== String(size);
  return drop({
    format: value("format"),
    width: size?.[0],
    height: size?.[1],
    stored: differs ? { width: stored[0], height: stored[1] } : undefined,
    orientation: value("orientation"),
    hasAlpha: value("hasAlpha"),
    animated: value("animated"),
    frames: value("frames"),
    bitDepth: value("bitDepth"),
    colorSpace: value("colorSpace"),
    density: value("density"),
    hasProfile: value("hasProfile"),
    sources: drop(Object.fromEntries(fields.map((field) => [field, decided[field]?.by]))),
    disagree: nonEmpty(drop(Object.fromEntries(fields.map((field) => [field, decided[field]?.against])))),
    refused: nonEmpty(refused),
  });
}

function claimed(field, facts, decided) {
  if (field === "orientation") return facts.orientation >= 1 && facts.orientation <= 8 ? [facts.orientation] : [];
  if (field !== "size") return facts[field] === undefined ? [] : [facts[field]];
  if (facts.size) return [facts.size];
  if (!facts.stored || facts.derives === false) return [];
  // A reader that ignores orientations gets the one decided above.
  return [oriented(facts.stored, facts.blind ? decided.orientation?.value : facts.orientation)];
}

function decide(claims) {
  if (claims.length === 0) return undefined;
  const [, value] = claims[0];
  const isSame = ([, other]) => String(other) === String(value);
  const against = claims.filter((claim) => !isSame(claim)).map(([name, other]) => [name, other]);
  return { value, by: claims.filter(isSame).map(([name]) => name), against: nonEmpty(Object.fromEntries(against)) };
}

const drop = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

const nonEmpty = (collection) => (Object.keys(collection).length > 0 ? collection : undefined);
