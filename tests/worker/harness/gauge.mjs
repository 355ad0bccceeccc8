/**
 * A Worker around the one under test that tells how much memory its wasm instance holds. It takes note of the instance
 * as the Worker makes it, and answers at a named entrypoint with a socket of its own.
 */
export const gaugeSource = `
const Instance = WebAssembly.Instance;
let latest;
WebAssembly.Instance = function (module, imports) {
  latest = new Instance(module, imports);
  return latest;
};

export function read() {
  const { memory, __wbindgen_externrefs: references } = latest.exports;
  return { bytes: memory.buffer.byteLength, references: references.length };
}
`;

/** The wrapper's main module, for an entry of the given module name. */
export function gaugedSource(entry) {
  return `
import { WorkerEntrypoint } from "cloudflare:workers";
import { read } from "./test-gauge.js";
import worker from "./${entry}";
export default worker;
export * from "./${entry}";
export class Gauge extends WorkerEntrypoint {
  fetch() {
    return Response.json(read());
  }
}
`;
}
