import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { assertFound, assertProblem, assertStale } from "./harness/expect.mjs";
import { Gate } from "./harness/gate.mjs";
import { failure, gated, inSequence, redirect, text } from "./harness/origin.mjs";
import { jpeg } from "./harness/picture.mjs";
import { S3, fail, s3Error } from "./harness/s3.mjs";
import { deploy } from "./harness/site.mjs";

const SECRET = "S3_CREDENTIALS";
const PATH = "/metadata/photos/cat.jpg";
const KEY = "metadata:photos/cat.jpg";
const picture = await jpeg({ width: 40, height: 30 });

/** Deploys a site whose only origin is a bucket of S3 with one image. */
async function deployWithS3(t, { originUrl = "https://my-bucket.s3.test", credentials, config, ...options } = {}) {
  const s3 = new S3();
  Object.assign(s3.credentials, credentials);
  const env = { [SECRET]: JSON.stringify(s3.credentials) };
  const aws = { region: s3.region, secret: SECRET };
  const site = await deploy(t, { config: { originUrl, aws, errorTtl: 0, negativeTtl: 0, ...config }, env, ...options });
  if (site.clock) s3.now = () => site.clock.now();
  s3.objects.set("photos/cat.jpg", picture);
  site.origin.on(s3.responder());
  return { site, s3 };
}

/** Asserts that the log reports refused credentials `count` times, and that no value of the secret is in it. */
async function assertReported(site, s3, reason, count = 1) {
  if (count > 0) await site.logged({ event: "credentials-refused", reason, secret: SECRET, level: "error" });
  await site.stop();
  assert.equal(site.log.filter(({ event }) => event === "credentials-refused").length, count, site.transcript());
  assertHidden(site.transcript(), s3);
}

function assertHidden(text, { credentials }) {
  for (const value of Object.values(credentials)) assert.ok(!text.includes(value), text);
}

/** A generator of pseudo-random whole numbers below `limit`. */
function random(seed) {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const PIECES = [..." +!'()*&=@:,;%~-_.$#?\"<>[]{}|^`", "a", "Z", "0", "é", "e\u0301", "日本", "😀", "%2F", "%20", "%2e", "+20", ".jpg"];

/** A key of one to three segments. */
function randomKey(below) {
  const segment = () => {
    const text = Array.from({ length: 1 + below(8) }, () => PIECES[below(PIECES.length)]).join("");
    return /^\.\.?$/.test(text) ? "dots" : text;
  };
  return Array.from({ length: 1 + below(3) }, segment).join("/");
}

suite("Signatures", () => {
  const sessionToken = "hidden-token/+==";
  for (const [style, options] of [
    ["virtual-host style", { originUrl: "https://my-bucket.s3.test" }],
    ["virtual-host style with capitals, a default port and a folder", { originUrl: "https://My-Bucket.S3.test:443/some%20folder+" }],
    ["path style", { originUrl: "https://s3.test/my-bucket" }],
    ["path style at a local port with a session token", { originUrl: "http://127.0.0.1:9000/my-bucket", credentials: { sessionToken } }],
    ["path style at another port", { originUrl: "https://s3.test:8443/my-bucket/a" }],
  ]) {
    test(`Requests for unusual keys have valid signatures: ${style}`, async (t) => {
      const { site, s3 } = await deployWithS3(t, options);
      const folder = decodeURIComponent(new URL(options.originUrl).pathname.replace(/^\/(my-bucket)?\/?/, ""));
      const seed = Date.now() % 1e6;
      const below = random(seed);
      const keys = ["a b+c.jpg", "it's (1)!*.jpg", "a&b=c@d:e,f;g.jpg", "100%.jpg", "%2B%20.jpg", "Größe/猫😀.jpg", ...Array.from({ length: 40 }, () => randomKey(below))];
      for (const key of keys) {
        s3.objects.clear();
        s3.objects.set(folder ? `${folder}/${key}` : key, picture);
        const answer = await site.get(`/metadata/${key.split("/").map(encodeURIComponent).join("/")}`);
        assert.equal(answer.status, 200, `${key}, seed ${seed}: ${answer.text} ${site.origin.requests.at(-1).url}`);
        assert.deepEqual([answer.json.path, answer.json.metadata.width], [key, 40]);
      }
      assertHidden(site.transcript(), s3);
    });
  }

  test("A signed request has the headers of its signature, and no cf option", async (t) => {
    const { site } = await deployWithS3(t);
    assertFound(await site.get(PATH, { Authorization: "Basic client", "x-amz-date": "20130524T000000Z", "X-Amz-Acl": "public-read" }), "origin");
    const [{ headers, cf, url }] = site.origin.requests;
    assert.equal(url, "https://my-bucket.s3.test/photos/cat.jpg");
    assert.match(headers.authorization, /^AWS4-HMAC-SHA256 .* SignedHeaders=host;x-amz-content-sha256;x-amz-date, /);
    const amz = Object.keys(headers).filter((name) => name.startsWith("x-amz-"));
    assert.deepEqual(amz.sort(), ["x-amz-content-sha256", "x-amz-date"]);
    assert.equal(cf?.image, undefined);
  });

  test("The parameters of a version are signed, and no others are sent", async (t) => {
    const { site } = await deployWithS3(t, { config: { query: ["v", "size"] } });
    assertFound(await site.get(`${PATH}?utm=1&v=a~b&size=xl&versionId=secret`), "origin");
    assert.equal(site.origin.requests[0].url, "https://my-bucket.s3.test/photos/cat.jpg?size=xl&v=a~b");
  });

  test("The time of a signature is the Worker's time of each attempt", async (t) => {
    const { site, s3 } = await deployWithS3(t, { clock: true });
    await site.clock.freeze(Date.UTC(2031, 0, 2, 3, 4, 5));
    const respond = s3.responder();
    site.origin.on(
      inSequence(async (...args) => {
        await site.clock.advance(7);
        failure(503)(...args);
      }, respond),
    );
    assertFound(await site.get(PATH), "origin");
    assert.deepEqual(
      site.origin.requests.map(({ headers }) => headers["x-amz-date"]),
      ["20310102T030405Z", "20310102T030412Z"],
    );
  });

  for (const location of ["https://my-bucket.s3.test/photos/dog.jpg", "https://evil.test/photos/cat.jpg"]) {
    test(`A redirect of a signed request to ${location} is not followed`, async (t) => {
      const { site } = await deployWithS3(t);
      site.origin.on("/photos/cat.jpg", redirect(location, 307));
      assertProblem(await site.get(PATH), 502, "redirect-refused");
      assert.equal(site.origin.requests.length, 1);
    });
  }
});

suite("Errors of S3", () => {
  for (const [code, status, problem] of [
    ["NoSuchKey", 404, "not-found"],
    ["NoSuchBucket", 502, "origin-error"],
    ["AccessDenied", 403, "forbidden-by-origin"],
  ]) {
    test(`${code} is a ${status} ${problem}, and says nothing about the credentials`, async (t) => {
      const { site, s3 } = await deployWithS3(t);
      s3.refusal = code;
      assertProblem(await site.get(PATH), status, problem);
      await assertReported(site, s3, undefined, 0);
    });
  }

  for (const [code, spoil] of [
    ["SignatureDoesNotMatch", (s3) => (s3.credentials = { ...s3.credentials, secretAccessKey: "another" })],
    ["InvalidAccessKeyId", (s3) => (s3.credentials = { ...s3.credentials, accessKeyId: "another" })],
    ["RequestTimeTooSkewed", (s3) => (s3.now = () => Date.now() + 16 * 60 * 1000)],
    ["AuthorizationHeaderMalformed", (s3) => (s3.region = "us-east-1")],
    ["InvalidToken", (s3) => (s3.credentials = { ...s3.credentials, sessionToken: "another" })],
    ["ExpiredToken", (s3) => (s3.refusal = "ExpiredToken")],
  ]) {
    test(`${code} is a 403 that blames the credentials, and is logged once with the name of the secret`, async (t) => {
      const { site, s3 } = await deployWithS3(t);
      const { credentials } = s3;
      spoil(s3);
      const { detail } = assertProblem(await site.get(PATH), 403, "forbidden-by-origin");
      assert.match(detail, /refuses the credentials of this service .*Check the secret that the log names/);
      assertProblem(await site.get("/metadata/other.jpg"), 403, "forbidden-by-origin");
      await assertReported(site, { credentials }, code);
      assert.deepEqual([site.kv.writes(), site.kv.deletes()], [[], []]);
    });
  }

  test("A 401, as R2 returns for an unknown access key, blames the credentials", async (t) => {
    const { site, s3 } = await deployWithS3(t);
    s3.refusal = "Unauthorized";
    assertProblem(await site.get(PATH), 403, "forbidden-by-origin");
    await assertReported(site, s3, "401");
  });

  const stale = { clock: true, config: { kvCacheTtl: 1000, staleWhileRevalidate: 0, memoryCacheTtl: 86_400 } };

  for (const code of ["ExpiredToken", "SignatureDoesNotMatch", "Unauthorized"]) {
    test(`While S3 answers ${code}, stale records are served and kept`, async (t) => {
      const { site, s3 } = await deployWithS3(t, stale);
      await site.clock.freeze();
      assertFound(await site.get(PATH), "origin");
      await site.kv.written(KEY);
      s3.refusal = code;
      await site.clock.advance(1500);
      assertStale(await site.get(PATH), { age: 1500 });
      await site.restart();
      assertStale(await site.get(PATH), { age: 1500 });
      assert.deepEqual(site.kv.deletes(), []);
      s3.refusal = undefined;
      await site.clock.advance(10);
      const answer = await site.get(PATH);
      assertFound(answer, "origin");
      assert.equal(answer.age, 0);
    });
  }

  test("AccessDenied ends a stale record", async (t) => {
    const { site, s3 } = await deployWithS3(t, stale);
    await site.clock.freeze();
    assertFound(await site.get(PATH), "origin");
    await site.kv.written(KEY);
    s3.refusal = "AccessDenied";
    await site.clock.advance(1500);
    assertProblem(await site.get(PATH), 403, "forbidden-by-origin");
    await site.kv.allDeleted(1);
  });

  test("Only the beginning of an error is read, and the rest is cancelled while the request still runs", async (t) => {
    // The time limit would close the connection, too.
    const { site, s3 } = await deployWithS3(t, { config: { originTimeoutMs: 25_000 } });
    site.origin.on("/photos/cat.jpg", (_, response) => {
      response.writeHead(403, { "Content-Type": "application/xml" });
      response.write(s3Error("InvalidAccessKeyId") + " ".repeat(1_024));
    });
    const gate = new Gate();
    site.origin.on("/photos/other.jpg", gated(gate, s3.responder()));
    const body = JSON.stringify({ paths: ["photos/cat.jpg", "photos/other.jpg"] });
    const batch = site.request("POST", "/metadata", { body, headers: { "Content-Type": "application/json" } });
    await gate.arrived();
    await site.origin.disconnected("/photos/cat.jpg");
    gate.open();
    const statuses = (await batch).json.results.map(({ status }) => status);
    assert.deepEqual(statuses, [403, 404]);
    await assertReported(site, s3, "InvalidAccessKeyId");
  });

  test("A code beyond the first 1,024 bytes is not read", async (t) => {
    const { site, s3 } = await deployWithS3(t);
    site.origin.on("/photos/cat.jpg", text(`${" ".repeat(1_000)}${s3Error("InvalidAccessKeyId")}`, { status: 403 }));
    assertProblem(await site.get(PATH), 403, "forbidden-by-origin");
    await assertReported(site, s3, undefined, 0);
  });

  test("An error that stalls before its code is an origin-timeout, which keeps a record, and not a 403", async (t) => {
    const { site } = await deployWithS3(t, { config: { originTimeoutMs: 300 } });
    site.origin.on("/photos/cat.jpg", (_, response) => {
      response.writeHead(403, { "Content-Type": "application/xml", "Content-Length": 1_000 });
      response.write("<?xml");
    });
    assertProblem(await site.get(PATH), 504, "origin-timeout");
    await site.origin.disconnected("/photos/cat.jpg");
  });

  test("An error whose connection breaks before its code is retried", async (t) => {
    const { site, s3 } = await deployWithS3(t);
    const broken = (_, response) => {
      response.writeHead(403, { "Content-Type": "application/xml", "Content-Length": 1_000 });
      response.write("<?xml", () => response.socket.end());
    };
    site.origin.on("/photos/cat.jpg", inSequence(broken, s3.responder()));
    assertFound(await site.get(PATH), "origin");
    assert.equal(site.origin.requests.length, 2);
  });

  test("The body of an error of an origin without signatures is not read", async (t) => {
    const site = await deploy(t, { config: { originUrl: "https://my-bucket.s3.test" } });
    site.origin.on((_, response) => fail(response, "NoSuchBucket"));
    assertProblem(await site.get(PATH), 404, "not-found");
  });
});
