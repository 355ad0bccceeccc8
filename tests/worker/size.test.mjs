import assert from "node:assert/strict";
import test from "node:test";
import { uploadSize } from "./harness/wrangler.mjs";

/** What raises this is a choice: docs/performance.md says what it buys. */
const BUDGET_KIB = 230;

test(`the upload has at most ${BUDGET_KIB} KiB, gzipped`, async (t) => {
  const { total, gzip } = await uploadSize();
  t.diagnostic(`${total} KiB, gzipped ${gzip} KiB`);
  assert.ok(gzip <= BUDGET_KIB, `${gzip} KiB`);
});
