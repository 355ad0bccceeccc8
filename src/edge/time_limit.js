/**
 * Returns a promise for the result of `map`, called with the outcome of `promise`. It rejects with `null` after `ms`
 * milliseconds. `abandon()` resolves it immediately.
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

/** Returns a promise that rejects after `ms` milliseconds, with the same method `abandon()`. */
export const delay = (ms) => limited({ then() {} }, ms);
