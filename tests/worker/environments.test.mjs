import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { dryRun } from "./harness/wrangler.mjs";

/** Uncomments the lines from `first` to `last`, or to the end. */
function uncomment(toml, first, last = undefined) {
  const lines = toml.split("\n");
  const start = lines.indexOf(`# ${first}`);
  assert.ok(start >= 0, `# ${first}`);
  const end = last === undefined ? lines.length : lines.indexOf(`# ${last}`, start) + 1;
  return lines.map((line, n) => (n >= start && n < end ? line.replace(/^# ?/, "") : line)).join("\n");
}

suite("The commented-out parts of wrangler.toml", () => {
  for (const [name, ...bindings] of [
    ["dev", "env.IMAGE_METADATA_CACHE", "https://images.dev."],
    ["staging", "env.IMAGE_METADATA_CACHE", "https://images.stag"],
    ["production", "env.IMAGE_METADATA_CACHE", "env.METADATA_ANALYTICS", "https://images.example"],
  ]) {
    test(`The environment ${name} deploys once it is uncommented`, async () => {
      const output = await dryRun({ edit: (toml) => uncomment(toml, "[env.dev]"), args: ["--env", name] });
      for (const binding of bindings) assert.ok(output.includes(binding), output);
      assert.doesNotMatch(output, /WARNING/);
    });
  }

  test("The bucket, the dataset, the rate limit, the cache, the queue, the secret and a route deploy once they are uncommented", async () => {
    const edits = [
      ["[[r2_buckets]]", 'bucket_name = "images"'],
      ["[[analytics_engine_datasets]]", 'dataset = "optimized_metadata"'],
      ["[[ratelimits]]", "simple = { limit = 100, period = 60 }"],
      ["[cache]", "enabled = true"],
      ["[[queues.consumers]]", 'dead_letter_queue = "metadata-events-failed"'],
      ["[[queues.producers]]", 'queue = "metadata-events"'],
      ["[secrets]", 'required = ["ADMIN_TOKEN"]'],
      ["workers_dev = false", 'routes = [{ pattern = "metadata.example.com", custom_domain = true }]'],
    ];
    const output = await dryRun({ edit: (toml) => edits.reduce((text, edit) => uncomment(text, ...edit), toml) });
    for (const binding of ["env.IMAGES (images)", "env.METADATA_ANALYTICS (optimized_metadata)", "env.METADATA_RATE_LIMIT (100 requests/60s)", "env.METADATA_QUEUE (metadata-events)"]) assert.ok(output.includes(binding), output);
    assert.doesNotMatch(output, /WARNING/);
  });

  test("A route on a path of an existing site deploys once it is uncommented", async () => {
    let edited;
    const output = await dryRun({ edit: (toml) => (edited = uncomment(toml, "routes = [", "]")) });
    assert.match(edited, /^\s*{ pattern = "www\.example\.com\/metadata"/m);
    assert.doesNotMatch(output, /WARNING|ERROR/);
  });
});
