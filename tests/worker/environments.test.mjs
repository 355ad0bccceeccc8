import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { dryRun } from "./harness/wrangler.mjs";

/** The lines from `first` on that are comments, up to `last`, without their "# ". */
function uncomment(toml, first, last = undefined) {
  const lines = toml.split("\n");
  const start = lines.indexOf(`# ${first}`);
  assert.ok(start >= 0, `# ${first}`);
  const end = last === undefined ? lines.length : lines.indexOf(`# ${last}`, start) + 1;
  return lines.map((line, n) => (n >= start && n < end ? line.replace(/^# ?/, "") : line)).join("\n");
}

suite("what stands in wrangler.toml as a comment works once it is none", () => {
  for (const [name, ...bindings] of [
    ["dev", "env.IMAGE_METADATA_CACHE", "https://images.dev."],
    ["staging", "env.IMAGE_METADATA_CACHE", "https://images.stag"],
    ["production", "env.IMAGE_METADATA_CACHE", "env.METADATA_ANALYTICS", "https://images.example"],
  ]) {
    test(`the environment ${name}`, async () => {
      const said = await dryRun({ edit: (toml) => uncomment(toml, "[env.dev]"), args: ["--env", name] });
      for (const binding of bindings) assert.ok(said.includes(binding), said);
      assert.doesNotMatch(said, /WARNING/);
    });
  }

  test("the bucket, the dataset, the secret and a route", async () => {
    const edits = [
      ["[[r2_buckets]]", 'bucket_name = "images"'],
      ["[[analytics_engine_datasets]]", 'dataset = "optimized_metadata"'],
      ["[secrets]", 'required = ["ADMIN_TOKEN"]'],
      ["workers_dev = false", 'routes = [{ pattern = "metadata.example.com", custom_domain = true }]'],
    ];
    const said = await dryRun({ edit: (toml) => edits.reduce((text, edit) => uncomment(text, ...edit), toml) });
    for (const binding of ["env.IMAGES (images)", "env.METADATA_ANALYTICS (optimized_metadata)"]) assert.ok(said.includes(binding), said);
    assert.doesNotMatch(said, /WARNING/);
  });

  test("a path of a site that is there already", async () => {
    let edited;
    const said = await dryRun({ edit: (toml) => (edited = uncomment(toml, "routes = [", "]")) });
    assert.match(edited, /^\s*{ pattern = "www\.example\.com\/metadata"/m);
    assert.doesNotMatch(said, /WARNING|ERROR/);
  });
});
