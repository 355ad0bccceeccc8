/**
 * A main module that wraps the Worker's and exports one more entrypoint. `fetch` is the body of its `fetch(request)`, where
 * `this.work(request)` runs the Worker in the entrypoint's own I/O context.
 */
export function entrypointSource(main, { name, fetch }) {
  return `
import { WorkerEntrypoint } from "cloudflare:workers";
import worker from "./${main}";
export default worker;
export class ${name} extends WorkerEntrypoint {
  async fetch(request) {${fetch}
  }

  work(request) {
    if (typeof worker === "function") return new worker(this.ctx, this.env).fetch(request);
    return worker.fetch(request, this.env, this.ctx);
  }
}
`;
}
