import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { names } from "../harness/batch.mjs";
import { close, createTestServer, listen } from "../harness/listener.mjs";
import { failure } from "../harness/origin.mjs";
import { deploy } from "../harness/site.mjs";
import { folder, runWarm, startWarm } from "../harness/warm.mjs";

const keys = (site) => [...site.kv.records.keys()].sort();
const keysOf = (paths) => paths.map((path) => `metadata:${path}`).sort();
const lines = (file) => readFileSync(file, "utf8").trimEnd().split(/\r?\n/);

test("10,000 paths are in KV afterwards, each after one request to the origin", async (t) => {
  const site = await deploy(t);
  const file = folder(t);
  const paths = names(10_000);
  writeFileSync(file("list"), paths.join("\n"));
  const { code, stdout, stderr } = await runWarm([site.url, file("list"), "--csv", file("csv")]);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /: 10,000 paths, 10,000 found, 0 failed\.$/m);
  assert.deepEqual(site.origin.requests.map(({ path }) => path).sort(), paths.map((path) => `/assets/${path}`).sort());
  // The Worker writes the last records after its response.
  await site.kv.allWritten(paths.length);
  assert.deepEqual(keys(site), keysOf(paths));
  assert.deepEqual(lines(file("csv")).sort(), ["path,width,height,format", ...paths.map((path) => `${path},4000,3000,jpeg`)].sort());
  for (const name of ["list.warm-state", "list.failed"]) assert.equal(existsSync(file(name)), false, name);
});

test("Runs that are killed and stopped at random points are resumed, and no path is lost", async (t) => {
  const site = await deploy(t);
  const file = folder(t);
  const paths = names(2000);
  writeFileSync(file("list"), paths.join("\n"));
  const args = [site.url, file("list"), "--csv", file("csv"), "--batch", "20"];
  const points = [];
  for (const signal of ["SIGKILL", "SIGINT"]) {
    const done = site.origin.requests.length;
    // Beyond the 120 paths that are requested at a time.
    const point = done + 150 + Math.floor(Math.random() * 600);
    points.push(point);
    const { kill, exited } = startWarm(args);
    await site.origin.received(`/assets/${paths[point]}`);
    kill(signal);
    assert.equal((await exited).code, signal === "SIGINT" ? 130 : signal);
  }
  const { code, stdout, stderr } = await runWarm(args);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^Resuming .*\. Done before: [\d,]+ paths\.$/m);
  assert.match(stdout, /: 2,000 paths, 2,000 found, 0 failed\.$/m);
  await site.kv.allWritten(paths.length);
  assert.deepEqual(keys(site), keysOf(paths), `interrupted at ${points}`);
  assert.deepEqual(lines(file("csv")).slice(1).sort(), paths.map((path) => `${path},4000,3000,jpeg`).sort(), `interrupted at ${points}`);
});

test("Images that the origin does not have are in the file of failed paths", async (t) => {
  const site = await deploy(t, { config: { query: ["v"] } });
  site.origin.on("/assets/none.jpg", failure(404));
  const file = folder(t);
  writeFileSync(file("list"), "a.jpg?v=1\na.jpg?v=2\nnone.jpg\na//b.jpg\n100%25.jpg\n");
  const { code, stderr } = await runWarm([site.url, file("list")]);
  assert.equal(code, 1);
  assert.match(stderr, /^Failed paths are in .*list\.failed, which is a list too\./m);
  assert.deepEqual(lines(file("list.failed")).map((line) => line.split("\t").slice(0, 3)), [
    ["none.jpg", "404", "not-found"],
    ["a//b.jpg", "400", "invalid-path"],
  ]);
  await site.kv.allWritten(3);
  assert.deepEqual(keys(site), ["metadata:100%.jpg", "metadata:a.jpg//?v=1", "metadata:a.jpg//?v=2"]);
});

test("With the admin token, the rate limit does not apply", async (t) => {
  const site = await deploy(t, { rateLimit: { limit: 1 }, env: { ADMIN_TOKEN: "secret" } });
  // Only the platform knows the address of a client, and clients without an address are not charged.
  const platform = createTestServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const headers = { ...request.headers, "CF-Connecting-IP": "192.0.2.1" };
    const answer = await site.request(request.method, request.url, { headers, body });
    response.writeHead(answer.status, answer.headers).end(answer.bytes);
  });
  t.after(() => close(platform));
  const url = `http://${await listen(platform)}`;
  const file = folder(t);
  writeFileSync(file("list"), names(50).join("\n"));
  const run = (env) => runWarm([url, file("list"), "--attempts", "1"], { env });
  const without = await run({});
  assert.equal(without.code, 1);
  assert.match(without.stderr, /Gave up after 1 attempt: 429 rate-limited: /);
  const { code, stdout, stderr } = await run({ ADMIN_TOKEN: "secret" });
  assert.equal(code, 0, stdout + stderr);
  assert.doesNotMatch(stdout + stderr, /secret/);
  const wrong = await run({ ADMIN_TOKEN: "guessed" });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /refuses ADMIN_TOKEN: /);
  assert.doesNotMatch(wrong.stderr, /guessed/);
});
