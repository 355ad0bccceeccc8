import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import test, { after, suite } from "node:test";
import { names } from "./harness/batch.mjs";
import { assertFound } from "./harness/expect.mjs";
import { within } from "./harness/gate.mjs";
import { Origin, failure } from "./harness/origin.mjs";
import { jpeg } from "./harness/picture.mjs";
import { wranglerDev } from "./harness/wrangler.mjs";

const ADMIN_TOKEN = "secret";
const admin = { Authorization: `Bearer ${ADMIN_TOKEN}` };
const event = (action, key) => ({ body: { action, bucket: "images", object: { key } } });

const origin = new Origin();
after(() => origin.close());
origin.on(failure(500));
const site = await wranglerDev(
  { after },
  {
    metadata: { originUrl: `http://${await origin.listen()}`, errorTtl: 0, memoryCacheSize: 5000, origins: [{ prefix: "r2", bucket: "IMAGES" }] },
    env: { ADMIN_TOKEN },
    objects: {},
    queue: { max_batch_size: 100, max_batch_timeout: 0, max_retries: 1 },
  },
);
const small = await jpeg({ width: 40, height: 30 });
const large = await jpeg({ width: 80, height: 60 });

const widthOf = async (key) => (await site.get(`/metadata/r2/${key}`)).json.metadata?.width;
const eventsOf = async () => (await site.get("/stats", admin)).json.events;

/** Resolves once `condition` returns something. */
function until(condition, what, ms = 30_000) {
  let stopped = false;
  const found = (async () => {
    for (;;) {
      const value = await condition();
      if (value || stopped) return value;
      await sleep(50);
    }
  })();
  return within(found, what, ms).finally(() => (stopped = true));
}

suite("A queue of wrangler dev", { concurrency: false }, () => {
  test("An overwritten object has its new size without a purge", async () => {
    await site.put(["a.jpg"], small);
    assert.equal(await widthOf("a.jpg"), 40);
    await site.put(["a.jpg"], large);
    assert.equal(await widthOf("a.jpg"), 40);
    await site.send([event("PutObject", "a.jpg")]);
    await until(async () => (await widthOf("a.jpg")) === 80, "the new size");
    assertFound(await site.get("/metadata/r2/a.jpg"), "memory");
  });

  test("Malformed messages are dropped, and those of their batch are handled", async () => {
    await site.put(["b.jpg"], small);
    const kinds = ["bytes", "bigint", "text", "null"];
    await site.send([...kinds.map((kind) => ({ kind })), event("PutObject", "b.jpg"), event("PutObject", "../b.jpg")]);
    await until(async () => (await eventsOf()).malformed === kinds.length + 1, "the malformed messages");
    await site.logged({ event: "malformed-message", reason: "path or key that no image can have" });
    assert.equal((await site.get("/metadata/r2/b.jpg")).layer, "memory");
  });

  test("None of 5,000 messages is lost, with duplicates and out of order, while one fails and ends in the dead-letter queue", { timeout: 60_000 }, async (t) => {
    const before = await eventsOf();
    const doomed = { action: "warm", paths: ["broken.jpg"] };
    await site.send([{ body: doomed }]);

    const keys = names(50);
    await site.put(keys, small);
    for (const key of keys) assert.equal(await widthOf(key), 40);
    await site.put(keys, large);
    const actions = ["DeleteObject", "PutObject", "CopyObject", "CompleteMultipartUpload", "PutObject"];
    const messages = Array.from({ length: 5000 }, (_, n) => event(actions[(n + Math.floor(n / 50)) % 5], keys[(n * 7) % 50]));
    const started = performance.now();
    await site.send(messages);
    const done = await until(async () => {
      const { write, delete: deleted } = await eventsOf();
      return write.done - before.write.done + deleted.done - before.delete.done === 5000 && [write.retried, deleted.retried];
    }, "5,000 messages", 40_000);
    t.diagnostic(`${Math.round(performance.now() - started)} ms`);
    assert.deepEqual(done, [0, 0]);
    for (const key of keys) assert.equal(await widthOf(key), 80, key);

    const failed = await until(async () => (await site.failed()).length > 0 && site.failed(), "the dead-letter queue");
    assert.deepEqual(failed, [doomed]);
    assert.equal(origin.requests.length, 2);
    assert.equal((await eventsOf()).warm.retried, 2);
  });
});
