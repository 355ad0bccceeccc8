// Measures the upload of a deployment, as `wrangler deploy --dry-run` reports it.

import { uploadSize } from "../tests/worker/harness/wrangler.mjs";

export async function measure() {
  const raw = await uploadSize();
  return {
    rows: [
      ["upload", "KiB", "gzip, KiB"],
      ["the Worker", raw.total, raw.gzip],
    ],
    targets: [{ name: "upload, gzip", value: raw.gzip, target: 230, unit: "KiB", digits: 1 }],
    raw,
  };
}
