// Detects that execution was terminated inside the WebAssembly instance, and replaces the instance.
//
// The runtime can terminate a request at any instruction, for example at the CPU limit. Then no `finally` block and no
// destructor runs. The instance serves all requests of the isolate, and keeps the state of that moment: its allocator, borrows
// or task queue may be inconsistent.
//
// Every call into the instance is therefore counted when it begins and when it returns. A panic or a JavaScript error unwinds
// the stack of a call, which then counts as returned. A trap does not.
//
// This module must be evaluated before the build, which creates its first instance when it loads.

/**
 * The number of calls that have not returned and of callbacks that the instance waits for. It is 0 whenever an event-loop turn
 * begins, because the runtime runs all microtasks of a turn before the next one.
 */
export let pending = { count: 0 };

/** Requests that are waiting for the instance, by number, oldest first. */
const waiting = new Map();
let last = 0;

/** No request takes this long. One that is still in the map was terminated, so the code that removes it did not run. */
const LOST_MS = 180_000;

/**
 * Returns the outcome of `start(number, watch)`, or an error as soon as the instance is replaced. `cancel(number)` ends a request
 * in the instance. It is called when the client disconnects, if `watch()` was called before, and when a request is lost.
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
    const disconnected = () => {
      // Do not enter an instance that is about to be replaced.
      if (waiting.delete(number) && pending.count === 0) cancel(number);
    };
    const settle = (end) => (outcome) => {
      waiting.delete(number);
      end(outcome);
    };
    start(number, () => request.signal.addEventListener("abort", disconnected)).then(settle(resolve), settle(reject));
  });
}

/** Creates a new instance. `Build` is any class of the build: each checks `criticalError` when it is constructed. */
export function replaceInstance(Build) {
  globalThis.__worker_init_state.criticalError = true;
  new Build();
  const lost = new Error("The runtime terminated another request, and this one with it. Try again.");
  for (const { reject } of waiting.values()) reject(lost);
  waiting.clear();
  // Last, so that the next request replaces the instance again if this function is terminated. A new object, so that pending
  // callbacks of the old instance do not change the count of the new one.
  pending = { count: 0 };
}

const { Instance } = WebAssembly;

WebAssembly.Instance = function (module, imports) {
  const exports = { ...new Instance(module, imports).exports };
  for (const [name, value] of Object.entries(exports)) if (isEntry(name)) exports[name] = counted(value);
  return { exports };
};

/**
 * Matches the handlers, and the closures that promises call. Other exports are called from within these. src/index.js counts
 * the `memory_` ones itself, which saves a stack frame per hit.
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

// The build wakes its futures with this function. The runtime's own version wraps each callback in more objects, which is a tenth
// of the cost of a miss. The promise was created outside of any request, so a callback runs in the context of its caller.
const settled = Promise.resolve();
globalThis.queueMicrotask = (callback) => {
  // A termination discards the microtasks of its turn. The instance would wait for this one forever.
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
