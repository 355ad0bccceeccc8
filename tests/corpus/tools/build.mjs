// Builds the corpus: makes every file, asks the tools about each, and writes the manifest.

import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { avif } from "./avif.mjs";
import { bmp } from "./bmp.mjs";
import { collected } from "./collections.mjs";
import { gif } from "./gif.mjs";
import { heic } from "./heic.mjs";
import { ico } from "./ico.mjs";
import { makeInputs } from "./inputs.mjs";
import { makeInvalid } from "./invalid.mjs";
import { jpeg } from "./jpeg.mjs";
import { jxl } from "./jxl.mjs";
import { agreed, Oracles } from "./oracles.mjs";
import { photos } from "./photos.mjs";
import { png } from "./png.mjs";
import { svg } from "./svg.mjs";
import { tiff } from "./tiff.mjs";
import { webp } from "./webp.mjs";

const made = [jpeg, png, webp, avif, heic, jxl, gif, tiff, bmp, ico, svg];

export async function build({ corpus, cache, programs }) {
  // Two files at a time are made below: more threads for each would only be in each other's way.
  sharp.concurrency(1);
  sharp.cache(false);
  const scratch = join(cache, "scratch");
  for (const folder of [corpus, scratch]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  const paths = await makeInputs(scratch);
  const recipes = [
    ...made.flatMap((recipes) => recipes({ paths })),
    ...collected({ cache }),
    ...(await photos({ cache, scratch })),
  ];
  const files = (await inPairs(recipes, (recipe) => make(recipe, { corpus, scratch, programs }))).filter(Boolean);
  const invalid = await makeInvalid(corpus);

  const oracles = await Oracles.of(programs, corpus);
  const manifest = [
    ...(await inPairs(files, (recipe) => judge(recipe, corpus, oracles))),
    ...(await inPairs(invalid, (entry) => suspect(entry, corpus, oracles))),
  ];
  writeFileSync(join(corpus, "manifest.json"), `[\n${manifest.map((entry) => JSON.stringify(entry)).join(",\n")}\n]\n`);
  rmSync(scratch, { recursive: true });
  return manifest;
}

/** Makes a file in the scratch folder, where the programs may leave parts of it, and moves it whole. */
async function make(recipe, { corpus, scratch, programs }) {
  if (!(recipe.needs ?? []).every((name) => programs.has(name))) return undefined;
  const [to, place] = [join(scratch, recipe.file), join(corpus, recipe.file)];
  for (const path of [to, place]) mkdirSync(dirname(path), { recursive: true });
  try {
    await recipe.make(to, programs);
    renameSync(to, place);
    return recipe;
  } catch (error) {
    const [reason] = (error.stderr?.trim() || error.message).split("\n").slice(-1);
    console.log(`corpus: ${recipe.file} could not be made: ${reason}`);
    return undefined;
  }
}

async function judge({ file, made, says }, corpus, oracles) {
  const path = join(corpus, file);
  const [folder] = file.split("/");
  const { format, ...facts } = agreed(await oracles.ask(path, folder), { format: folder, ...says });
  const { told, disagree, refused, ...fields } = facts;
  return { file, made, format, ...fields, fileSize: statSync(path).size, told, disagree, refused };
}

const extensions = { jpg: "jpeg", tif: "tiff" };

/** Which tools take what is no image for one after all. */
async function suspect(entry, corpus, oracles) {
  const extension = entry.file.split(".").at(-1);
  const answers = await oracles.ask(join(corpus, entry.file), extensions[extension] ?? extension);
  const accepted = answers
    .filter(([, facts]) => (facts?.size ?? facts?.stored)?.every((side) => side > 0))
    .map(([name]) => name);
  return accepted.length > 0 ? { ...entry, accepted } : entry;
}

/** Two at a time, in order: this runs beside other work. */
async function inPairs(items, body) {
  const results = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await body(items[index]);
  };
  await Promise.all([worker(), worker()]);
  return results;
}
