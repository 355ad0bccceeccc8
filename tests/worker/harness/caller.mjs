import { readFileSync } from "node:fs";
import path from "node:path";
import { transformSync } from "esbuild";
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

/** The example caller, with the compatibility date of its `wrangler.toml`. */
export function exampleCaller() {
  const folder = path.join(root, "examples/caller");
  const read = (name) => readFileSync(path.join(folder, name), "utf8");
  const [, compatibilityDate] = read("wrangler.toml").match(/^compatibility_date = "(.*)"/m);
  const { code } = transformSync(read("src/index.ts"), { loader: "ts" });
  return { source: code, compatibilityDate };
}
