import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const script = fileURLToPath(new URL("load.lua", import.meta.url));
const exec = promisify(execFile);

/**
 * Has wrk ask for `url` for so many seconds, over connections that are kept. Resolves with how many `requests` there
 * were in how many `seconds`, and the latencies `p50`, `p95` and `p99` in milliseconds; throws where any of them failed.
 *
 * - `distinct`: a path; each request is for another one that begins with it and ends with a number.
 * - `count`: how many of these there are before the first one is asked for again.
 * - `spreadMs`: each connection waits from zero up to this long before it asks again.
 */
export async function load(url, { seconds, connections = 16, headers = {}, distinct = "", spreadMs = 0, count = 1e9 }) {
  // One thread, so that a core is left to workerd.
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", script];
  for (const [name, value] of Object.entries(headers)) args.push("-H", `${name}: ${value}`);
  const { stdout } = await exec("wrk", [...args, url, "--", distinct, spreadMs, count]);
  const result = JSON.parse(stdout.match(/^\{.*\}$/m)[0]);
  if (result.failed > 0 || result.requests === 0) throw new Error(`wrk met failures at ${url}:\n${stdout}`);
  return result;
}

/** wrk's version, or `undefined` where it is not installed. */
export function version() {
  // It prints its usage along, and fails.
  return spawnSync("wrk", ["--version"], { encoding: "utf8" }).stdout?.match(/^wrk (\S+)/)?.[1];
}
