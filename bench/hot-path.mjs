// Memory hits: processor time per request of the workerd process, and requests a second, against the floor.
//
// The processor time is the figure that holds on a noisy machine: what others do in the meantime is not in it.

import assert from "node:assert/strict";
import { deploy } from "../tests/worker/harness/site.mjs";
import { floors } from "./floor.mjs";
import { javascript } from "./javascript.mjs";
import { load } from "./load.mjs";
import { interleaved, median } from "./rounds.mjs";

const PATH = "/metadata/photos/cat.jpg";
const WARM_UP_SECONDS = 2;

export async function measure(t, { rounds, seconds }) {
  const site = await deploy(t);
  const { etag } = await site.get(PATH);
  /** Ours and Workers of the sources that these make of our answer, round by round. */
  const compare = async (sources, { path = PATH, headers } = {}) => {
    const answer = await site.get(path, headers);
    assert.equal(answer.layer, "memory");
    const contenders = [site];
    for (const source of sources) contenders.push(await deploy(t, { source: source(answer) }));
    for (const { at, url } of contenders) {
      assertAlike(await at.worker.get(path, headers), answer);
      await load(url + path, { seconds: WARM_UP_SECONDS, headers });
    }
    return interleaved(rounds, contenders, (site) => hits(site, path, headers, seconds));
  };

  const [ours, literal, prepared, service] = await compare([floors.literal, floors.prepared, javascript]);
  const [form, floor] = cpuOf(literal) <= cpuOf(prepared) ? ["literal", literal] : ["prepared", prepared];
  const hit = async (kind, request) => {
    const [ours, floor] = await compare([floors[form]], request);
    return { kind, measured: ours, floor };
  };
  const raw = [
    { kind: "200", measured: ours, floor },
    await hit("200, with Origin", { headers: { Origin: "https://shop.example" } }),
    await hit("304", { headers: { "If-None-Match": etag } }),
    await hit("200, with a crop", { path: `${PATH}?aspect=16:9&focal=0.5,0.3` }),
    { kind: "200, JavaScript service", measured: service, floor },
  ];
  return {
    rows: [["memory hit", "CPU µs", "floor's", "ratio", "(of rounds)", "requests/s", "floor's", "ratio"], ...raw.map(row)],
    notes: [
      `The floor has its headers ${form} (CPU µs: literal ${cpuOf(literal).toFixed(1)}, prepared ${cpuOf(prepared).toFixed(1)}).`,
      `CPU of the JavaScript service, of the same design, over ours: ${(cpuOf(service) / cpuOf(ours)).toFixed(2)}.`,
    ],
    targets: [{ what: "CPU per memory hit over the floor's", value: cpuOf(ours) / cpuOf(floor), target: 1.15, digits: 2 }],
    raw,
  };
}

/** One round: the processor time of a request, in microseconds, and requests a second. */
async function hits(site, path, headers, seconds) {
  const before = site.cpu();
  const { requests, seconds: took } = await load(site.url + path, { seconds, headers });
  return { cpu: ((site.cpu() - before) / requests) * 1e6, rate: requests / took };
}

/** The same answer, but for the time that has passed. */
function assertAlike(answer, { status, headers, text }) {
  assert.deepEqual([answer.status, answer.text, Object.keys(answer.headers).sort()], [status, text, Object.keys(headers).sort()]);
}

function row({ kind, measured, floor }) {
  const ratios = measured.map(({ cpu }, round) => cpu / floor[round].cpu);
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  return [
    kind,
    cpuOf(measured).toFixed(1),
    cpuOf(floor).toFixed(1),
    (cpuOf(measured) / cpuOf(floor)).toFixed(2),
    `${least.toFixed(2)}–${most.toFixed(2)}`,
    Math.round(rateOf(measured)),
    Math.round(rateOf(floor)),
    (rateOf(measured) / rateOf(floor)).toFixed(2),
  ];
}

const cpuOf = (rounds) => median(rounds.map(({ cpu }) => cpu));
const rateOf = (rounds) => median(rounds.map(({ rate }) => rate));
