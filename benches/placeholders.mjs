// CPU time of an origin miss with and without placeholders, and of a memory hit that draws one.
//
// KV and the origin run in other processes, so only the CPU time of the Worker's own workerd process is counted.

import assert from "node:assert/strict";
import path from "node:path";
import sharp from "sharp";
import { root } from "../scripts/lib/process.mjs";
import { image } from "../tests/worker/harness/origin.mjs";
import { deploy } from "../tests/worker/harness/site.mjs";
import { load } from "./load.mjs";
import { interleaved, median } from "./rounds.mjs";

const WARM_UP_SECONDS = 2;
const CONNECTIONS = 8;

export async function measure(t, { rounds, seconds }) {
  const picture = await sharp(path.join(root, "samples/landscape.jpg")).resize(100, 100, { fit: "inside" }).png().toBuffer();
  // This process plays the origin and its resizer.
  const { addresses, origin } = await deploy(t);
  const json = image();
  origin.on((request, response, record) => {
    if (record.cf?.image.format !== "png") return json(request, response);
    response.writeHead(200, { "Content-Type": "image/png", "Content-Length": picture.length });
    response.end(picture);
  });
  const kv = await deploy(t, { source: noRecords, kv: false, metadata: null });
  const others = { sharedWith: { addresses: { ...addresses, kv: new URL(kv.url).host } } };
  const without = await deploy(t, others);
  const both = await deploy(t, { ...others, config: { placeholders: ["thumbhash", "color"] } });
  const hash = (await both.get("/metadata/first.jpg")).json.metadata.thumbhash;
  assert.ok(hash, "the metadata has no placeholder");

  let run = 0;
  const cpu = async (site, seconds, path) => {
    const before = site.cpu();
    const distinct = path === undefined ? `/metadata/${run++}/` : undefined;
    const { requests } = await load(site.url + (path ?? ""), { seconds, connections: CONNECTIONS, distinct });
    return ((site.cpu() - before) / requests) * 1e6;
  };
  const PLAIN = "/metadata/first.jpg";
  const contenders = [[without], [both], [both, PLAIN], [both, `${PLAIN}?placeholder=data-url`]];
  for (const [site, path] of contenders) await cpu(site, WARM_UP_SECONDS, path);
  const [off, on, hit, drawn] = await interleaved(rounds, contenders, ([site, path]) => cpu(site, seconds, path));
  const row = (name, figures, others) => [
    name,
    median(figures).toFixed(0),
    others ? `+${median(figures.map((cpu, round) => cpu - others[round])).toFixed(0)}` : "",
  ];
  return {
    rows: [
      ["CPU µs", "median", "difference"],
      row("origin miss", off),
      row("… with both placeholders", on, off),
      row("memory hit", hit),
      row("… with a data URL", drawn, hit),
    ],
    notes: [`The picture has ${picture.length} bytes.`, ""],
    targets: [],
    raw: { off, on, hit, drawn },
  };
}

/** A KV stand-in without records. */
const noRecords = `
export default {
  async fetch({ method }) {
    return new Response(null, { status: method === "GET" ? 404 : 200 });
  },
};`;
