// Memory hits: CPU time per request of the workerd process, and requests per second, compared with the baseline.
//
// CPU time is the reliable figure on a noisy machine: it excludes the work of other processes.

import assert from "node:assert/strict";
import { deploy } from "../tests/worker/harness/site.mjs";
import { ask } from "./batches.mjs";
import { baselines } from "./baseline.mjs";
import { javascript } from "./javascript.mjs";
import { load } from "./load.mjs";
import { interleaved, median } from "./rounds.mjs";

const PATH = "/metadata/photos/cat.jpg";
const WARM_UP_SECONDS = 2;
/** How many distinct images are requested in turn. */
const COUNTS = [300, 1000, 10_000];

export async function measure(t, { rounds, seconds }) {
  const config = { memoryCacheSize: Math.max(...COUNTS) + 1 };
  const site = await deploy(t, { config });
  const { etag } = await site.get(PATH);
  /**
   * Measures this service and the others in alternating rounds. Each of the others runs in its own process, and is
   * built from this service's response.
   */
  const compare = async (others, { path = PATH, headers, count } = {}) => {
    const answer = await site.get(path, headers);
    assert.equal(answer.layer, "memory");
    const contenders = [site];
    for (const other of others) contenders.push(await other(answer));
    const options = { headers, ...(count && { distinct: prefixOf(count), count }) };
    for (const contender of contenders) {
      assertAlike(await contender.get(path, headers), answer);
      // Load the images into memory.
      if (count && contender === site) await ask(site, 1, count + 1, (n) => `${count}/${n}`);
      await load(contender.url + path, { seconds: WARM_UP_SECONDS, ...options });
    }
    return interleaved(rounds, contenders, (site) => hits(site, path, options, seconds));
  };
  const of = (source) => (answer) => deploy(t, { source: source(answer) });
  // Two processes of the same Worker differ only by noise.
  const secondProcess = async () => {
    const same = await deploy(t, { config });
    await same.get(PATH);
    return same;
  };
  const [ours, same, baseline, prepared, service] = await compare([
    secondProcess,
    of(baselines.literal),
    of(baselines.prepared),
    of(javascript),
  ]);
  const hit = async (kind, request) => {
    const [ours, baseline] = await compare([of(baselines.literal)], request);
    return { kind, measured: ours, baseline };
  };
  const raw = [
    { kind: "one image", measured: ours, baseline },
    { kind: "same Worker, second process (noise)", measured: same, baseline },
    { kind: "baseline with prepared headers", measured: prepared, baseline },
    { kind: "JavaScript service", measured: service, baseline },
    await hit("with an Origin header", { headers: { Origin: "https://shop.example" } }),
    await hit("304", { headers: { "If-None-Match": etag } }),
    await hit("with a crop", { path: `${PATH}?aspect=16:9&focal=0.5,0.3` }),
  ];
  for (const count of COUNTS) raw.push(await hit(`${count} images`, { count }));
  const ratioOf = (kind) => {
    const { measured, baseline } = raw.find((part) => part.kind === kind);
    return median(ratios(measured, baseline));
  };
  return {
    rows: [["memory hit", "CPU µs", "baseline", "ratio", "(range)", "requests/s", "baseline", "ratio"], ...raw.map(row)],
    targets: [
      { name: "CPU per memory hit / baseline, one image", value: ratioOf("one image"), target: 1.1, digits: 2 },
      { name: "CPU per memory hit / baseline, 1,000 images", value: ratioOf("1000 images"), target: 1.28, digits: 2 },
    ],
    raw,
  };
}

const prefixOf = (count) => `/metadata/${count}/`;

/** Measures one round: CPU time per request in microseconds, and requests per second. */
async function hits(site, path, options, seconds) {
  const before = site.cpu();
  const { requests, seconds: took } = await load(site.url + path, { seconds, ...options });
  return { cpu: ((site.cpu() - before) / requests) * 1e6, rate: requests / took };
}

/** Asserts that two responses are the same. Header values may differ, because some contain the time. */
function assertAlike(answer, { status, headers, text }) {
  assert.deepEqual([answer.status, answer.text, Object.keys(answer.headers).sort()], [status, text, Object.keys(headers).sort()]);
}

const ratios = (measured, baseline) => measured.map(({ cpu }, round) => cpu / baseline[round].cpu);

function row({ kind, measured, baseline }) {
  const all = ratios(measured, baseline);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  return [
    kind,
    cpuOf(measured).toFixed(1),
    cpuOf(baseline).toFixed(1),
    median(all).toFixed(2),
    `${least.toFixed(2)}–${most.toFixed(2)}`,
    Math.round(rateOf(measured)),
    Math.round(rateOf(baseline)),
    (rateOf(measured) / rateOf(baseline)).toFixed(2),
  ];
}

const cpuOf = (rounds) => median(rounds.map(({ cpu }) => cpu));
const rateOf = (rounds) => median(rounds.map(({ rate }) => rate));
