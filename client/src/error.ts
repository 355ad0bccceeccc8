import type { ErrorCode } from "./api.js";

/** The codes of failures that the client itself finds, besides those of the service. */
export type ClientErrorCode =
  /** The look-up took longer than `timeoutMs`. The status is 0. */
  | "timeout"
  /** The request failed: no connection, or CORS does not allow it. The status is 0, and `cause` has the error of `fetch`. */
  | "network-error"
  /** The response is not one of the service. The status is that of the response. Check the base URL. */
  | "invalid-response";

/** What a `MetadataError` is made of, such as a `Problem` of the service. */
export interface ErrorFields extends Pick<MetadataError, "status" | "code" | "title" | "detail"> {
  retryAfter?: number | undefined;
}

/** Why one image has no answer. Its `message` is the path and the detail. `cause` is the error of a request that failed. */
export class MetadataError extends Error {
  /** The path, as passed to the client. */
  declare readonly path: string;
  /** The HTTP status for this image, in a batch as well. 0 without a response. */
  declare readonly status: number;
  /** A stable code, such as `not-found`. New ones may be added. */
  declare readonly code: ErrorCode | ClientErrorCode;
  /** The code in words. */
  declare readonly title: string;
  /** What is wrong and what to do. */
  declare readonly detail: string;
  /** When to try again, in seconds. Present with the statuses 429 and 503. */
  declare readonly retryAfter?: number | undefined;

  /** `fields` can be a `Problem` of the service. */
  constructor(path: string, fields: ErrorFields, cause?: unknown) {
    super(`${path}: ${fields.detail}`, { cause });
    Object.assign(this, fields, { name: "MetadataError", path });
  }
}

/** The fields of an error that the client itself finds. */
export const clientError = (status: number, code: ClientErrorCode, detail: string): ErrorFields => ({ status, code, title: "No answer", detail });
