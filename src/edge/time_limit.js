/**
 * Returns a promise of what `map` makes of the outcome of `promise`. It is rejected with `null` after `ms` milliseconds, and
 * settled at once by `abandon()`.
 */
export function limited(promise, ms, map = (outcome) => outcome) {
  let timer;
  let settle;
  const outcome = new Promise((resolve, reject) => {
    settle = resolve;
    timer = setTimeout(reject, ms, null);
    const settled = (outcome) => {
      clearTimeout(timer);
      try {
        resolve(map(outcome));
      } catch (error) {
        reject(error);
      }
    };
    promise.then(settled, (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
  outcome.abandon = () => {
    clearTimeout(timer);
    settle();
  };
  return outcome;
}

/** The same, of what never settles: a promise that lasts `ms` milliseconds. */
export const delay = (ms) => limited({ then() {} }, ms);
