/**
 * A Worker around the one under test that measures its wasm instance: how much memory it holds, and how often it has called each
 * of its imports. It takes note of the instance as the Worker makes it, and answers at a named entrypoint with a socket of its own.
 */
export const gaugeSource = `
const Instance = WebAssembly.Instance;
let latest;
WebAssembly.Instance = function (module, imports) {
  const counted = Object.entries(imports).map(([name, functions]) => [name, Object.fromEntries(Object.entries(functions).map(counting))]);
  latest = new Instance(module, Object.fromEntries(counted));
  return latest;
};

const calls = {};

function counting([name, call]) {
  if (typeof call !== "function") return [name, call];
  // Without the hash that tells two of one name apart.
  const short = name.replace(/^__wb(g|indgen)_(_wbindgen_)?|_[0-9a-f]{16}$/g, "");
  return [
    name,
    function (...args) {
      calls[short] = (calls[short] ?? 0) + 1;
      return call.apply(this, args);
    },
  ];
}

export function read() {
  const { memory, __wbindgen_externrefs: references } = latest.exports;
  return { bytes: memory.buffer.byteLength, references: references.length, calls };
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
