// An instance of the service, as a client of its batches sees it.

import { Problem } from "../process.mjs";

/** An image of a batch waits for its turn for up to 15 s, and then for the origin. */
const TIMEOUT_MS = 120_000;
/** The service itself never asks for more. */
const MAX_RETRY_AFTER_S = 3600;

export class Service {
  #host;
  #headers;

  constructor(host, token) {
    this.#host = host;
    this.#headers = token ? { Authorization: `Bearer ${token}` } : {};
  }

  /** Throws a `Problem` if the host cannot be reached, is not the service, is misconfigured or refuses the admin token. */
  async check(signal) {
    const response = await this.#batch([], signal);
    if (response.error) throw new Problem(`Cannot reach ${this.#host}: ${response.error}.`);
    // An empty batch is the one that every version of the service refuses in the same way.
    if (response.problem?.code !== "invalid-batch" && !isTemporary(response)) throw this.#refusal(response);
    if (!this.#headers.Authorization) return;
    const admin = await this.#request("/stats", {}, signal);
    // The service refuses further wrong tokens with a 429, and a right one never.
    if (["forbidden", "rate-limited"].includes(admin.problem?.code)) throw new Problem(`${this.#host} refuses ADMIN_TOKEN: ${admin.problem.detail}`);
  }

  /**
   * Requests the metadata of `paths`. Resolves with one of:
   *
   * - `{ results }`, one for each path
   * - `{ tooLarge }`, the problem that says so
   * - `{ refused: { status, code, detail, afterMs } }`: a temporary failure of the whole request; `status` is 0 if the
   *   connection failed, and `afterMs` is there if the service named a time
   *
   * Throws a `Problem` if another attempt cannot succeed.
   */
  async look(paths, signal) {
    const response = await this.#batch(paths, signal);
    const { status, problem, error, body } = response;
    if (error) return { refused: { status: 0, code: "unreachable", detail: error } };
    if (status === 413) return { tooLarge: failure(response) };
    if (isTemporary(response)) return { refused: { ...failure(response), afterMs: retryAfterMs(response.retryAfter) } };
    if (status !== 200 || problem || !areResults(body?.results, paths)) throw this.#refusal(response);
    return { results: body.results };
  }

  #batch(paths, signal) {
    const headers = { "Content-Type": "application/json" };
    return this.#request("/metadata", { method: "POST", headers, body: JSON.stringify({ paths }) }, signal);
  }

  async #request(path, { headers, ...options }, signal) {
    const controller = new AbortController();
    const abort = () => controller.abort();
    const timer = setTimeout(abort, TIMEOUT_MS);
    signal.addEventListener("abort", abort);
    try {
      const response = await fetch(this.#host + path, {
        ...options,
        headers: { ...this.#headers, ...headers },
        // Followed, a redirect would turn the batch into a GET, and could take the token elsewhere.
        redirect: "manual",
        signal: controller.signal,
      });
      const text = await response.text();
      const type = response.headers.get("content-type") ?? "";
      const body = json(text);
      return {
        status: response.status,
        type,
        location: response.headers.get("location"),
        retryAfter: response.headers.get("retry-after"),
        body,
        problem: type.startsWith("application/problem+json") && typeof body?.code === "string" ? body : undefined,
      };
    } catch (error) {
      if (signal.aborted) throw error;
      if (controller.signal.aborted) return { error: `no response within ${TIMEOUT_MS / 1000} s` };
      return { error: (error.cause ?? error).message || error.cause.code };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  /** Describes a response that says that every batch will fail. */
  #refusal(response) {
    const { status, type, location, problem } = response;
    const what = `POST ${this.#host}/metadata returned ${status}`;
    if (problem) return new Problem(`${what} ${problem.code}: ${problem.detail}`);
    if (location && status >= 300 && status < 400) return new Problem(`${what}, a redirect to ${location}. Pass that URL.`);
    return new Problem(`${what} ${type || "without a content type"}: this is not the service, or its route leaves out /metadata.`);
  }
}

/** Reads `Retry-After`, in seconds or as a date, into milliseconds. */
export function retryAfterMs(value, now = Date.now()) {
  if (value === undefined || value === null) return undefined;
  const text = `${value}`.trim();
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_S) * 1000;
}

function isTemporary({ status, problem }) {
  if (problem?.code === "configuration-error") return false;
  return status === 408 || status === 429 || status >= 500;
}

function failure({ status, problem }) {
  return { status, code: problem?.code ?? "", detail: problem?.detail ?? "" };
}

function areResults(results, paths) {
  return Array.isArray(results) && results.length === paths.length && results.every(isResult);
}

function isResult(result) {
  if (result?.status === 200) return result.metadata?.width > 0 && result.metadata.height > 0;
  return Number.isInteger(result?.status) && typeof result.problem?.code === "string";
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
