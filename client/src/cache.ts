import type { Answer } from "./client.js";
import type { MetadataError } from "./error.js";

/** What a look-up results in. */
export type Outcome = Answer | MetadataError;

/** An outcome and how long it may be used, in milliseconds since 1970. */
export interface KeptAnswer {
  outcome: Outcome;
  /** Until then it is returned without a request. */
  freshUntil: number;
  /** Until then it is returned while a request in the background replaces it. */
  staleUntil: number;
}

/** The answers that a client keeps, by URL, the least recently used first. It holds plain data only. */
export type AnswerCache = Map<string, KeptAnswer>;

/** Returns an outcome that may be used, fresh or stale, and marks it as used. */
export function recall(cache: AnswerCache, url: string, nowMs: number): KeptAnswer | undefined {
  const kept = cache.get(url);
  if (!kept || kept.staleUntil <= nowMs) return;
  cache.delete(url);
  cache.set(url, kept);
  return kept;
}

/**
 * Keeps an outcome as `Cache-Control` allows, and evicts the least recently used one if there are too many. `ageS` is the age of a
 * response from a shared cache.
 */
export function keep(cache: AnswerCache, maxEntries: number, url: string, outcome: Outcome, control: string, ageS: number): void {
  const ms = (directive: string) => 1_000 * +(control.match(`^(?!.*no-(?:store|cache)).*${directive}=(\\d+)`)?.[1] ?? 0);
  const freshUntil = Date.now() + ms("max-age") - 1_000 * ageS;
  const staleUntil = freshUntil + ms("stale-while-revalidate");
  // Otherwise what is stale stays: a failure in the background does not replace it.
  if (staleUntil > Date.now()) {
    cache.delete(url);
    cache.set(url, { outcome, freshUntil, staleUntil });
  }
  const [oldest] = cache.keys();
  if (cache.size > maxEntries) cache.delete(oldest as string);
}
