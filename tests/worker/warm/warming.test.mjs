import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import test, { suite } from "node:test";
import { Fingerprints } from "../../../scripts/lib/warm/fingerprints.mjs";
import { Interruption } from "../../../scripts/lib/warm/interruption.mjs";
import { Progress } from "../../../scripts/lib/warm/progress.mjs";
import { Queue } from "../../../scripts/lib/warm/queue.mjs";
import { retryAfterMs } from "../../../scripts/lib/warm/service.mjs";
import { Warming } from "../../../scripts/lib/warm/warming.mjs";
import { names } from "../harness/batch.mjs";
import { failed, found } from "../harness/warm.mjs";

/** A clock that jumps to the next sleeper's time when nothing else can run. */
class VirtualClock {
  #now = 0;
  #sleepers = new Set();
  #scheduled = false;

  now = () => this.#now;

  sleep = (ms, signal) =>
    new Promise((resolve) => {
      const sleeper = { at: this.#now + ms, wake };
      this.#sleepers.add(sleeper);
      const sleepers = this.#sleepers;
      signal.addEventListener("abort", wake);
      if (signal.aborted) wake();
      else this.#schedule();

      function wake() {
        sleepers.delete(sleeper);
        resolve();
      }
    });

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const next = [...this.#sleepers].sort((a, b) => a.at - b.at)[0];
      if (!next || next.at === Infinity) return;
      this.#now = next.at;
      next.wake();
      this.#schedule();
    });
  }
}

/**
 * Requests `paths` from a service that is the function `look(paths, now)` and takes `latency`, and calls `stop` after `stopAt`.
 * Resolves with what happened.
 */
async function run(look, { paths = names(10), size = 10, parallel = 1, attempts = 8, latency = 0, stopAt } = {}) {
  const clock = new VirtualClock();
  const requests = [];
  const done = [];
  const list = { size: 0, position: 0, async *paths() { yield* paths; }, close() {} };
  const service = {
    async look(batch, signal) {
      requests.push({ at: clock.now(), paths: batch });
      if (latency > 0) await clock.sleep(latency, signal);
      if (signal.aborted) throw new Error("aborted");
      return look(batch, clock.now()) ?? { results: batch.map(found) };
    },
  };
  const results = { add: async (finished) => void done.push(...finished) };
  const progress = { update() {}, pause() {} };
  const queue = new Queue(list, new Fingerprints(), { size, most: 2 * parallel * size });
  const warming = new Warming({ service, queue, results, progress, clock, parallel, attempts, random: () => 0 });
  let error;
  if (stopAt !== undefined) clock.sleep(stopAt, new AbortController().signal).then(() => warming.stop());
  const complete = await warming.run().catch((problem) => void (error = problem));
  const of = (ok) => done.filter(({ metadata }) => Boolean(metadata) === ok).map(({ path }) => path);
  return { complete, error: error?.message, requests, found: of(true), failed: of(false), ended: clock.now(), at: requests.map(({ at }) => at) };
}

const refused = (status, code, afterMs) => ({ refused: { status, code, detail: "Why.", afterMs } });

suite("Pauses of a run", () => {
  test("Failures of whole requests are spread exponentially, up to a minute", async () => {
    const { error, at } = await run(() => refused(0, "unreachable"));
    assert.equal(error, "Gave up after 8 attempts in a row: unreachable: Why.");
    assert.deepEqual(at, [0, 1, 3, 7, 15, 31, 63, 123].map((s) => s * 1000));
  });

  test("Retry-After pauses all requests, by at least as long as repeated failures do", async () => {
    const { complete, at } = await run((_, now) => (now < 30_000 ? refused(503, "overloaded", 5000) : undefined), { size: 5 });
    assert.ok(complete);
    assert.deepEqual(at, [0, 5, 10, 15, 20, 28, 44, 44].map((s) => s * 1000));
  });

  test("Requests that fail together are one failure", async () => {
    const look = (_, now) => (now < 3000 ? refused(0, "unreachable") : undefined);
    const { complete, at } = await run(look, { size: 2, parallel: 5, attempts: 3, latency: 100 });
    assert.ok(complete);
    assert.deepEqual(at, [0, 1100, 3200].flatMap((ms) => Array(5).fill(ms)));
  });

  test("Nothing is requested in a pause that began while the list was read", async () => {
    const look = (_, now) => (now < 3000 ? refused(0, "unreachable") : undefined);
    const { complete, at } = await run(look, { size: 2, parallel: 5, attempts: 3 });
    assert.ok(complete);
    assert.deepEqual([...new Set(at)], [0, 1000, 3000]);
  });

  test("A rate limit never fails a path while it lets some through", async () => {
    let left = 0;
    let minute = -1;
    const { complete, found: ok, failed: bad, requests } = await run(
      (paths, now) => {
        if (Math.floor(now / 60_000) > minute) [left, minute] = [7, Math.floor(now / 60_000)];
        return { results: paths.map((path) => (left-- > 0 ? found(path) : failed(path, 429, "rate-limited", 60))) };
      },
      { paths: names(500), size: 10, parallel: 3, attempts: 3 },
    );
    assert.ok(complete);
    assert.deepEqual([ok.length, new Set(ok).size, bad.length], [500, 500, 0]);
    assert.ok(requests.length < 4 * (500 / 7), `${requests.length} requests`);
  });

  test("A service that refuses every path by its rate limit ends the run", async () => {
    const { error, at } = await run((paths) => ({ results: paths.map((path) => failed(path, 429, "rate-limited", 60)) }), { attempts: 3 });
    assert.equal(error, "Gave up after 3 attempts in a row: 429 rate-limited: The detail of rate-limited.");
    assert.deepEqual(at, [0, 60_000, 120_000]);
  });
});

suite("A run that is stopped", () => {
  const options = { size: 2, parallel: 2, stopAt: 1000 };

  test("A stopped run sends nothing more, and waits for responses", async () => {
    const { complete, found: ok, ended } = await run(() => undefined, { ...options, latency: 3000 });
    assert.equal(complete, false);
    assert.deepEqual([ok, ended], [names(4), 3000]);
  });

  test("A stopped run waits for five seconds at most", async () => {
    const { complete, found: ok, ended } = await run(() => undefined, { ...options, latency: 60_000 });
    assert.equal(complete, false);
    assert.deepEqual([ok, ended], [[], 6000]);
  });

  test("A run stops in a pause", async () => {
    const { complete, ended } = await run(() => refused(503, "overloaded", 60_000), options);
    assert.deepEqual([complete, ended], [false, 1000]);
  });
});

suite("Paths that are refused", () => {
  test("A refused path waits for its own retryAfter, and others do not wait", async () => {
    let refusals = 0;
    const refuse = (path) => path === "3.jpg" && refusals++ < 2;
    const { at, requests, found: ok } = await run(
      (paths) => ({ results: paths.map((path) => (refuse(path) ? failed(path, 503, "origin-overloaded", 30) : found(path))) }),
      { paths: names(30) },
    );
    assert.equal(ok.length, 30);
    assert.deepEqual(at, [0, 0, 0, 30_000, 60_000]);
    assert.deepEqual(requests.slice(3).map(({ paths }) => paths), [["3.jpg"], ["3.jpg"]]);
  });

  test("Paths that wait do not let the whole list into memory", async () => {
    const { requests, found: ok } = await run(
      (paths, now) => ({ results: paths.map((path) => (now < 1000 ? failed(path, 503, "overloaded", 1) : found(path))) }),
      { paths: names(10_000), parallel: 2 },
    );
    assert.equal(new Set(ok).size, 10_000);
    const early = requests.filter(({ at }) => at < 1000).flatMap(({ paths }) => paths);
    assert.ok(early.length <= 60, `${early.length} paths were refused`);
  });

  test("A path that makes its whole batch fail is found, and fails alone", async () => {
    const { complete, failed: bad, found: ok } = await run((paths) => (paths.includes("77.jpg") ? refused(500, "") : undefined), {
      paths: names(200),
      size: 100,
      parallel: 2,
    });
    assert.ok(complete);
    assert.deepEqual([bad, ok.length, new Set(ok).size], [["77.jpg"], 199, 199]);
  });

  test("Beyond the subrequest limit, batches become smaller, and no path fails", async () => {
    const { failed: bad, found: ok, requests } = await run(
      (paths) => ({ results: paths.map((path, n) => (n < 3 ? found(path) : failed(path, 503, "subrequest-limit", 1))) }),
      { paths: names(100), size: 32, parallel: 2, attempts: 2 },
    );
    assert.deepEqual([bad, new Set(ok).size], [[], 100]);
    assert.ok(requests.slice(8).every(({ paths }) => paths.length <= 3));
  });

  test("A single path that is too large for a request fails", async () => {
    const tooLarge = { tooLarge: { status: 413, code: "batch-too-large", detail: "Why." } };
    const { failed: bad, found: ok } = await run((paths) => (paths.includes("2.jpg") ? tooLarge : undefined));
    assert.deepEqual([bad, ok.length], [["2.jpg"], 9]);
  });
});

test("Retry-After is read as seconds or a date, and is at most an hour", () => {
  const now = Date.UTC(2026, 0, 1);
  const read = (value) => retryAfterMs(value, now);
  assert.deepEqual(["0", "7", 7, " 7 ", "999999", "Thu, 01 Jan 2026 00:00:30 GMT", "Wed, 31 Dec 2025 00:00:00 GMT"].map(read), [
    0, 7000, 7000, 7000, 3_600_000, 30_000, 0,
  ]);
  assert.deepEqual([undefined, null, "", "soon"].map(read), [undefined, undefined, undefined, undefined]);
});

test("Fingerprints that differ in one half only are distinguished, also after the set has grown", () => {
  const seen = new Fingerprints();
  const bytes = Buffer.alloc(8);
  const add = (n) => {
    // Many share their low half, and 0 is one of them.
    bytes.writeUInt32LE(n % 1000, 0);
    bytes.writeUInt32LE(Math.floor(n / 1000) * 2, 4);
    return seen.add(bytes);
  };
  for (let n = 0; n < 20_000; n++) assert.ok(add(n), `${n} is new`);
  for (let n = 0; n < 20_000; n++) assert.equal(add(n), false, `${n} is known`);
  assert.equal(seen.size, 20_000);
});

test("One Ctrl-C under npm, which arrives twice, is not a second one", () => {
  let now = 1000;
  const source = new EventEmitter();
  const interruption = new Interruption(source, () => now);
  const send = (signal) => source.emit(signal, signal);
  const state = () => [interruption.first.aborted, interruption.second.aborted, interruption.exitCode];
  assert.deepEqual(state(), [false, false, undefined]);
  send("SIGINT");
  now += 100;
  send("SIGINT");
  assert.deepEqual(state(), [true, false, 130]);
  now += 500;
  send("SIGTERM");
  assert.deepEqual(state(), [true, true, 130]);
  interruption.release();
  assert.deepEqual(source.eventNames(), []);
});

suite("Progress", () => {
  const list = { size: 1000, position: 0 };

  function show(stream, script, source = list) {
    let now = 0;
    let text = "";
    const progress = new Progress({ stream: { ...stream, write: (part) => (text += part) }, now: () => now, list: source, resumed: 1000 });
    script(progress, (ms) => (now += ms));
    return text;
  }

  test("On a terminal it is a bar that fits the width and is removed at the end", () => {
    const text = show({ isTTY: true, columns: 60 }, (progress, pass) => {
      list.position = 500;
      progress.update({ found: 1500, failed: 0 });
      pass(1000);
      progress.update({ found: 12_345, failed: 5 });
      progress.pause("429 rate-limited", 60_000);
      progress.end();
    });
    const bar = "[############------------] 50 %  12,350 paths  5 failed  11,350/s";
    assert.equal(text, `\r${bar.slice(0, 59)}\x1b[K\r${bar.slice(0, 59)}\x1b[K\r\x1b[K`);
    const wide = show({ isTTY: true, columns: 120 }, (progress, pass) => {
      pass(1000);
      progress.update({ found: 12_345, failed: 5 });
      progress.pause("429 rate-limited", 60_000);
    });
    assert.equal(wide, `\r${bar}\x1b[K\r${bar}  waiting 60 s: 429 rate-limited\x1b[K`);
  });

  test("Elsewhere it is a line every ten seconds, without a share if the size is unknown", () => {
    const script = (progress, pass) => {
      for (let n = 1; n <= 25; n++) {
        pass(1000);
        progress.update({ found: 1000 + n * 100, failed: n });
      }
      progress.pause("503 overloaded", 200);
      progress.pause("503 overloaded", 2500);
      progress.pause("503 overloaded", 999.9999);
      progress.pause("503 overloaded", 1000.0001);
      progress.end();
    };
    const lines = (prefix) => `${prefix}2,010 paths  10 failed  101/s\n${prefix}3,020 paths  20 failed  101/s\n${[3, 1, 1].map((s) => `Waiting ${s} s: 503 overloaded.\n`).join("")}`;
    assert.equal(show({}, script), lines(" 50 %  "));
    assert.equal(show({}, script, { position: 500 }), lines(""));
  });
});
