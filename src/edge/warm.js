// Runs two look-ups while the Worker loads, so that V8 has compiled most functions before the first request.
//
// They use a separate, temporary instance of the service, with stand-ins for KV and timers: the runtime forbids I/O, timers and
// random values before the first request. The first look-up is a KV hit, the second a memory hit. If they fail, the Worker
// starts without them.

const found = { width: 4, height: 3, format: "jpeg", confidence: "high", source: "format-json", fileSize: 1 };
const kv = { getWithMetadata: async () => ({ value: "", metadata: { ...found, lastFetched: Date.now() } }) };
const env = { metadata: { originUrl: "https://warm.invalid" }, IMAGE_METADATA_CACHE: kv };
const context = { waitUntil() {} };
const incoming = { head: "GET\nhttps://warm.invalid/metadata/a.jpg\n\n\n", number: 0, watch() {} };

const timers = { setTimeout: () => 0, clearTimeout() {} };

/** Resolves with the second answer, or with nothing after a failure. `Memory` is the build's class. */
export function warm(Memory) {
  return lookUp(Memory).catch(() => {});
}

async function lookUp(Memory) {
  const { setTimeout, clearTimeout } = globalThis;
  try {
    Object.assign(globalThis, timers);
    return await Memory.warm(incoming, env, context);
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
}
