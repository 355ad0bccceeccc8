// How long to wait before another attempt.

const FIRST_MS = 1000;
const MOST_MS = 60_000;

/** Returns the milliseconds before attempt `n + 1`: exponential, with up to half of it taken off at random. */
function backoffMs(n, random = Math.random) {
  return Math.min(MOST_MS, FIRST_MS * 2 ** (n - 1)) * (1 - random() / 2);
}

/**
 * The same if the service has named a time, which counts alone the first time. Later it is the minimum, because a service
 * that keeps asking for a second is overloaded for longer.
 */
export function pauseMs(n, afterMs, random) {
  if (afterMs === undefined) return backoffMs(n, random);
  return n === 1 ? afterMs : Math.max(afterMs, backoffMs(n - 1, random));
}
