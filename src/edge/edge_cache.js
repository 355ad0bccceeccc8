// Purges of the platform's cache in front of the Worker, for src/edge/edge_cache.rs.

import * as workers from "cloudflare:workers";
import { limited } from "./time_limit.js";

/** Returns whether the Worker has such a cache: `[cache]` with `enabled = true` in wrangler.toml. */
export const exists = () => typeof workers.cache?.purge === "function";

/** Purges tags, which are separated by commas. Returns a promise that rejects with an error if the platform refuses, and with `null` after `ms` milliseconds. */
export function purgeTags(tags, ms) {
  return limited(workers.cache.purge({ tags: tags.split(",") }), ms, ({ success, errors }) => {
    if (!success) throw new Error(errors?.map(({ message }) => message).join("; ") || "refused");
  });
}
