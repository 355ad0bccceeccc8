const callbacks = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back when the signal aborts, until the returned function is called. All callbacks of a signal share one listener: Node 20
 * prints a warning if a signal has more than ten.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let set = callbacks.get(signal);
  if (!set) {
    const all = (set = new Set());
    callbacks.set(signal, all);
    signal.addEventListener("abort", () => all.forEach((call) => call()));
  }
  set.add(callback);
  return () => set.delete(callback);
}
