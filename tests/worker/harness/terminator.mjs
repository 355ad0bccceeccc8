/**
 * A Worker around the one under test whose execution ends in the middle, as it does when the CPU limit strikes: nothing
 * of the request runs afterwards, no `finally` and no destructor. `process.exit` does that on workerd.
 *
 * The points at which it can end are the calls from WebAssembly into JavaScript, every clock read among them. They are
 * counted from the moment at which the test sets the trap.
 */
export const terminatorSource = `
import { exit } from "node:process";

let left = Infinity, calls = 0;
export const set = (order) => { left = order.at ?? Infinity; calls = 0; };
export const read = () => ({ calls, sprung: left === 0 });

function pass() {
  calls++;
  if (left > 0 && --left === 0) exit(1);
}

const { Instance } = WebAssembly;
WebAssembly.Instance = function (module, { "./index_bg.js": own, ...others }) {
  const counted = Object.entries(own).map(([name, call]) => [
    name,
    typeof call === "function" ? (...args) => { pass(); return call(...args); } : call,
  ]);
  return new Instance(module, { "./index_bg.js": Object.fromEntries(counted), ...others });
};
`;

/** Flags that give the Worker \`node:process\`, in place of those that take it away. */
export const TERMINATOR_FLAGS = ["nodejs_compat"];

/** The wrapper's main module, for an entry of the given module name. */
export function terminatedSource(entry) {
  return `
import { WorkerEntrypoint } from "cloudflare:workers";
import { read, set } from "./test-terminator.js";
import worker from "./${entry}";
export default worker;
export * from "./${entry}";
export class Terminator extends WorkerEntrypoint {
  async fetch(request) {
    const before = read();
    set(await request.json());
    return Response.json(before);
  }
}
`;
}
