// `npm run upload -- photo.jpg`: stores an image in the local R2 bucket of `npm start`, and sends its event to the local queue, as R2
// does in production. `npm run upload -- photo.jpg corners.png` overwrites the object of that name.
//
// It shows that the new picture needs no purge: the Worker consumes the event.

import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { typeOf } from "./lib/origin.mjs";
import { main, Problem } from "./lib/process.mjs";

const TIMEOUT_MS = 20_000;
const site = `http://localhost:${process.env.PORT ?? 8787}`;

await main(async () => {
  const [file, name = file && basename(file)] = process.argv.slice(2);
  if (!file) throw new Problem("Name an image: npm run upload -- samples/landscape.jpg corners.png");
  const bytes = await readImage(file);
  const path = name.split("/").map(encodeURIComponent).join("/");
  const url = `${site}/metadata/bucket/${path}`;

  const before = await lookUp(url);
  console.log(`Before: bucket/${name} ${describe(before)}.`);
  const { etag } = await upload(path, bytes);
  console.log(`Stored ${file} as ${name} in the local bucket, and sent its event to the local queue.`);
  const after = await changed(url, etag);
  console.log(`After:  bucket/${name} ${describe(after)}, without a purge.`);
  console.log(`Look:   curl -i ${url}`);
});

async function readImage(file) {
  try {
    // npm runs scripts in the project's folder.
    return await readFile(resolve(process.env.INIT_CWD ?? ".", file));
  } catch (error) {
    throw new Problem(`${file} cannot be read: ${error.message}.`);
  }
}

async function lookUp(url) {
  const response = await ask(url);
  return { status: response.status, ...(await response.json()) };
}

async function upload(path, body) {
  const response = await ask(`${site}/local-bucket/${path}`, { method: "PUT", body, headers: { "Content-Type": typeOf(path) ?? "" } });
  if (!response.ok) throw new Problem(`${site} does not accept uploads (${response.status}). Start it with npm start.`);
  return response.json();
}

async function ask(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    throw new Problem(`${site} cannot be reached (${error.cause?.code ?? error.message}). Run npm start first; for another port: PORT=8788 npm run upload -- …`);
  }
}

/** Looks the image up until the Worker has consumed the event. */
async function changed(url, etag) {
  for (const started = Date.now(); Date.now() - started < TIMEOUT_MS; await sleep(100)) {
    const { status, metadata, detail } = await lookUp(url);
    if (metadata?.etag === etag) return { status, metadata };
    if (status !== 200 && status !== 404) throw new Problem(`${status}: ${detail}`);
  }
  throw new Problem("The event had no effect in 20 s. See the output of npm start.");
}

function describe({ status, metadata }) {
  return metadata ? `is ${metadata.width} by ${metadata.height} pixels, ${metadata.format}` : `is a ${status}`;
}
