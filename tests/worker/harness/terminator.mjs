/**
 * Wraps the Worker under test so that its execution can be terminated mid-request, as at the CPU limit: nothing of the request
 * runs afterwards, no `finally` and no destructor. On workerd `process.exit` has this effect.
 *
 * Execution can be terminated at each call from WebAssembly into JavaScript, including every clock read. Calls are counted
 * from the moment at which the test sets the number.
 */
export const terminatorSource = `
import { exit } from "node:process";

let left = Infinity, calls = 0;
export const set = ({ at }) => { left = at ?? Infinity; calls = 0; };
export const read = () => ({ calls, terminated: left === 0 });

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

/** The flags that provide \`node:process\`; they replace those that disable it. */
export const TERMINATOR_FLAGS = ["nodejs_compat"];

/** The wrapper's main module around the entry module of the given name. */
export function terminatorWrapperSource(entry) {
  return `
import { WorkerEntrypoint } from "cloudflare:workers";
import { read, set } from "./test-terminator.js";
import worker from "./${entry}";
export default worker;
export * from "./${entry}";
export class Terminator extends WorkerEntrypoint {
  async fetch(request) {
    const previous = read();
    set(await request.json());
    return Response.json(previous);
  }
}
`;
}
