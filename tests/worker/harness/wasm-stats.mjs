/**
 * Wraps the Worker under test and measures its wasm instance: the size of its memory, and the number of calls to each of its
 * imports. It captures the instance when the Worker creates it, and reports through a named entrypoint with its own socket.
 */
export const wasmStatsSource = `
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
  // Without the hash that distinguishes imports of the same name.
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

/** The wrapper's main module around the entry module of the given name. */
export function wasmStatsWrapperSource(entry) {
  return `
import { WorkerEntrypoint } from "cloudflare:workers";
import { read } from "./test-wasm-stats.js";
import worker from "./${entry}";
export default worker;
export * from "./${entry}";
export class WasmStats extends WorkerEntrypoint {
  fetch() {
    return Response.json(read());
  }
}
`;
}
