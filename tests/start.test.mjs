// `npm start` returns what the first examples in README.md show, from two origins.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import readline from "node:readline";
import test from "node:test";
import { promisify } from "node:util";
import { freePort } from "../scripts/lib/free-port.mjs";
import { Client } from "./worker/harness/client.mjs";
import { within } from "./worker/harness/gate.mjs";
import { root } from "./worker/harness/modules.mjs";
import { Origin, text } from "./worker/harness/origin.mjs";
import { jpeg } from "./worker/harness/picture.mjs";

/** The time limit for a build and the start of wrangler, on a busy machine. */
const START_TIMEOUT_MS = 300_000;

/** Runs `npm start` until the end of the test. Resolves when it has printed its examples. */
async function start(t, env = {}) {
  const port = await freePort();
  const child = spawn("npm", ["start"], { cwd: root, env: { ...process.env, ...env, PORT: `${port}` }, stdio: ["ignore", "pipe", "pipe"] });
  const lines = [];
  const printed = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      readline.createInterface(stream).on("line", (line) => {
        lines.push(line);
        if (line.includes("Or open ")) resolve();
      });
    }
    child.once("exit", (code) => reject(new Error(`npm start ended with ${code}:\n${lines.join("\n")}`)));
  });
  const client = new Client(port);
  t.after(async () => {
    client.close();
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
  });
  await within(printed, () => `npm start to print its examples; it printed:\n${lines.join("\n")}`, START_TIMEOUT_MS);
  return { client, lines, port };
}

/** The samples that the Inspector shows. */
async function samplesOf(client) {
  const page = await client.get("/");
  assert.equal(page.headers.etag, undefined);
  const [, json] = page.text.match(/data-samples="([^"]*)"/);
  return JSON.parse(json.replaceAll("&quot;", '"'));
}

test("npm start returns what the README shows, from an HTTP origin and from a bucket", async (t) => {
  const settings = readFileSync(path.join(root, "wrangler.toml"), "utf8");
  const { client, lines, port } = await start(t);
  assert.equal(readFileSync(path.join(root, "wrangler.toml"), "utf8"), settings);
  const readme = readFileSync(path.join(root, "README.md"), "utf8");
  const [, expected] = readme.match(/^({"path":"landscape\.jpg","metadata":.*})$/m);
  const answer = await client.get("/metadata/landscape.jpg");
  assert.equal(answer.text, expected);
  assert.equal(answer.json.metadata.source, "format-json");

  const examples = lines.flatMap((line) => line.match(/curl -i "?http:\/\/localhost:\d+([^ "]+)/)?.[1] ?? []);
  assert.ok(examples.length >= 4, lines.join("\n"));
  for (const path of examples) assert.equal((await client.get(path)).status, 200, path);
  for (const [name, kind] of [
    ["corners.png", "HTTP origin"],
    ["bucket/corners.png", "R2 bucket"],
  ]) {
    const greeting = lines.find((line) => line.startsWith(`  ${name} `));
    assert.match(greeting ?? lines.join("\n"), new RegExp(`64 by 48 pixels, png, from a local ${kind}$`));
  }
  assert.deepEqual((await client.get("/health")).json.origins, [
    { kind: "bucket", prefix: "bucket" },
    { kind: "url", prefix: "" },
  ]);
  const fromBucket = await client.get("/metadata/bucket/rotated.jpg");
  assert.ok(readme.includes(`\n${fromBucket.text}\n`), fromBucket.text);
  const { width, height, source } = (await client.get("/metadata/rotated.jpg")).json.metadata;
  assert.deepEqual([width, height, source], [600, 900, "format-json"]);

  const samples = await samplesOf(client);
  assert.ok(samples.includes("gallery/Größe 1.png") && samples.includes("bucket/portrait.png"), samples.join());
  for (const name of samples) assert.equal((await client.get(`/metadata/${encodeURI(name)}`)).status, 200, name);

  // The next start restores the object.
  const [, example] = readme.match(/^\$ npm run -s upload -- (.*)$/m);
  const { stdout } = await promisify(execFile)("node", ["scripts/upload.mjs", ...example.split(" ")], { cwd: root, env: { ...process.env, PORT: port } });
  assert.ok(readme.includes(stdout.replaceAll(`:${port}/`, ":8787/")), stdout);
  assert.equal((await client.get("/metadata/bucket/corners.png")).json.metadata.width, 1600);
});

test("npm start with ORIGIN_URL serves the images of that origin", async (t) => {
  const origin = new Origin();
  t.after(() => origin.close());
  const originUrl = `http://${await origin.listen()}/assets`;
  origin.on("/assets/own.jpg", text(await jpeg({ width: 123 }), { headers: { "Content-Type": "image/jpeg" } }));
  const { client, lines } = await start(t, { ORIGIN_URL: originUrl });
  const { metadata } = (await client.get("/metadata/own.jpg")).json;
  assert.deepEqual([metadata.width, metadata.source], [123, "format-json"]);
  assert.equal((await client.get("/metadata/bucket/corners.png")).json.metadata.width, 64);
  assert.ok(
    lines.some((line) => line.includes(`below ${originUrl}`)),
    lines.join("\n"),
  );
  assert.ok(lines.includes(`  all others         from ${originUrl}`), lines.join("\n"));
  assert.deepEqual(await samplesOf(client), ["bucket/portrait.png"]);
});

test("npm start with PLACEHOLDERS adds the placeholders that the docs show", async (t) => {
  const docs = readFileSync(path.join(root, "docs/placeholders.md"), "utf8");
  const { client, lines } = await start(t, { PLACEHOLDERS: "1" });
  const [, expected] = docs.match(/^({"path":"landscape\.jpg","metadata":{"width".*})$/m);
  assert.equal((await client.get("/metadata/landscape.jpg")).text, expected);
  const fromBucket = await client.get("/metadata/bucket/portrait.png");
  assert.match(fromBucket.json.metadata.color, /^#[0-9a-f]{6}$/);
  const example = "/metadata/landscape.jpg?placeholder=data-url";
  assert.ok(lines.some((line) => line.endsWith(`${example}"`)), lines.join("\n"));
  assert.match((await client.get(example)).json.placeholder.dataUrl, /^data:image\/png;base64,/);
});
