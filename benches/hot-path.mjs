// Memory hits: processor time per request of the workerd process, and requests a second, against the floor.
//
// The processor time is the figure that holds on a noisy machine: what others do in the meantime is not in it.

import assert from "node:assert/strict";
import { deploy } from "../tests/worker/harness/site.mjs";
import { ask } from "./batches.mjs";
import { floors } from "./floor.mjs";
import { javascript } from "./javascript.mjs";
import { load } from "./load.mjs";
import { interleaved, median } from "./rounds.mjs";

const PATH = "/metadata/photos/cat.jpg";
const WARM_UP_SECONDS = 2;
/** How many images are asked for in turn. */
const COUNTS = [300, 1000, 10_000];

export async function measure(t, { rounds, seconds }) {
  const config = { memoryCacheSize: Math.max(...COUNTS) + 1 };
  const site = await deploy(t, { config });
  const { etag } = await site.get(PATH);
  /** Ours and the others, round by round. Each of these has a process of its own, made of our answer. */
  const compare = async (others, { path = PATH, headers, count } = {}) => {
    const answer = await site.get(path, headers);
    assert.equal(answer.layer, "memory");
    const contenders = [site];
    for (const other of others) contenders.push(await other(answer));
    const options = { headers, ...(count && { distinct: prefixOf(count), count }) };
    for (const contender of contenders) {
      assertAlike(await contender.get(path, headers), answer);
      // Have the images in memory.
      if (count && contender === site) await ask(site, 1, count + 1, (n) => `${count}/${n}`);
      await load(contender.url + path, { seconds: WARM_UP_SECONDS, ...options });
    }
    return interleaved(rounds, contenders, (site) => hits(site, path, options, seconds));
  };
  const of = (source) => (answer) => deploy(t, { source: source(answer) });
  // What two processes of the same Worker differ by is noise.
  const ourselves = async () => {
    const same = await deploy(t, { config });
    await same.get(PATH);
    return same;
  };
  const [ours, same, floor, prepared, service] = await compare([ourselves, of(floors.literal), of(floors.prepared), of(javascript)]);
  const hit = async (kind, request) => {
    const [ours, floor] = await compare([of(floors.literal)], request);
    return { kind, measured: ours, floor };
  };
  const raw = [
    { kind: "one image", measured: ours, floor },
    { kind: "the same in a second process: noise", measured: same, floor },
    { kind: "the floor with prepared headers", measured: prepared, floor },
    { kind: "the JavaScript service", measured: service, floor },
    await hit("with Origin", { headers: { Origin: "https://shop.example" } }),
    await hit("304", { headers: { "If-None-Match": etag } }),
    await hit("with a crop", { path: `${PATH}?aspect=16:9&focal=0.5,0.3` }),
  ];
  for (const count of COUNTS) raw.push(await hit(`${count} images`, { count }));
  const ratioOf = (kind) => {
    const { measured, floor } = raw.find((part) => part.kind === kind);
    return median(ratios(measured, floor));
  };
  return {
    rows: [["memory hit", "CPU µs", "floor's", "ratio", "(of rounds)", "requests/s", "floor's", "ratio"], ...raw.map(row)],
    targets: [
      { what: "CPU per memory hit over the floor's, one image", value: ratioOf("one image"), target: 1.1, digits: 2 },
      { what: "CPU per memory hit over the floor's, 1,000 images", value: ratioOf("1000 images"), target: 1.28, digits: 2 },
    ],
    raw,
  };
}

const prefixOf = (count) => `/metadata/${count}/`;

/** One round: the processor time of a request, in microseconds, and requests a second. */
async function hits(site, path, options, seconds) {
  const before = site.cpu();
  const { requests, seconds: took } = await load(site.url + path, { seconds, ...options });
  return { cpu: ((site.cpu() - before) / requests) * 1e6, rate: requests / took };
}

/** The same answer, but for the time that has passed. */
function assertAlike(answer, { status, headers, text }) {
  assert.deepEqual([answer.status, answer.text, Object.keys(answer.headers).sort()], [status, text, Object.keys(headers).sort()]);
}

const ratios = (measured, floor) => measured.map(({ cpu }, round) => cpu / floor[round].cpu);

function row({ kind, measured, floor }) {
  const ofRounds = ratios(measured, floor);
  const [least, most] = [Math.min(...ofRounds), Math.max(...ofRounds)];
  return [
    kind,
    cpuOf(measured).toFixed(1),
    cpuOf(floor).toFixed(1),
    median(ofRounds).toFixed(2),
    `${least.toFixed(2)}–${most.toFixed(2)}`,
    Math.round(rateOf(measured)),
    Math.round(rateOf(floor)),
    (rateOf(measured) / rateOf(floor)).toFixed(2),
  ];
}

const cpuOf = (rounds) => median(rounds.map(({ cpu }) => cpu));
const rateOf = (rounds) => median(rounds.map(({ rate }) => rate));
