import { limited } from "./time_limit.js";

/** Charges a key. Returns a promise for whether it is within the limit, which rejects with `null` after `ms` milliseconds. */
export const charge = (limiter, key, ms) => limited(limiter.limit({ key }), ms, ({ success }) => success);
