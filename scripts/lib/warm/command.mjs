// The command: opens the list and the files, runs, and prints the result.

import { Problem } from "../process.mjs";
import { clock } from "./clock.mjs";
import { Interruption } from "./interruption.mjs";
import { List } from "./list.mjs";
import { count, countPaths, Progress } from "./progress.mjs";
import { Queue } from "./queue.mjs";
import { Results } from "./results.mjs";
import { Service } from "./service.mjs";
import { Warming } from "./warming.mjs";

/** Runs with the options of `parse`. Resolves with the exit code. */
export async function warm(options) {
  // Without a reader of the output, such as a closed pipe to `head`, the run goes on.
  process.stdout.on("error", () => {});
  const interruption = new Interruption();
  const { files, path } = options;
  const list = files.list === undefined ? new List(process.stdin, "standard input") : await List.open(path(files.list), files.list);
  let results;
  try {
    const service = new Service(options.host, options.token);
    await service.check(interruption.first);
    results = await Results.open(options);
    return await run({ ...options, service, list, results, interruption });
  } catch (error) {
    // The check was interrupted.
    if (interruption.exitCode && !(error instanceof Problem)) return interruption.exitCode;
    if (results && !(error instanceof Failed)) console.log(doneSoFar(results, files));
    throw error;
  } finally {
    list.close();
    await results?.close();
    interruption.release();
  }
}

async function run({ host, files, batch, parallel, attempts, service, list, results, interruption }) {
  const { resumed } = results;
  console.log(`Requesting the images of ${files.list ?? "standard input"} from ${host}, ${parallel} batches of ${batch} at a time.`);
  if (resumed > 0) console.log(`Resuming ${files.state}. Done before: ${countPaths(resumed)}.`);
  const queue = new Queue(list, results.seen, { size: batch, most: 2 * parallel * batch });
  const progress = new Progress({ stream: process.stdout, now: clock.now, list, resumed });
  const warming = new Warming({ service, queue, results, progress, clock, parallel, attempts });
  interruption.first.addEventListener("abort", () => warming.stop());
  interruption.second.addEventListener("abort", () => warming.stop(true));
  if (interruption.first.aborted) warming.stop();
  const complete = await warming.run().finally(() => progress.end());
  if (!complete) {
    console.log(`Stopped. ${doneSoFar(results, files)}`);
    return interruption.exitCode;
  }
  await results.finish();
  const { found, failed } = results;
  const repeated = Math.max(0, queue.repeated - resumed);
  console.log(
    `Done in ${progress.seconds.toFixed(1)} s: ${countPaths(found + failed)}, ${count(found)} found, ${count(failed)} failed.` +
      (repeated > 0 ? ` Lines with a repeated path: ${count(repeated)}.` : ""),
  );
  if (failed > 0) {
    throw new Failed(`Failed paths are in ${files.failed}, which is a list too. To request them again: npm run warm -- ${host} ${files.failed}`);
  }
  return 0;
}

/** Thrown after a complete run with paths that failed. There is nothing to resume. */
class Failed extends Problem {}

function doneSoFar({ found, failed }, files) {
  const resume = files.state === undefined ? "Without --state they are requested again." : "The same command resumes.";
  return `Done so far: ${countPaths(found + failed)}. ${resume}`;
}
