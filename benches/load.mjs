import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const script = fileURLToPath(new URL("load.lua", import.meta.url));
const exec = promisify(execFile);

/**
 * Sends requests for `url` with wrk for some seconds, over keep-alive connections. Resolves with the number of
 * `requests`, the `seconds` they took, and the latencies `p50`, `p95` and `p99` in milliseconds. Throws if any failed.
 *
 * - `distinct`: a path prefix. Each request appends the next number to it.
 * - `count`: the number of distinct paths before the first one is repeated.
 * - `spreadMs`: each connection waits for a random time up to this long between requests.
 */
export async function load(url, { seconds, connections = 16, headers = {}, distinct = "", spreadMs = 0, count = 1e9 }) {
  // One thread, to leave a core for workerd.
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", script];
  for (const [name, value] of Object.entries(headers)) args.push("-H", `${name}: ${value}`);
  const { stdout } = await exec("wrk", [...args, url, "--", distinct, spreadMs, count]);
  const result = JSON.parse(stdout.match(/^\{.*\}$/m)[0]);
  if (result.failed > 0 || result.requests === 0) throw new Error(`Requests to ${url} failed:\n${stdout}`);
  return result;
}

/** Returns wrk's version, or `undefined` if wrk is not installed. */
export function version() {
  // `wrk --version` also prints its usage, and exits with an error.
  return spawnSync("wrk", ["--version"], { encoding: "utf8" }).stdout?.match(/^wrk (\S+)/)?.[1];
}
