import type { ImageAnswer, Problem } from "./api.js";
import type { Outcome } from "./cache.js";
import { clientError, MetadataError } from "./error.js";
import type { ClientOptions, FetchInit, FetchResponse, Target } from "./options.js";
import { parametersOf } from "./parameters.js";

/** An image to look up. `query` has the crop parameters, and `url` is that of its `GET`. */
export interface Image {
  path: string;
  query: string;
  url: string;
}

type Header = (name: string) => string | null | undefined;

export interface Reply {
  /** One for each image, in the same order. */
  outcomes: Outcome[];
  /** Returns a header of the outcome. Absent for a batch, whose headers are not those of its images, and for a body that cannot be read. */
  header: Header | undefined;
}

export interface Transport {
  imageOf(path: string, query: string): Image;
  /** Requests images with the same crop parameters. Resolves with errors instead of rejecting. */
  request(images: Image[], signal: AbortSignal): Promise<Reply>;
}

/** Paths that URL parsers change or cut off (https://url.spec.whatwg.org/#url-parsing). They are sent in a body. */
const CHANGED_IN_URLS = /[#\\\t-\r]|\s$|(^|\/)(\.|%2e){1,2}(\/|\?|$)/i;

export function createTransport(target: Target, options: ClientOptions): Transport {
  const { baseUrl = "https://optimized-metadata", binding } = target;
  const base = `${baseUrl.replace(/\/$/, "")}/metadata`;
  return {
    imageOf: (path, query) => ({ path, query, url: `${base}/${path}${query && (path.includes("?") ? "&" : "?") + query}` }),

    async request(images, signal) {
      let [{ path, query, url }] = images as [Image];
      // The `fetch` of a browser fails as a method of another object than the global one; a binding needs its own.
      const { fetch = globalThis.fetch } = options;
      const isBatch = images.length > 1 || CHANGED_IN_URLS.test(path);
      const init: FetchInit = { signal };
      if (isBatch) {
        // Without a `Content-Type` of JSON, which the service does not need: browsers would send a preflight request.
        url = base;
        init.method = "POST";
        init.body = JSON.stringify({ paths: images.map(({ path }) => path), ...parametersOf(query) });
      }
      let response: FetchResponse | undefined;
      let body: Body;
      let cause: unknown;
      try {
        response = await (binding ? binding.fetch(url, init) : fetch(url, init));
        body = (await response.json()) as Body;
      } catch (error) {
        cause = error;
      }
      const header: Header = (name) => response?.headers.get(name);
      const results: Item[] = (response?.ok && (isBatch ? body?.results : body && [body])) || [];
      const code = response ? "invalid-response" : "network-error";
      const noAnswer = clientError(response?.status ?? 0, code, "The service did not respond. Check the base URL and corsOrigins.");
      const failure = body?.code ? (body as Problem) : noAnswer;
      const seconds = parseInt(header("Retry-After") ?? "");
      const retryAfter = seconds >= 0 ? seconds : undefined;
      const outcomes = images.map(({ path }, index) => {
        const { status, problem, ...answer } = results[index] ?? {};
        return answer.metadata ? (answer as ImageAnswer) : new MetadataError(path, { retryAfter, ...(problem ?? failure) }, cause);
      });
      return { outcomes, header: isBatch || cause ? undefined : header };
    },
  };
}

/** The body of an answer, a batch or a problem, or what else may come. */
type Body = (Partial<ImageAnswer> & Partial<Problem> & { results?: Item[] }) | null | undefined;

type Item = Partial<ImageAnswer> & { status?: number; problem?: Problem };
