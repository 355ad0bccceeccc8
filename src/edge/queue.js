// The queue that the Worker sends messages to, for src/edge/queue.rs.

import { limited } from "./time_limit.js";

/** Sends a message, which is JSON. Returns a promise that rejects with `null` after `ms` milliseconds. */
export const send = (queue, message, delaySeconds, ms) => limited(queue.send(JSON.parse(message), { delaySeconds, contentType: "json" }), ms);
