// A stand-in for the origin: serves the images of one folder on a port of this machine.

import { once } from "node:events";
import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
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

/** Returns the media type of an image file by its extension. */
export const typeOf = (name) => types[extname(name)];

/** Returns the paths of the images in a folder and those below it. */
export async function imagesIn(folder) {
  const files = await readdir(folder, { recursive: true });
  return files.filter(typeOf).map((file) => file.replaceAll(sep, "/"));
}

/**
 * Starts the origin and returns its URL. It stops with the process, and does not keep the process alive. If no port is given, or it
 * is not available, it takes a free one.
 */
export async function serveOrigin(folder, port = 0) {
  const base = await realpath(folder);
  const server = createServer((request, response) => {
    respond(base, request, response).catch(() => response.destroy());
  });
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
  } catch {
    await once(server.listen(0, "127.0.0.1"), "listening");
  }
  server.unref();
  return `http://127.0.0.1:${server.address().port}`;
}

async function respond(base, request, response) {
  const file = await find(base, request.url);
  if (!file) {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("No such image.\n");
    return;
  }
  response.writeHead(200, { "Content-Type": typeOf(file.path), "Content-Length": file.size });
  if (request.method === "HEAD") response.end();
  else await pipeline(createReadStream(file.path), response);
}

/** Finds the image for a URL: a file of a known type that is inside the folder after symbolic links are resolved. */
async function find(base, url) {
  try {
    const path = await realpath(join(base, decodeURIComponent(new URL(url, "http://origin").pathname)));
    const { size } = await stat(path);
    if (path.startsWith(base + sep) && typeOf(path)) return { path, size };
  } catch {
    // An invalid URL gets the same response as a missing file.
  }
}
