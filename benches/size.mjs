// What a deployment uploads, as `wrangler deploy --dry-run` reports it.

import { uploadSize } from "../tests/worker/harness/wrangler.mjs";

export async function measure() {
  const raw = await uploadSize();
  return {
    rows: [
      ["upload", "KiB", "gzip, KiB"],
      ["the Worker", raw.total, raw.gzip],
    ],
    targets: [{ what: "upload, gzip", value: raw.gzip, target: 230, unit: "KiB", digits: 1 }],
    raw,
  };
}
