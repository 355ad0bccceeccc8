import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem, assertStale } from "./harness/expect.mjs";
import { failure, inSequence, redirect, reset, text } from "./harness/origin.mjs";
import { forwardSource } from "./harness/origin-kinds.mjs";
import { jpeg } from "./harness/picture.mjs";
import { deploy } from "./harness/site.mjs";

const SECRET = "PRIVATE_HEADERS";
const VALUES = { authorization: "Basic hunter2", "x-api-key": "hunter2; key=1" };
const env = { [SECRET]: JSON.stringify({ Authorization: VALUES.authorization, "X-API-Key": VALUES["x-api-key"] }) };
const PRIVATE = { url: "https://private.test/p", headersSecret: SECRET };
const PATH = "/metadata/private/cat.jpg";
const picture = await jpeg();

/** Deploys a site with public origins and a private one, all of which respond with the same image. */
async function deployPrivate(t, { origin = PRIVATE, config, ...options } = {}) {
  const origins = [{ prefix: "private", ...origin }, { prefix: "cdn", url: "https://cdn.test", probe: "header" }];
  const site = await deploy(t, { config: { origins, probe: "header", errorTtl: 0, ...config }, env, ...options });
  site.origin.on(text(picture, { headers: { "Content-Type": "image/jpeg" } }));
  return site;
}

/** The values that the origin received in the headers of the secret. */
const secretsIn = ({ headers }) => Object.fromEntries(Object.keys(VALUES).map((name) => [name, headers[name]]));
const NONE = { authorization: undefined, "x-api-key": undefined };

async function assertHidden(site, ...answers) {
  await site.stop();
  for (const text of [site.transcript(), ...answers.map(({ text, headers }) => text + JSON.stringify(headers))]) {
    assert.ok(!text.includes("hunter2"), text);
  }
}

suite("Secret headers", () => {
  test("Secret headers are sent to their origin and no other, and a client's headers of the same names to none", async (t) => {
    const site = await deployPrivate(t);
    const client = { Authorization: "Bearer client", "X-API-Key": "client", Cookie: "client=1" };
    const answers = [];
    for (const path of [PATH, "/metadata/cdn/cat.jpg", "/metadata/cat.jpg", "/metadata/privates/cat.jpg"]) {
      answers.push(await site.get(path, client));
      assertFound(answers.at(-1), "origin");
    }
    assert.deepEqual(
      site.origin.requests.map((request) => [request.url, secretsIn(request), request.headers.cookie]),
      [
        ["https://private.test/p/cat.jpg", VALUES, undefined],
        ["https://cdn.test/cat.jpg", NONE, undefined],
        ["https://images.test/assets/cat.jpg", NONE, undefined],
        ["https://images.test/assets/privates/cat.jpg", NONE, undefined],
      ],
    );
    await assertHidden(site, ...answers);
  });

  test("Responses to requests with secret headers are not cached on their way, and those without may be", async (t) => {
    const site = await deployPrivate(t);
    for (const path of [PATH, "/metadata/cdn/cat.jpg"]) await site.get(path);
    assert.deepEqual(
      site.origin.requests.map(({ headers }) => headers["cache-control"]),
      ["no-cache", undefined],
    );
  });

  test("A path with an encoded prefix is the private origin's, and no path leaves its folder", async (t) => {
    const site = await deployPrivate(t);
    for (const raw of ["private%2Fa.jpg", "%70rivate/b.jpg", "private/https:%2Fevil.test%2Fc.jpg", "private/@evil.test/d.jpg", "private/%252e%252e/e.jpg"]) {
      assertFound(await site.get(`/metadata/${raw}`), "origin");
      const request = site.origin.requests.at(-1);
      assert.deepEqual([request.host, request.path.startsWith("/p/"), secretsIn(request)], ["private.test", true, VALUES], request.url);
    }
    for (const raw of ["private/../cat.jpg", "private%2F..%2Fcat.jpg", "private//evil.test/cat.jpg", "private/%5Cevil.test"]) {
      assertProblem(await site.get(`/metadata/${raw}`), 400, "invalid-path");
    }
    assert.equal(site.origin.requests.length, 5);
  });

  test("Each origin gets its own secret", async (t) => {
    const other = { prefix: "other", url: "https://other.test", headersSecret: "OTHER" };
    const origins = [{ prefix: "private", ...PRIVATE }, other];
    const site = await deployPrivate(t, { config: { origins }, env: { ...env, OTHER: '{"X-API-Key":"another"}' } });
    assertFound(await site.get(PATH), "origin");
    assertFound(await site.get("/metadata/other/cat.jpg"), "origin");
    assert.deepEqual(site.origin.requests.map(secretsIn), [VALUES, { ...NONE, "x-api-key": "another" }]);
  });

  test("Secret headers of originUrl are not sent to origins with a prefix", async (t) => {
    const site = await deployPrivate(t, { config: { headersSecret: SECRET, origins: [{ prefix: "cdn", url: "https://images.test/cdn", probe: "header" }] } });
    assertFound(await site.get("/metadata/cat.jpg"), "origin");
    assertFound(await site.get("/metadata/cdn/cat.jpg"), "origin");
    assert.deepEqual(site.origin.requests.map(secretsIn), [VALUES, NONE]);
  });

  test("A service gets the secret headers of its origin", async (t) => {
    const origin = { service: "RENDERER", headersSecret: SECRET };
    const site = await deployPrivate(t, { origin, services: { RENDERER: forwardSource } });
    assertFound(await site.get(PATH), "origin");
    assert.deepEqual(
      site.origin.requests.map((request) => [request.url, secretsIn(request)]),
      [["https://service/cat.jpg", VALUES]],
    );
  });

  test("Secret headers are kept on a redirect within the origin", async (t) => {
    const site = await deployPrivate(t);
    site.origin.on("/p/cat.jpg", redirect("https://private.test/elsewhere/cat.jpg", 301));
    assertFound(await site.get(PATH), "origin");
    assert.deepEqual(
      site.origin.requests.map((request) => [request.url, secretsIn(request)]),
      [
        ["https://private.test/p/cat.jpg", VALUES],
        ["https://private.test/elsewhere/cat.jpg", VALUES],
      ],
    );
  });

  for (const [what, location] of [
    ["another host", "https://evil.test/p/cat.jpg"],
    ["another host without a scheme", "//evil.test/p/cat.jpg"],
    ["another host that begins like the origin", "https://private.test.evil.test/p/cat.jpg"],
    ["another port", "https://private.test:8443/p/cat.jpg"],
    ["http", "http://private.test/p/cat.jpg"],
    ["another public origin of the settings", "https://cdn.test/cat.jpg"],
  ]) {
    test(`A redirect to ${what} is refused, without a request there`, async (t) => {
      const site = await deployPrivate(t);
      site.origin.on("/p/cat.jpg", inSequence(redirect("/p/hop.jpg"), redirect(location)));
      site.origin.on("/p/hop.jpg", redirect(location));
      const answer = await site.get(PATH);
      assertProblem(answer, 502, "redirect-refused");
      assert.deepEqual(
        site.origin.requests.map(({ url }) => url),
        ["https://private.test/p/cat.jpg", "https://private.test/p/hop.jpg"],
      );
      await assertHidden(site, answer);
    });
  }

  for (const [what, fault] of [
    ["a 503", failure(503)],
    ["a broken connection", reset()],
  ]) {
    test(`The retry after ${what} has the secret headers too`, async (t) => {
      const site = await deployPrivate(t);
      site.origin.on("/p/cat.jpg", inSequence(fault, text(picture)));
      assertFound(await site.get(PATH), "origin");
      assert.deepEqual(site.origin.requests.map(secretsIn), [VALUES, VALUES]);
    });
  }

  test("Batches, service binding calls and background refreshes send the secret headers", async (t) => {
    const site = await deployPrivate(t, { caller: true, clock: true, config: { kvCacheTtl: 1000, staleWhileRevalidate: 5000 } });
    await site.clock.freeze();
    const body = JSON.stringify({ paths: ["private/batch.jpg", "cdn/batch.jpg"] });
    const batch = await site.request("POST", "/metadata", { body, headers: { "Content-Type": "application/json" } });
    assert.deepEqual(batch.json.results.map(({ status }) => status), [200, 200]);
    assert.equal((await site.call("fetchMetadata", "private/call.jpg")).metadata.width, 40);
    await site.clock.advance(1500);
    assertStale(await site.get("/metadata/private/call.jpg"), { path: "private/call.jpg" });
    await site.origin.received("/p/call.jpg", 2);
    for (const request of site.origin.requests) {
      assert.deepEqual(secretsIn(request), request.host === "private.test" ? VALUES : NONE, request.url);
    }
    assert.equal(site.origin.requestsToHost("private.test").length, 3);
  });

  test("The Inspector, health, statistics, metrics and the API's description show no secret and no private URL", async (t) => {
    const site = await deployPrivate(t, { env: { ...env, ADMIN_TOKEN: "token" } });
    await site.get(PATH);
    const pages = [];
    for (const path of ["/", "/health", "/stats", "/metrics", "/openapi.json", "/inspector/main.js"]) {
      pages.push(await site.get(path, { Authorization: "Bearer token" }));
      assert.equal(pages.at(-1).status, 200, path);
      assert.doesNotMatch(pages.at(-1).text + JSON.stringify(pages.at(-1).headers), /private\.test|PRIVATE_HEADERS/);
    }
    await assertHidden(site, ...pages);
  });
});

suite("An origin that refuses the secret headers", () => {
  test("A 401 is a 403 that blames the credentials, and is logged once with the name of the secret", async (t) => {
    const site = await deployPrivate(t);
    site.origin.on(failure(401));
    const answer = await site.get(PATH);
    const { detail } = assertProblem(answer, 403, "forbidden-by-origin");
    assert.match(detail, /refuses the credentials of this service .*Check the secret that the log names/);
    assertProblem(await site.get("/metadata/private/other.jpg"), 403, "forbidden-by-origin");
    await site.logged({ event: "credentials-refused", secret: SECRET, reason: "401", level: "error" });
    await assertHidden(site, answer);
    assert.equal(site.log.filter(({ event }) => event === "credentials-refused").length, 1);
  });

  test("While the origin answers 401, stale records are served and kept", async (t) => {
    const site = await deployPrivate(t, { clock: true, config: { kvCacheTtl: 1000, staleWhileRevalidate: 0 } });
    await site.clock.freeze();
    assertFound(await site.get(PATH), "origin");
    await site.kv.written("metadata:private/cat.jpg");
    site.origin.on(failure(401));
    await site.clock.advance(1500);
    await site.restart();
    assertStale(await site.get(PATH), { path: "private/cat.jpg", age: 1500 });
    assert.deepEqual(site.kv.deletes(), []);
  });

  for (const [what, path, status] of [
    ["A 403 of the private origin", PATH, 403],
    ["A 401 of a public origin", "/metadata/cdn/cat.jpg", 401],
  ]) {
    test(`${what} is about the image, not about credentials`, async (t) => {
      const site = await deployPrivate(t);
      site.origin.on(failure(status));
      const { detail } = assertProblem(await site.get(path), 403, "forbidden-by-origin");
      assert.match(detail, /denies access to this image/);
      await site.stop();
      assert.deepEqual(site.log.filter(({ event }) => event === "credentials-refused"), []);
    });
  }
});

suite("Private origins and the resizer", () => {
  const headers = '{"Authorization":"Basic hunter2","Cookie":"a=1"}';
  for (const probe of ["resizer", "auto"]) {
    test(`With originAuth and probe = ${probe}, the resizer may share the private origin's images, and no others`, async (t) => {
      const origin = { ...PRIVATE, probe, originAuth: "share-publicly" };
      const origins = [{ prefix: "private", ...origin }, { prefix: "cdn", url: "https://cdn.test" }];
      const site = await deploy(t, { config: { origins }, env: { [SECRET]: headers } });
      assertFound(await site.get(PATH), "origin");
      assertFound(await site.get("/metadata/cdn/cat.jpg"), "origin");
      assertFound(await site.get("/metadata/cat.jpg"), "origin");
      const [shared, ...others] = site.origin.requests;
      assert.deepEqual(shared.cf, { image: { format: "json", "origin-auth": "share-publicly" } });
      assert.deepEqual([shared.headers.authorization, shared.headers.cookie], ["Basic hunter2", "a=1"]);
      for (const { cf } of others) assert.deepEqual(cf, { image: { format: "json" } });
    });
  }

  test("Without originAuth, a private origin is not asked through the resizer", async (t) => {
    const site = await deployPrivate(t);
    assertFound(await site.get(PATH), "origin");
    assert.equal(site.origin.requests[0].cf?.image, undefined);
  });

  test("A header that the resizer does not forward is a configuration error", async (t) => {
    const origin = { ...PRIVATE, probe: "resizer", originAuth: "share-publicly" };
    const site = await deployPrivate(t, { origin });
    const { detail } = assertProblem(await site.get(PATH), 500, "configuration-error");
    assert.match(detail, /^The setting 'origins\[0\]\.headersSecret' names the secret PRIVATE_HEADERS, which has the header 'x-api-key', which the resizer does not forward/);
    await assertHidden(site);
  });
});

suite("Secrets that cannot be used", () => {
  const headers = { origin: PRIVATE, field: "origins[0].headersSecret" };
  const aws = { origin: { url: "https://my-bucket.s3.test", aws: { region: "auto", secret: SECRET } }, field: "origins[0].aws.secret" };
  const plain = { origin: { ...PRIVATE, url: "http://private.test" }, field: "origins[0].headersSecret" };
  for (const [what, { origin, field }, value, problem] of [
    ["headers that are not set", headers, undefined, "names the secret PRIVATE_HEADERS, which is not set"],
    ["empty headers", headers, "", "names the secret PRIVATE_HEADERS, which is not set"],
    ["headers that are not JSON", headers, "Basic hunter2", "names the secret PRIVATE_HEADERS, which must hold a JSON object of request headers"],
    ["a Host header", headers, '{"Host":"hunter2"}', "names the secret PRIVATE_HEADERS, which has the header 'host', which the service"],
    ["a line break in a header", headers, '{"Cookie":"hunter2\\r\\nHost: hunter2"}', "names the secret PRIVATE_HEADERS, which has a malformed value for the header 'cookie'"],
    ["an access key that is not set", aws, undefined, "names the secret PRIVATE_HEADERS, which is not set"],
    ["an incomplete access key", aws, '{"accessKeyId":"hunter2"}', "names the secret PRIVATE_HEADERS, which has no secretAccessKey"],
    ["headers for an http URL", plain, '{"Cookie":"hunter2"}', "may only be set for an https URL"],
  ]) {
    test(`With ${what}, every request is a 500 that names the setting and the secret, not its value`, async (t) => {
      const site = await deployPrivate(t, { origin, env: value === undefined ? {} : { [SECRET]: value } });
      const answers = [];
      for (const path of [PATH, "/metadata/cat.jpg", "/", "/health"]) {
        answers.push(await site.get(path));
        const { detail } = assertProblem(answers.at(-1), 500, "configuration-error");
        assert.ok(detail.startsWith(`The setting '${field}' ${problem}`), detail);
      }
      await site.logged({ event: "configuration-error", level: "error", field });
      await assertHidden(site, ...answers);
      assert.deepEqual([site.origin.requests.length, site.kv.operations.length], [0, 0]);
    });
  }
});
