// `npm test`: runs all tests, from the pure core to the built Worker on workerd.

import { availableParallelism } from "node:os";
import { buildClient } from "./lib/client.mjs";
import { environment } from "./lib/environment.mjs";
import { main, Problem, run } from "./lib/process.mjs";
import { buildWorker } from "./lib/worker.mjs";

const times = [];

await main(async () => {
  try {
    await test();
    console.log("\nAll tests passed.");
  } finally {
    console.log(`\n${times.join("\n")}`);
  }
});

async function test() {
  const env = await part("set-up", environment);
  await part("client", () => buildClient(env));
  await part("types", () => run("tsc", ["-p", "client/test"], { env }));
  await part("test corpus", () => run("node", ["scripts/make-corpus.mjs"], { env }));
  // The release build mostly uses one core, and takes as long as both of the others.
  await together(part("release build", () => buildWorker([], env)), testCore(env));
  await part("built Worker, on workerd", () =>
    // These tests mostly wait, so one file per core is fine. Node's default is one less.
    run("node", ["--test", `--test-concurrency=${availableParallelism()}`, "--test-reporter=spec", "tests/worker/**/*.test.mjs", "client/test/*.test.mjs"], { env }),
  );
  // Not in parallel: they build the Worker, whose files the other tests read.
  for (const [name, file] of [
    ["npm start", "start"],
    ["release", "release"],
  ])
    await part(name, () => run("node", ["--test", "--test-reporter=spec", `tests/${file}.test.mjs`], { env }));
}

async function testCore(env) {
  await part("core and service, native", () => run("cargo", ["test"], { env }));
  await part("runtime bindings, WebAssembly", () =>
    run("cargo", ["test", "--target", "wasm32-unknown-unknown", "--lib"], { env }),
  );
}

/** Waits for all, and then throws the first error, so that no command goes on after the end. */
async function together(...works) {
  const failed = (await Promise.allSettled(works)).find(({ status }) => status === "rejected");
  if (failed) throw failed.reason;
}

async function part(name, body) {
  console.log(`\n── ${name}`);
  const start = performance.now();
  try {
    return await body();
  } catch (error) {
    if (error instanceof Problem) error.message = `Failed in "${name}". ${error.message}`;
    throw error;
  } finally {
    times.push(`${((performance.now() - start) / 1000).toFixed(1).padStart(7)} s  ${name}`);
  }
}
