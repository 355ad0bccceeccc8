// Detects that execution was terminated inside the WebAssembly instance, and replaces the instance.
//
// The runtime can terminate a request at any instruction, for instance at the CPU limit. No `finally` and no destructor runs
// then. The instance, which serves every request of the isolate, keeps the state of that moment: its allocator, its borrows or
// its task queue may be in the middle of a change.
//
// Every call into the instance is therefore counted when it begins and when it returns. A panic or a JavaScript error unwinds
// the frames of a call, which then counts as returned. A trap does not.
//
// This module must be evaluated before the build, which makes its first instance at once.

/**
 * Calls that have not returned, and callbacks that the instance waits for: 0 whenever the runtime begins a turn, since it runs
 * all microtasks of one turn before the next.
 */
export let pending = { count: 0 };

/** Requests that wait for the instance, by number, oldest first. */
const waiting = new Map();
let last = 0;

/** No request takes this long. One that is still in the map has lost its context, and with it the code that removes it. */
const LOST_MS = 180_000;

/**
 * Returns the outcome of `start(number, watch)`, or an error as soon as the instance is replaced. `cancel(number)` ends what is
 * left of a request in the instance: when its client leaves, once `watch()` was called, and when it is lost without that.
 */
export function whileInstanceLives(start, cancel, request) {
  const now = Date.now();
  for (const [number, { since }] of waiting) {
    if (now - since < LOST_MS) break;
    waiting.delete(number);
    cancel(number);
  }
  return new Promise((resolve, reject) => {
    const number = ++last;
    waiting.set(number, { since: now, reject });
    const left = () => {
      // An instance that is to be replaced is not entered again.
      if (waiting.delete(number) && pending.count === 0) cancel(number);
    };
    const settle = (end) => (outcome) => {
      waiting.delete(number);
      end(outcome);
    };
    start(number, () => request.signal.addEventListener("abort", left)).then(settle(resolve), settle(reject));
  });
}

/** Makes a new instance. `Build` is any class of the build: each checks `criticalError` when it is constructed. */
export function replaceInstance(Build) {
  globalThis.__worker_init_state.criticalError = true;
  new Build();
  const lost = new Error("The runtime terminated another request, and this one with it. Try again.");
  for (const { reject } of waiting.values()) reject(lost);
  waiting.clear();
  // Last, so that after a termination in the lines above the next request replaces the instance again. A new object, so that
  // callbacks of the old instance that have yet to run do not change the count of the new one.
  pending = { count: 0 };
}

const { Instance } = WebAssembly;

WebAssembly.Instance = function (module, imports) {
  const exports = { ...new Instance(module, imports).exports };
  for (const [name, value] of Object.entries(exports)) if (isEntry(name)) exports[name] = counted(value);
  return { exports };
};

/**
 * The handlers, and the closures that promises call. Other exports are called from within these. src/index.js counts
 * the `memory_` ones itself, which spares a hit one more frame.
 */
const isEntry = (name) => /^(start|fetch\w*|memory_warm|\w+__closures\w*|__wbindgen_destroy_closure)$/.test(name);

function counted(call) {
  return (a, b, c, d) => {
    pending.count++;
    try {
      const result = call(a, b, c, d);
      pending.count--;
      return result;
    } catch (error) {
      if (error instanceof WebAssembly.Exception) pending.count--;
      throw error;
    }
  };
}

// The build wakes its futures with this. The runtime's own function wraps each callback in further objects, which is a tenth of
// the cost of a miss. The promise was made outside of any request, so a callback runs in the context of its caller.
const settled = Promise.resolve();
globalThis.queueMicrotask = (callback) => {
  // A termination discards the microtasks of its turn, and the instance would wait for this one for ever.
  const counter = pending;
  counter.count++;
  void settled.then(() => {
    try {
      callback();
    } finally {
      counter.count--;
    }
  });
};
