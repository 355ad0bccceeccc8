import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { purgeBounds } from "../../scripts/lib/settings.mjs";
import { image } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";

const TOKEN = "right";
const PATH = "/metadata/photos/cat.jpg";
const bearer = { Authorization: `Bearer ${TOKEN}` };
const [OLD, NEW] = [100, 200];

/** The bound for these settings, in seconds. */
function boundOf(settings) {
  const [{ seconds }] = purgeBounds(process.env, `[vars.metadata]\n${tomlOf({ originUrl: "https://images.test", ...settings })}`);
  return seconds;
}

const tomlOf = (settings) => Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`).join("");

/**
 * Two isolates at a location of KV whose read cache has just read an image, a cache in front of both, and a browser. Then the image
 * changes, and is purged.
 */
async function purged(t, config) {
  const options = { edgeCache: true, clock: true, env: { ADMIN_TOKEN: TOKEN }, config };
  const first = await deploy(t, options);
  const second = await deploy(t, { ...options, sharedWith: first });
  const { clock, edge, kv, origin } = first;
  await clock.freeze();
  origin.on(image({ width: OLD }));
  await first.get(PATH);
  if (config.cacheEnabled !== false) await kv.written("metadata:photos/cat.jpg");
  // The first isolate has read that there is no record, which the location would also remember.
  kv.cacheReads(() => clock.now());
  await second.get(PATH);
  await edge.get(PATH);
  origin.on(image({ width: NEW }));
  const { json } = await edge.request("DELETE", PATH, { headers: bearer });
  assert.deepEqual(json, { purged: 1, edge: true });
  const purgedAt = clock.now();
  await Promise.all([first.restart(), second.restart()]);
  return { first, second, clock, edge, elapsed: () => (clock.now() - purgedAt) / 1_000 };
}

const widthOf = (answer) => answer.json.metadata.width;

suite("The bound after a purge", () => {
  for (const config of [
    { edgeCache: true, edgeCacheTtl: 3_600 },
    { edgeCache: true, edgeCacheTtl: 60, memoryCacheTtl: 90, kvReadCacheTtl: 30, clientMaxAge: 60, staleWhileRevalidate: 10 },
    { edgeCache: true, memoryCacheTtl: 0 },
    { edgeCache: true, cacheEnabled: false },
  ]) {
    test(`Old metadata is returned until almost the bound and not after it, with ${JSON.stringify(config)}`, async (t) => {
      const bound = boundOf(config);
      const { first, second, clock, edge, elapsed } = await purged(t, config);
      const last = { memory: 0, edge: 0, clients: 0 };
      const see = (place, answer) => {
        if (widthOf(answer) !== OLD) return;
        last[place] = Math.max(last[place], elapsed());
        // A browser may use it once more while it revalidates.
        const { "max-age": maxAge, "stale-while-revalidate": whileRevalidate } = answer.cacheControl;
        last.clients = Math.max(last.clients, elapsed() - Number(answer.headers.age ?? 0) + maxAge + whileRevalidate);
      };
      const step = async (until) => {
        await clock.advance(until - elapsed());
        // The second isolate comes first: what it brings into the cache is what the first one would.
        see("memory", await second.get(PATH));
        const answer = await edge.get(PATH, {}, second);
        see(answer.headers["cf-cache-status"] === "HIT" ? "edge" : "memory", answer);
        see("memory", await first.get(PATH));
      };
      // The second isolate reads KV at the last moment of its read cache; then the entries in memory end.
      const start = Math.max(bound.kv - 0.001, 0.001);
      const { kv, memory, clients } = bound;
      // Where the cache has expired by then, it gets the entry from memory once more.
      const times = [start, kv, kv + 0.001, memory - 30, memory - 2.5, memory - 1.002, memory - 1, memory, clients];
      for (const time of times.filter((time) => time >= start).sort((a, b) => a - b)) await step(time);
      for (const place of Object.keys(last)) assert.ok(last[place] <= bound[place], `${place}: ${last[place]} of ${bound[place]}`);
      const reached = (place, slack) => assert.ok(last[place] >= bound[place] - slack, `${place}: only ${last[place]} of ${bound[place]}`);
      if (config.memoryCacheTtl === 0) {
        // The bound includes a look-up that waits for the origin.
        reached("memory", 22);
        assert.equal(last.edge, 0);
      } else if (config.cacheEnabled !== false) {
        reached("memory", 2);
        reached("edge", 3);
        reached("clients", 2);
      }
    });
  }
});
