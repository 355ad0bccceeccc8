// Builds the corpus: creates every file, reads each with independent readers, and writes the manifest.

import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { avif } from "./avif.mjs";
import { bmp } from "./bmp.mjs";
import { collected } from "./collections.mjs";
import { density } from "./density.mjs";
import { gif } from "./gif.mjs";
import { heic } from "./heic.mjs";
import { ico } from "./ico.mjs";
import { makeInputs } from "./inputs.mjs";
import { makeInvalid } from "./invalid.mjs";
import { jpeg } from "./jpeg.mjs";
import { jxl } from "./jxl.mjs";
import { photos } from "./photos.mjs";
import { png } from "./png.mjs";
import { combined, Readers } from "./readers.mjs";
import { svg } from "./svg.mjs";
import { tiff } from "./tiff.mjs";
import { webp } from "./webp.mjs";

const encoded = [jpeg, png, webp, avif, heic, jxl, gif, tiff, bmp, ico, svg, density];

export async function build({ corpus, cache, programs }) {
  // Two files are created at a time, so more threads per file would not help.
  sharp.concurrency(1);
  sharp.cache(false);
  const scratch = join(cache, "scratch");
  for (const folder of [corpus, scratch]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  const paths = await makeInputs(scratch);
  const recipes = [
    ...encoded.flatMap((recipes) => recipes({ paths })),
    ...collected({ cache }),
    ...(await photos({ cache, scratch })),
  ];
  const files = (await inPairs(recipes, (recipe) => make(recipe, { corpus, scratch, programs }))).filter(Boolean);
  const invalid = await makeInvalid(corpus);

  const readers = await Readers.of(programs, corpus);
  const manifest = [
    ...(await inPairs(files, (recipe) => describe(recipe, corpus, readers))),
    ...(await inPairs(invalid, (entry) => describeInvalid(entry, corpus, readers))),
  ];
  writeFileSync(join(corpus, "manifest.json"), `[\n${manifest.map((entry) => JSON.stringify(entry)).join(",\n")}\n]\n`);
  rmSync(scratch, { recursive: true });
  return manifest;
}

/** Creates a file in the scratch folder, where a failed program may leave a part of it, and moves it when complete. */
async function make(recipe, { corpus, scratch, programs }) {
  if (!(recipe.needs ?? []).every((name) => programs.has(name))) return undefined;
  const [to, target] = [join(scratch, recipe.file), join(corpus, recipe.file)];
  for (const path of [to, target]) mkdirSync(dirname(path), { recursive: true });
  try {
    await recipe.make(to, programs);
    renameSync(to, target);
    return recipe;
  } catch (error) {
    const [reason] = (error.stderr?.trim() || error.message).split("\n").slice(-1);
    console.log(`corpus: ${recipe.file} could not be created: ${reason}`);
    return undefined;
  }
}

async function describe({ file, made, says }, corpus, readers) {
  const path = join(corpus, file);
  const [folder] = file.split("/");
  const { format, ...facts } = combined(await readers.read(path, folder), { format: folder, ...says });
  const { sources, disagree, refused, ...fields } = facts;
  return { file, made, format, ...fields, fileSize: statSync(path).size, sources, disagree, refused };
}

const extensions = { jpg: "jpeg", tif: "tiff" };

/** Adds the readers that accept an invalid file as an image. */
async function describeInvalid(entry, corpus, readers) {
  const extension = entry.file.split(".").at(-1);
  const results = await readers.read(join(corpus, entry.file), extensions[extension] ?? extension);
  const accepted = results
    .filter(([, facts]) => (facts?.size ?? facts?.stored)?.every((side) => side > 0))
    .map(([name]) => name);
  return accepted.length > 0 ? { ...entry, accepted } : entry;
}

/** Processes two items at a time, and keeps the order of the results. */
async function inPairs(items, body) {
  const results = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await body(items[index]);
  };
  await Promise.all([worker(), worker()]);
  return results;
}
