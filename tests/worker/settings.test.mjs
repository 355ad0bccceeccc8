import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { readFileSync } from "node:fs";
import path from "node:path";
import { checkSettings } from "../../scripts/lib/settings.mjs";
import { root } from "./harness/modules.mjs";

const read = (file) => readFileSync(path.join(root, file), "utf8");
const check = (toml) => checkSettings(process.env, toml);
/** Uncomments the lines that `pattern` matches. */
const uncommented = (toml, pattern) => toml.replace(pattern, (lines) => lines.replaceAll(/^# ?/gm, ""));
const VALID = '[vars.metadata]\noriginUrl = "https://images.test"\n';

suite("The build's check of the settings", () => {
  test("The check accepts wrangler.toml, and its environments once they are uncommented", () => {
    check(read("wrangler.toml"));
    const [top, environments] = read("wrangler.toml").split("# [env.dev]");
    check(`${top}[env.dev]${environments.replaceAll(/^# ?/gm, "")}`);
  });

  test("The check accepts the origins of wrangler.toml once they and their bucket are uncommented", () => {
    const origins = uncommented(read("wrangler.toml"), /^# origins = \[\n(#   .*\n)+# \]$/m);
    assert.throws(() => check(origins), { message: /^\[vars\.metadata\]: The setting 'origins\[1\]\.bucket' names IMAGES, but no R2 bucket is bound/m });
    check(uncommented(origins, /^# \[\[r2_buckets\]\]\n(# .*\n)+/m));
  });

  for (const [what, toml, message] of [
    ["a misspelt key", `${VALID}kvCacheTTL = 60\n`, /^\[vars\.metadata\]: The setting 'kvCacheTTL' is not known; the keys are cacheEnabled, /m],
    ["a value out of range", `${VALID}kvCacheTtl = 1\n`, /^\[vars\.metadata\]: The setting 'kvCacheTtl' must be a whole number of seconds from 60 to /m],
    ["no settings", 'name = "a"\n', /^\[vars\.metadata\]: The setting 'metadata' must be a JSON object/m],
    ["settings as broken JSON text", "vars.metadata = '{'\n", /^\[vars\.metadata\]: The setting 'metadata' must be a JSON object/m],
    ["a bucket that is not bound", `${VALID}originBucket = "IMAGES"\n`, /^\[vars\.metadata\]: The setting 'originBucket' names IMAGES, but no R2 bucket is bound/m],
    [
      "a service of an origin that is not bound",
      `${VALID}origins = [{ prefix = "a", url = "https://a.test" }, { prefix = "b", service = "B" }]\n[[services]]\nbinding = "A"\nservice = "a"\n`,
      /^\[vars\.metadata\]: The setting 'origins\[1\]\.service' names B, but no service is bound/m,
    ],
    [
      "an environment without settings, and another with an invalid one",
      `${VALID}[env.a]\n[env.b]\nvars.metadata = { originUrl = "https://images.test:99999" }\n`,
      /^\[env\.a\.vars\.metadata\]: The setting 'metadata' .*\n\[env\.b\.vars\.metadata\]: The setting 'originUrl' must be .*port/m,
    ],
    ["invalid TOML", "[vars.metadata\n", /^wrangler\.toml is not valid TOML\.\nInvalid TOML document: /],
  ]) {
    test(`The check of the settings refuses ${what}`, () => {
      assert.throws(() => check(toml), { message });
    });
  }

  test("The check accepts JSON text, bound buckets and services, secrets, and settings that are kept from the dashboard", () => {
    check('vars.metadata = \'{"originUrl":"https://images.test"}\'\n');
    check(`${VALID}originBucket = "IMAGES"\n[[r2_buckets]]\nbinding = "IMAGES"\nbucket_name = "images"\n`);
    check(`${VALID}origins = [{ prefix = "b", service = "B" }]\n[[services]]\nbinding = "B"\nservice = "b"\n`);
    // The value of a secret is not known before it is deployed.
    check(`${VALID}headersSecret = "CMS"\n`);
    check('keep_vars = true\nname = "a"\n');
  });
});
