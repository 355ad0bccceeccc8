import { readFileSync } from "node:fs";
import path from "node:path";
import { buildSync } from "esbuild";
import { root } from "./modules.mjs";

/** A Worker that binds the Worker under test as METADATA and calls the method named in a request's query. */
export const callerSource = `
export default {
  async fetch(request, env) {
    const [method, ...args] = JSON.parse(decodeURIComponent(new URL(request.url).search.slice(1)));
    try {
      const value = await env.METADATA[method](...args);
      return Response.json({ value, plain: Object.getPrototypeOf(value) === Object.prototype });
    } catch (error) {
      const { name, message, code, status, stack } = error;
      return Response.json({ error: { isError: error instanceof Error, name, message, code, status, stack } });
    }
  },
};
`;

/** The path of a request that makes the caller call `method`. */
export function callPath(method, ...args) {
  return `/?${encodeURIComponent(JSON.stringify([method, ...args]))}`;
}

/** The example caller, with the compatibility date of its `wrangler.toml` and the client of this repository. */
export function exampleCaller() {
  const folder = path.join(root, "examples/caller");
  const [, compatibilityDate] = readFileSync(path.join(folder, "wrangler.toml"), "utf8").match(/^compatibility_date = "(.*)"/m);
  const { outputFiles } = buildSync({
    entryPoints: [path.join(folder, "src/index.ts")],
    alias: { "optimized-metadata": path.join(root, "client/src/index.ts") },
    bundle: true,
    format: "esm",
    write: false,
  });
  return { source: outputFiles[0].text, compatibilityDate };
}
