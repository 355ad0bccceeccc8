import assert from "node:assert/strict";
import test from "node:test";
import { uploadSize } from "./harness/wrangler.mjs";

/** The target is 100, docs/performance.md tells what is in the way. What raises this is a choice: say there what it buys. */
const BUDGET_KIB = 194;

test(`the upload has at most ${BUDGET_KIB} KiB, gzipped`, async (t) => {
  const { total, gzip } = await uploadSize();
  t.diagnostic(`${total} KiB, gzipped ${gzip} KiB`);
  assert.ok(gzip <= BUDGET_KIB, `${gzip} KiB`);
});
