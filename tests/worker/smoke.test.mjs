import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import http from "node:http";
import path from "node:path";
import test, { after, suite } from "node:test";
import { serveOrigin } from "../../scripts/lib/origin.mjs";
import { close, listen } from "./harness/listener.mjs";
import { root } from "./harness/modules.mjs";
import { failure, image } from "./harness/origin.mjs";
import { deploy } from "./harness/site.mjs";
import { wranglerDev } from "./harness/wrangler.mjs";

/** Runs `npm run smoke`; returns whether it passed and its output. */
function smoke(...args) {
  const script = path.join(root, "scripts/smoke.mjs");
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], (error, stdout, stderr) => {
      resolve({ passed: !error, lines: stdout.trimEnd().split("\n"), stderr: stderr.trim() });
    });
  });
}

async function assertFails(args, line) {
  const { passed, lines, stderr } = await smoke(...args);
  assert.equal(passed, false, lines.join("\n"));
  assert.match([...lines, stderr].join("\n"), line);
}

test("The smoke test passes for an instance as npm start serves it", async () => {
  const originUrl = await serveOrigin(path.join(root, "samples"));
  const { url } = await wranglerDev({ after }, { metadata: { originUrl } });
  for (const name of [[], ["gallery/Größe 1.png"]]) {
    const { passed, lines, stderr } = await smoke(url, ...name);
    assert.ok(passed, [...lines, stderr].join("\n"));
    assert.deepEqual(
      lines.map((line) => line.match(/^(ok {2}|FAIL) {2}(\w+): /)?.slice(1)),
      ["health", "image", "headers", "memory", "kv"].map((check) => ["ok  ", check]),
    );
  }
});

test("The smoke test looks each further path up until a cache has it", async (t) => {
  const config = { query: ["v"], origins: [{ prefix: "cdn", url: "https://cdn.test/x" }] };
  const site = await deploy(t, { config });
  site.origin.on("/x/Gr%C3%B6%C3%9Fe%201.jpg", image({ width: 600, height: 400 }));
  site.origin.on(failure(404));
  for (const name of ["cat", "dog"]) site.origin.on(`/assets/${name}.jpg`, image());
  const { passed, lines, stderr } = await smoke(site.url, "cat.jpg?v=a", "cdn/Größe 1.jpg", "dog.jpg?v=3");
  assert.ok(passed, [...lines, stderr].join("\n"));
  assert.deepEqual(lines.slice(5), [
    "ok    cdn/Größe 1.jpg: 600 by 400 pixels, jpeg, source format-json, from origin, then from memory",
    "ok    dog.jpg?v=3: 4000 by 3000 pixels, jpeg, source format-json, from origin, then from memory",
  ]);
  const asked = ["/x/Gr%C3%B6%C3%9Fe%201.jpg", "/assets/dog.jpg"].flatMap((path) => site.origin.requestsTo(path).map(({ url }) => url));
  assert.deepEqual(asked, ["https://cdn.test/x/Gr%C3%B6%C3%9Fe%201.jpg", "https://images.test/assets/dog.jpg?v=3"]);
});

test("The smoke test passes behind the platform's cache, and reaches the memory of the Worker", async (t) => {
  const site = await deploy(t, { edgeCache: true, config: { edgeCache: true, query: ["v"] } });
  site.origin.on(failure(404));
  for (const name of ["cat", "dog"]) site.origin.on(`/assets/${name}.jpg`, image());
  const { url } = await proxy(t, async (request, response) => {
    const answer = await site.edge.request(request.method, request.url, { headers: request.headers });
    response.writeHead(answer.status, answer.headers).end(answer.bytes);
  });
  const { passed, lines, stderr } = await smoke(url, "cat.jpg?v=a", "dog.jpg");
  assert.ok(passed, [...lines, stderr].join("\n"));
  assert.match(lines[3], /^ok {4}memory: hit at request \d+$/);
  assert.equal(lines[5], "ok    dog.jpg: 4000 by 3000 pixels, jpeg, source format-json, from origin, then from the platform's cache");
});

suite("Failures of the smoke test", () => {
  test("The smoke test fails if no host is given", async () => {
    for (const args of [[], ["photos/cat.jpg"], ["localhost:8787"]]) await assertFails(args, /^Pass the URL of the instance/m);
  });

  test("The smoke test fails if the host refuses connections", async () => {
    const server = http.createServer();
    const address = await listen(server);
    close(server);
    await assertFails([`http://${address}`], /^FAIL {2}health: Cannot reach .*\/health: .*ECONNREFUSED/m);
  });

  test("The smoke test fails for another service", async (t) => {
    const { url } = await proxy(t, (request, response) => response.writeHead(404, { "Content-Type": "text/html" }).end("<p>"));
    await assertFails([url], /^FAIL {2}health: .*\/health returned 404 text\/html: this is not the service\.$/m);
  });

  test("The smoke test fails if a setting is invalid", async (t) => {
    const site = await deploy(t, { config: { memoryCacheSize: 0 } });
    await assertFails([site.at.worker.url], /^FAIL {2}health: The setting 'memoryCacheSize' must be/m);
  });

  test("The smoke test fails if the origin does not have the image", async (t) => {
    const site = await deploy(t);
    site.origin.on("/assets/none.jpg", failure(404));
    await assertFails([site.at.worker.url, "none.jpg"], /^FAIL {2}image: .*none\.jpg returned 404 not-found: The origin has no such image/m);
  });

  test("The smoke test fails if a further path fails, names it, and still checks the paths after it", async (t) => {
    const site = await deploy(t, { metadata: { origins: ["a", "b"].map((prefix) => ({ prefix, url: `https://${prefix}.test` })) } });
    site.origin.on(failure(404));
    site.origin.on("/cat.jpg", image());
    const { passed, lines, stderr } = await smoke(site.url, "a/cat.jpg", "b/none.jpg", "elsewhere/cat.jpg", "b/cat.jpg");
    assert.equal(passed, false);
    const [missing, unrouted, last] = lines.slice(-3);
    assert.match(missing, /^FAIL {2}b\/none\.jpg: .*\/metadata\/b\/none\.jpg returned 404 not-found: The origin has no such image/);
    assert.match(unrouted, /^FAIL {2}elsewhere\/cat\.jpg: .* returned 404 not-found: No origin is configured for this path/);
    assert.match(last, /^ok {4}b\/cat\.jpg: /);
    assert.match(stderr, /^2 checks of .* failed\.$/);
  });

  test("The smoke test fails if a further path is never cached, or its metadata changes", async (t) => {
    const uncached = await deploy(t, { config: { cacheEnabled: false } });
    await assertFails([uncached.url, "cat.jpg", "dog.jpg"], /^FAIL {2}dog\.jpg: \/metadata\/dog\.jpg is not cached after 20 requests; layers: origin\.$/m);
    let width = 100;
    uncached.origin.on("/assets/dog.jpg", (...args) => image({ width: width++ })(...args));
    await assertFails([uncached.url, "cat.jpg", "dog.jpg"], /^FAIL {2}dog\.jpg: \/metadata\/dog\.jpg has another ETag at request 2\.$/m);
  });

  test("The smoke test fails if a proxy removes a header", async (t) => {
    const site = await deploy(t);
    const { url } = await proxy(t, async (request, response) => {
      const answer = await site.request(request.method, request.url, { headers: request.headers });
      const { etag, ...headers } = answer.headers;
      response.writeHead(answer.status, headers).end(answer.bytes);
    });
    await assertFails([url], /^FAIL {2}headers: etag is missing/m);
  });

  test("The smoke test fails if the caches are disabled", async (t) => {
    const site = await deploy(t, { config: { cacheEnabled: false } });
    await assertFails([site.at.worker.url], /^FAIL {2}memory: The caches are disabled/m);
  });

  test("The smoke test fails if no request hits memory", async (t) => {
    const site = await deploy(t, { config: { memoryCacheTtl: 0 } });
    await assertFails([site.at.worker.url], /^FAIL {2}memory: No memory hit in 20 requests/m);
  });

  test("The smoke test fails if KV is not bound", async (t) => {
    const site = await deploy(t, { config: { kvNamespace: "ELSEWHERE" } });
    site.origin.on(failure(404));
    site.origin.on("/assets/landscape.jpg", image());
    await assertFails([site.at.worker.url], /^FAIL {2}kv: KV is not bound/m);
  });
});

async function proxy(t, answer) {
  const server = http.createServer(answer);
  t.after(() => close(server));
  return { url: `http://${await listen(server)}` };
}
