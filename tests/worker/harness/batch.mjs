import assert from "node:assert/strict";
import { assertNoLeak, bodyOf } from "./expect.mjs";

export const ROUTE = "/metadata";
export const post = (site, body, headers) =>
  site.request("POST", ROUTE, { body: typeof body === "string" ? body : JSON.stringify(body), headers });
export const names = (count) => Array.from({ length: count }, (_, n) => `${n}.jpg`);
export const found = (path, metadata, crop) => ({ status: 200, ...bodyOf(path, metadata), ...crop });

/** Sends a batch and resolves once the Worker has started on it. `.answer` is the promise of its response. */
export async function startBatch(site, body) {
  const { sent, answer } = site.at.worker.begin("POST", ROUTE, { body: JSON.stringify(body) });
  await sent;
  await site.settled();
  return { answer };
}

/** Asserts that every result is a 200, in the order of `paths`. */
export function assertAllFound(answer, paths) {
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(
    answer.json.results,
    paths.map((path) => found(path)),
  );
}

/** Asserts that a result is a complete problem. */
export function assertFailed(result, path, status, code) {
  assert.deepEqual([result.path, result.status], [path, status], JSON.stringify(result));
  const { problem } = result;
  assert.deepEqual(
    [problem.status, problem.code, problem.type],
    [status, code, `urn:optimized-metadata:problem:${code}`],
    JSON.stringify(problem),
  );
  assert.match(problem.title, /\S/);
  assert.match(problem.detail, /^[A-Z0-9'"].*\.$/s, "the detail is a sentence");
  assert.equal(result.metadata, undefined);
  assertNoLeak(JSON.stringify(result));
}
