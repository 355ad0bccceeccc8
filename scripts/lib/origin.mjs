// A stand-in for the origin: serves the images of one folder on a free port of this machine.

import { once } from "node:events";
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";

const types = {
  ".avif": "image/avif",
  ".gif": "image/gif",
  ".heic": "image/heic",
  ".jpg": "image/jpeg",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".webp": "image/webp",
};

/** The media type of a file that is an image, by its name. */
export const typeOf = (name) => types[extname(name)];

/** Starts the origin and gives its URL. It ends with the process, and keeps none alive. */
export async function serveOrigin(folder) {
  const base = await realpath(folder);
  const server = createServer((request, response) => {
    answer(base, request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1").unref();
  await once(server, "listening");
  return `http://127.0.0.1:${server.address().port}`;
}

async function answer(base, request, response) {
  const file = await find(base, request.url);
  if (!file) {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("No such image.\n");
    return;
  }
  response.writeHead(200, { "Content-Type": typeOf(file.path), "Content-Length": file.size });
  if (request.method === "HEAD") response.end();
  else await pipeline(createReadStream(file.path), response);
}

/** The image that a URL names: a file of a known type, inside the folder even after symbolic links. */
async function find(base, url) {
  try {
    const path = await realpath(join(base, decodeURIComponent(new URL(url, "http://origin").pathname)));
    const { size } = await stat(path);
    if (path.startsWith(base + sep) && typeOf(path)) return { path, size };
  } catch {
    // A broken URL and a missing file are the same answer.
  }
}
