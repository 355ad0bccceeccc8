import assert from "node:assert/strict";
import test from "node:test";
import { computeCrop } from "../../../inspector/crop.js";
import { csv } from "../../../inspector/csv.js";
import { image } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";

/** A generator of numbers from 0 to just below `limit`, the same in every run. */
function numbers(seed) {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

test("The Inspector computes thousands of random crops as the Worker does", async (t) => {
  const site = await deploy(t);
  const next = numbers(24);
  const side = () => 1 + next([10, 1000, 20_000, 65_535][next(4)]);
  const decimal = () => [`${1 + next(30)}`, `${next(10)}.${1 + next(999)}`, `${next(9)}.${"9".repeat(1 + next(12))}5`, `${1 + next(1e6)}`][next(4)];
  const share = () => [`${next(2)}`, `0.${next(1000)}`, "0.5", `0.${`${1 + next(1e9)}${next(1e4)}`}`][next(4)];
  const pick = (...values) => values[next(values.length)];
  const parameters = () => {
    const pairs = {
      aspect: next(20) === 0 ? pick("abc", "16", "0:1", "1:1000001", "1:2:3", "1.:1") : next(4) && `${decimal()}${pick(":", "-")}${decimal()}`,
      platform: pick("", "", "twitter", "facebook", "instagram"),
      focal: next(30) === 0 ? pick("1.5,0", "0,1.000000001", "a,b") : next(4) && `${share()},${share()}`,
      allowExpansion: pick("", "", "true", "false"),
      ...(next(2) ? { width: next(20) === 0 ? pick("1.5", "1e3", "0", "-5", "12001", "12000", "0600", "0x10") : next(2) && `${1 + next(3000)}` } : { device: pick("", "mobile", "tablet", "desktop") }),
    };
    if (pairs.platform === "instagram" && next(2)) pairs.content = "portrait";
    return new URLSearchParams(Object.entries(pairs).filter(([, value]) => value));
  };
  const kinds = { pad: 0, cover: 0, invalid: 0 };
  for (let n = 0; n < 60; n++) {
    const size = { width: side(), height: side() };
    site.origin.on(`/assets/${n}.jpg`, image(size));
    const { metadata } = (await site.get(`/metadata/${n}.jpg`)).json;
    for (let crop = 0; crop < 50; crop++) {
      const query = parameters();
      if (!query.size) continue;
      const { status, json } = await site.get(`/metadata/${n}.jpg?${query}`);
      const { path, metadata: same, ...expected } = json;
      const computed = computeCrop(metadata, query);
      const text = `${metadata.width} by ${metadata.height}: ${query}`;
      if (status === 400) assert.equal(computed, undefined, text);
      else assert.deepEqual(computed, expected, text);
      kinds[status === 400 ? "invalid" : (expected.fit ?? "cover")]++;
    }
  }
  t.diagnostic(JSON.stringify(kinds));
  for (const [kind, count] of Object.entries(kinds)) assert.ok(count > 20, `${count} ${kind}`);
});

test("A saved list is a CSV file without formulas, and spreadsheets read its names", () => {
  const rows = [
    { path: "=1+1.jpg", width: 1 },
    { path: "+a.jpg", width: 2 },
    { path: "-a.jpg", width: -2 },
    { path: '@a,"b".jpg' },
    { path: "\t=a.jpg" },
    { path: "Größe\n1.png", width: 3 },
  ];
  const lines = ["path,width", `"'=1+1.jpg",1`, `"'+a.jpg",2`, `"'-a.jpg",-2`, `"'@a,""b"".jpg",`, `"'\t=a.jpg",`, `"Größe\n1.png",3`];
  assert.equal(csv(["path", "width"], rows), `\uFEFF${lines.join("\r\n")}\r\n`);
});
