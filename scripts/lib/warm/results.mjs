// The results of a run: its totals, and the files in which they are saved.

import { AppendedFile, remove } from "./appended-file.mjs";
import { Fingerprints } from "./fingerprints.mjs";
import { CSV_HEADER, csvRow, failedRow } from "./rows.mjs";
import { State } from "./state.mjs";

export class Results {
  #paths;
  #state;
  #failed;
  #csv;
  #saving = Promise.resolve();
  /** The paths that are done or being requested. */
  seen = new Fingerprints();
  found = 0;
  failed = 0;
  /** Paths that an earlier run has finished. */
  resumed = 0;

  /** Opens the files. If the state file has an interrupted run of this host, its results are kept. */
  static async open({ host, files, path }) {
    const results = new Results();
    results.#paths = { failed: path(files.failed) };
    const run = { host, failed: results.#paths.failed, csv: files.csv === undefined ? null : path(files.csv) };
    const { state, totals } = files.state === undefined ? {} : await State.open(path(files.state), files.state, run, results.seen);
    const { found = 0, failed = 0, failedBytes = 0, csvBytes = 0 } = totals ?? {};
    Object.assign(results, { found, failed, resumed: found + failed });
    results.#state = state;
    // What follows these lengths is of paths that the state does not have, and that are requested again.
    results.#failed = await AppendedFile.open(path(files.failed), files.failed, failedBytes);
    if (files.csv !== undefined) {
      results.#csv = await AppendedFile.open(path(files.csv), files.csv, csvBytes);
      if (csvBytes === 0) await results.#csv.append(CSV_HEADER);
    }
    return results;
  }

  /**
   * Adds finished paths: `{ path, fingerprint, metadata }`, or `{ path, fingerprint, status, code, detail }` for a failure.
   * Resolves once they are saved.
   */
  add(finished) {
    // Rows are written before the state that counts them, and after those of the previous batch.
    this.#saving = this.#saving.then(() => this.#save(finished));
    return this.#saving;
  }

  async #save(finished) {
    if (finished.length === 0) return;
    const found = finished.filter(({ metadata }) => metadata);
    const failed = finished.filter(({ metadata }) => !metadata);
    await this.#failed.append(failed.map(failedRow).join(""));
    await this.#csv?.append(found.map(csvRow).join(""));
    const totals = {
      found: this.found + found.length,
      failed: this.failed + failed.length,
      failedBytes: this.#failed.length,
      csvBytes: this.#csv?.length ?? 0,
    };
    await this.#state?.append(
      finished.map(({ fingerprint }) => fingerprint),
      totals,
    );
    this.found = totals.found;
    this.failed = totals.failed;
  }

  /** Closes the files of an interrupted run. */
  async close() {
    await this.#saving.catch(() => {});
    for (const file of [this.#failed, this.#csv, this.#state]) await file?.close();
  }

  /** Closes the files of a complete run. Nothing is left to resume. */
  async finish() {
    await this.close();
    await this.#state?.remove();
    if (this.failed === 0) await remove(this.#paths.failed);
  }
}
