/**
 * A client of the Optimized Metadata Service: looks up the size, format and crop of images, and describes them for `<img>`.
 *
 * @module
 */

export type * from "./api.js";
export type { AnswerCache, KeptAnswer } from "./cache.js";
export { createClient, type Answer, type Client, type Result } from "./client.js";
export { MetadataError, type ClientErrorCode, type ErrorFields } from "./error.js";
export { htmlOf, imgAttributes, imgProps, type ImgAttributes, type ImgOptions, type ImgProps, type Rendition, type Resizer } from "./img.js";
export type { CallOptions, ClientOptions, Fetch, FetchInit, FetchResponse, Target } from "./options.js";
