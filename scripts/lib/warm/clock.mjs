// The clock of a run. Tests replace it.

/** The longest delay of a timer. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export const clock = {
  /** Milliseconds since some moment. */
  now: () => performance.now(),

  /** Resolves after `ms`, or as soon as the signal is aborted. */
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(end, Math.min(ms, MAX_DELAY_MS));
      signal.addEventListener("abort", end);
      if (signal.aborted) end();

      function end() {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      }
    }),
};
