import assert from "node:assert/strict";

/** The response body for the fake origin's default image. */
export function bodyOf(path, metadata = {}) {
  return {
    path,
    metadata: {
      width: 4000,
      height: 3000,
      format: "jpeg",
      mimeType: "image/jpeg",
      fileSize: 123456,
      confidence: "high",
      source: "format-json",
      ...metadata,
    },
  };
}

/** The KV record of the same image, fetched just now, overridden by `fields`. */
export function recordOf(fields) {
  return {
    width: 4000,
    height: 3000,
    format: "jpeg",
    lastFetched: Date.now(),
    confidence: "high",
    source: "format-json",
    fileSize: 123456,
    originalMetadata: { format: "image/jpeg" },
    ...fields,
  };
}

/** Asserts a 200 from the given layer. */
export function assertFound(answer, layer) {
  assert.equal(answer.status, 200, `200 expected: ${answer.text}`);
  assert.equal(answer.layer, layer, `${layer} expected: ${answer.headers["cache-status"]}`);
}

/** Asserts a complete RFC 9457 problem with the headers that every error has. */
export function assertProblem(answer, status, code, { instance } = {}) {
  assert.equal(answer.status, status, `${status} ${code} expected: ${answer.text}`);
  assert.match(answer.headers["content-type"], /^application\/problem\+json\b/);
  const problem = answer.json;
  assert.equal(problem.code, code, answer.text);
  assert.equal(problem.status, status);
  assert.equal(problem.type, `urn:optimized-metadata:problem:${code}`);
  assert.match(problem.title, /\S/);
  assert.match(problem.detail, /^[A-Z0-9'"].*\.$/s, "the detail is a sentence");
  if (instance !== undefined) assert.equal(problem.instance, instance);
  assert.equal(answer.headers["x-content-type-options"], "nosniff");
  assert.ok(answer.headers["access-control-allow-origin"], "scripts can read errors");
  assert.equal(answer.etag, undefined, "an error has no ETag");
  assertNoLeak(answer.text);
  return problem;
}

/** Asserts that an error reveals no internals: no stack, no origin URL, no message of KV or the runtime. */
export function assertNoLeak(text) {
  assert.doesNotMatch(text, /images\.test|\bat .*:\d+:\d+|wasm|panicked|KV (GET|PUT) failed|fake-host|\.rs\b/);
}

/** Asserts a stale 200: complete, with its true age, and not cacheable by clients. */
export function assertStale(answer, { path = "photos/cat.jpg", age } = {}) {
  assert.equal(answer.status, 200, `a stale 200 expected: ${answer.text}`);
  assert.equal(answer.json.path, path);
  assert.ok(answer.cacheStatus.ttl < 0, `a negative ttl expected: ${answer.headers["cache-status"]}`);
  assert.equal(answer.cacheControl["max-age"], 0, answer.headers["cache-control"]);
  if (age !== undefined) assert.ok(Math.abs(answer.age - age) <= 2, `Metadata-Age ${answer.age}, ${age} expected`);
}

/** Counts the items by the value that `of` returns. */
export function tally(items, of) {
  const counts = {};
  for (const item of items) counts[of(item)] = (counts[of(item)] ?? 0) + 1;
  return counts;
}

/** The crop fields of the response for an image of `[width, height]` cropped to `[width, height, hoffset, voffset]`. */
export function cropOf([imageWidth, imageHeight], [width, height, hoffset, voffset], size = [width, height]) {
  const [right, bottom] = [imageWidth - width - hoffset, imageHeight - height - voffset];
  const trim = right || bottom || hoffset || voffset ? `trim=${voffset};${right};${bottom};${hoffset},` : "";
  return {
    dimensions: { width: size[0], height: size[1] },
    aspectCrop: { width, height, hoffset, voffset },
    transform: `${trim}width=${size[0]},height=${size[1]},fit=cover`,
  };
}

/** Asserts that eight of `count` reads pass the turnstile at a time, for which there is memory, and admits all of them. */
export async function assertEightAtATime(site, turnstile, count) {
  for (let n = 8; n < count; n++) {
    await turnstile.arrived(n);
    await site.settled();
    assert.equal(turnstile.arrivals, n);
    turnstile.admit();
  }
  await turnstile.arrived(count);
  turnstile.admit(count);
}
