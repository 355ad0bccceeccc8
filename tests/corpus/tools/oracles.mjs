// What the tools say of a file, brought together: one answer for each field, who gave it, and who said otherwise.
//
// An oracle's facts are the manifest's fields, but for the size: `stored` is [width, height] as the file has it, and
// `size` as it is shown, from those who turn and crop themselves. From the others it is `stored`, turned by the
// `orientation` beside it, or by the one that others told if the oracle is `blind` for it; none if `derives` is false.

import { avifdecSays } from "./oracles/libavif.mjs";
import { exiftoolSays } from "./oracles/exiftool.mjs";
import { heifInfoSays } from "./oracles/libheif.mjs";
import { icotoolSays } from "./oracles/icoutils.mjs";
import { identifySays } from "./oracles/imagemagick.mjs";
import { djxlSays, jxlinfoSays } from "./oracles/libjxl.mjs";
import { sharpSays } from "./oracles/sharp.mjs";
import { tiffinfoSays } from "./oracles/libtiff.mjs";
import { webpinfoSays } from "./oracles/libwebp.mjs";
import { oriented } from "./turns.mjs";

/**
 * The first who speaks is believed: the recipe, which says only what it is sure of, then the libraries of a format's own
 * makers, then those that read many formats.
 */
const all = [
  tiffinfoSays,
  webpinfoSays,
  avifdecSays,
  jxlinfoSays,
  djxlSays,
  icotoolSays,
  sharpSays,
  heifInfoSays,
  exiftoolSays,
  identifySays,
];

const fields = ["format", "stored", "orientation", "size", "hasAlpha", "animated", "frames", "bitDepth", "colorSpace"];

export class Oracles {
  constructor(programs, prepared) {
    this.programs = programs;
    this.prepared = prepared;
  }

  /** Lets those speak who look at all files at once. */
  static async of(programs, folder) {
    const prepared = new Map();
    for (const oracle of all) {
      const able = oracle.prepare && programs.has(oracle.needs);
      if (able) prepared.set(oracle.name, await oracle.prepare(folder, programs));
    }
    return new Oracles(programs, prepared);
  }

  /** What each tool that reads the format says: [name, facts], or [name, undefined] where it refuses the file. */
  async ask(path, format) {
    // A GIF is as large as its screen, whatever a frame covers; libvips makes room for the frame.
    const asked = format === "gif" ? all.toReversed() : all;
    const able = asked.filter(({ formats, needs }) => formats.includes(format) && (!needs || this.programs.has(needs)));
    const answers = [];
    for (const { name, ask } of able) {
      const facts = await ask(path, format, this.programs, this.prepared.get(name)).catch(() => undefined);
      answers.push([name, facts]);
    }
    return answers;
  }
}

/** The manifest's fields from the tools' answers and what the recipe says. */
export function agreed(answers, says = {}) {
  const { width, height, format, ...known } = says;
  const recipe = ["recipe", { ...known, ...(width ? { size: [width, height] } : {}) }];
  // A file's name is the weakest word on its format.
  const facts = [recipe, ...answers.filter(([, facts]) => facts), ["recipe", { format }]];
  const refusals = answers.filter(([, facts]) => !facts).map(([name]) => name);

  const judged = {};
  for (const field of fields) {
    const claims = facts.flatMap(([name, said]) => claimed(field, said, judged).map((value) => [name, value]));
    judged[field] = settle(claims);
  }
  const [stored, size] = [judged.stored?.value, judged.size?.value];
  const value = (field) => judged[field]?.value;
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
    told: drop(Object.fromEntries(fields.map((field) => [field, judged[field]?.by]))),
    disagree: some(drop(Object.fromEntries(fields.map((field) => [field, judged[field]?.against])))),
    refused: some(refusals),
  });
}

function claimed(field, said, judged) {
  if (field === "orientation") return said.orientation >= 1 && said.orientation <= 8 ? [said.orientation] : [];
  if (field !== "size") return said[field] === undefined ? [] : [said[field]];
  if (said.size) return [said.size];
  if (!said.stored || said.derives === false) return [];
  // Who does not look for an orientation is lent the one that was settled.
  return [oriented(said.stored, said.blind ? judged.orientation?.value : said.orientation)];
}

function settle(claims) {
  if (claims.length === 0) return undefined;
  const [, value] = claims[0];
  const agrees = ([, other]) => String(other) === String(value);
  const against = claims.filter((claim) => !agrees(claim)).map(([name, other]) => [name, other]);
  return { value, by: claims.filter(agrees).map(([name]) => name), against: some(Object.fromEntries(against)) };
}

const drop = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

const some = (collection) => (Object.keys(collection).length > 0 ? collection : undefined);
