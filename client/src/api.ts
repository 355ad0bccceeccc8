/**
 * Types of the service itself: its service binding and its HTTP bodies.
 *
 * To type a binding, add the methods to the type that `wrangler types` (or @cloudflare/workers-types) gives it:
 *
 *     import type { OptimizedMetadata } from "optimized-metadata";
 *
 *     interface Env {
 *       METADATA: Service & OptimizedMetadata;
 *     }
 */

/** The methods of a service binding (`[[services]]` in wrangler.toml). They share their caches with the HTTP routes. */
export interface OptimizedMetadata {
  /**
   * Returns the metadata of an image.
   *
   * @param path Encoded as in a URL after `/metadata/`, without a leading slash. A literal `%` is `%25`; `%2F` is a slash. A `?`
   * begins the query of a version (`photos/cat.jpg?v=3`); in a name it is `%3F`.
   * @throws {RpcError}
   */
  fetchMetadata(path: string, options?: PlaceholderOptions): Promise<ImageAnswer>;

  /**
   * Returns the metadata of an image and its crop.
   *
   * @param path As for `fetchMetadata`.
   * @throws {RpcError} An unknown or invalid option has the code `invalid-parameter`.
   */
  fetchAndProcessMetadata(path: string, options?: CropOptions): Promise<ProcessedImage>;
}

/** The body of `GET /metadata/<path>`. */
export interface ImageAnswer {
  /** The decoded path. */
  path: string;
  /** The parameters of the version, such as `v=3`, if the request has any that the setting `query` names. */
  query?: string;
  metadata: ImageMetadata;
  /** A small blurred picture, if it was requested and the image has one. */
  placeholder?: Placeholder;
}

/** What to return besides the metadata. */
export interface PlaceholderOptions {
  /** Adds a small blurred picture. The setting `placeholders` must have `thumbhash`. */
  placeholder?: "data-url";
}

export interface Placeholder {
  /** A PNG of less than 4 KB, whose longer side has 24 pixels, in the aspect ratio of the image. */
  dataUrl: string;
}

/** Depends only on the image, never on the layer that answered. Unknown fields are absent. */
export interface ImageMetadata {
  /** In pixels, of the original as it is displayed. */
  width: number;
  /** In pixels, of the original as it is displayed. */
  height: number;
  /** Absent if the origin does not report it. Never guessed. */
  format?: ImageFormat;
  /** The media type of `format`. */
  mimeType?: string;
  /** In bytes. Absent if the origin does not report it. */
  fileSize?: number;
  /** The file's entity tag, without quotes, if the service reads the image from R2 or by ranges. */
  etag?: string;
  /** The EXIF orientation, from 1 to 8. It is already applied to `width` and `height`. */
  orientation?: number;
  /** Whether the image has transparency. This field and those up to `hasProfile` are read from the image's header. */
  hasAlpha?: boolean;
  /** Whether the image is animated. */
  animated?: boolean;
  /** The number of frames. */
  frames?: number;
  /** Bits per channel. */
  bitDepth?: number;
  /** The color model. `rgb` includes YCbCr and palette images. */
  colorSpace?: "gray" | "rgb" | "cmyk";
  /** The horizontal density of the original as stored, in pixels per inch. From 26 to 100000. */
  density?: number;
  /** Whether the image has an ICC color profile. */
  hasProfile?: boolean;
  /** A blurred picture as a ThumbHash, in base64. Needs the setting `placeholders`. */
  thumbhash?: string;
  /** The average color, as `#rrggbb`. Needs the setting `placeholders`. */
  color?: string;
  /** `high`, or `medium` if viewers may show another size: the sides may have to be swapped, the image is truncated or malformed, or readers differ. Old records may have other values. */
  confidence: string;
  /** Where the metadata comes from: `format-json` for the origin's resizer, `image-header` for the image itself. Old records may have other values. */
  source: string;
}

export type ImageFormat = "jpeg" | "png" | "webp" | "avif" | "gif" | "svg" | "heic" | "jxl" | "bmp" | "tiff" | "ico";

// Crops ---------------------------------------------------------------------------------------------------------------

/** The part of an image to show. The default is the whole image. */
export interface CropOptions extends PlaceholderOptions {
  /** The aspect ratio: `16:9`, `16-9`, `1.91:1`, or an object. Takes precedence over `platform`. */
  aspect?: string | { width: number; height: number };
  /** The focal point, as fractions of width and height from 0 to 1: `0.5,0.3`. A crop is centered on it as far as the edges allow. */
  focal?: string | { x: number; y: number };
  /** An alias of `focal`. They cannot be combined. */
  focalPoint?: string | { x: number; y: number };
  /** The maximum width of the result, from 1 to 12000 pixels. Cannot be combined with `device`. */
  width?: number;
  /** A named `width`: 600, 1200 or 1800 pixels. */
  device?: "mobile" | "tablet" | "desktop";
  /** A named `aspect`: 16:9, 1.91:1 or 1:1. */
  platform?: "twitter" | "facebook" | "instagram";
  /** An aspect of 4:5. Needs the platform `instagram`. */
  content?: "portrait";
  /** Whether to reach the ratio with the smallest frame around the image, instead of cropping it. */
  allowExpansion?: boolean;
}

/** The body of `GET /metadata/<path>` with crop parameters. */
export interface ProcessedImage extends ImageAnswer, Processed {}

export interface Processed {
  /** The size of the result, in pixels. */
  dimensions: { width: number; height: number };
  /** The part of the original that the result shows, in whole pixels and inside the image. */
  aspectCrop: AspectCrop;
  /** Present with `allowExpansion` and an aspect ratio: the whole image is shown, with bars on two sides unless it has that ratio. */
  fit?: "pad";
  /** The options of a `/cdn-cgi/image/<options>/<image>` URL that creates the result from the original. */
  transform: string;
}

export interface AspectCrop {
  width: number;
  height: number;
  /** From the left edge. */
  hoffset: number;
  /** From the upper edge. */
  voffset: number;
}

/** Parameters of a look-up without a crop. */
export type NoCrop = PlaceholderOptions & { [Name in Exclude<keyof CropOptions, "placeholder">]?: undefined };

// Batches -------------------------------------------------------------------------------------------------------------

/** The request body of `POST /metadata`. Unknown names are rejected. */
export interface BatchRequest extends CropOptions {
  /** From one to `batchLimit` paths, each as for `fetchMetadata`. */
  paths: string[];
}

/** The response body of `POST /metadata`, with status 200. */
export interface BatchAnswer {
  /** One result for each path, in the same order. */
  results: BatchResult[];
}

export type BatchResult = BatchSuccess | BatchFailure;

export interface BatchSuccess extends ImageAnswer, Partial<Processed> {
  status: 200;
}

export interface BatchFailure {
  path: string;
  /** As in `ImageAnswer`. */
  query?: string;
  status: ErrorStatus;
  problem: Problem;
}

// Purges --------------------------------------------------------------------------------------------------------------

/** The response body of `DELETE`, with status 200. */
export interface PurgeAnswer {
  /** The number of images and versions. */
  purged: number;
  /** Present if images or versions are left: repeat the `DELETE` with `?cursor=` and this value, percent-encoded. */
  cursor?: string;
  /** With the setting `edgeCache`, and without a `cursor`: whether the platform's cache was purged. `false` if the Worker has none. */
  edge?: boolean;
}

/** A message to the queue that the service consumes: `env.METADATA_EVENTS.send(message)`. */
export interface QueueMessage {
  /** At most `batchLimit` paths, percent-encoded as in URLs. A `?` begins the query of a version, and a purge also takes folders, such as `gallery/*`. */
  paths: string[];
  action: "purge" | "warm";
}

// Errors --------------------------------------------------------------------------------------------------------------

/**
 * The error that a service binding call rejects with. Its message says what is wrong and what to do.
 *
 * `code` and `status` need the compatibility date 2026-04-21 or later in the caller, or its compatibility flag
 * `enhanced_error_serialization`. Otherwise the runtime leaves them out.
 */
export interface RpcError extends Error {
  code: ErrorCode;
  status: ErrorStatus;
}

/** An error as `application/problem+json` (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: ErrorStatus;
  /** What is wrong and what to do. */
  detail: string;
  /** The path of the request. Absent in a batch. */
  instance?: string;
  /** In a batch: the number of seconds after which to retry. Elsewhere it is the header `Retry-After`. */
  retryAfter?: number;
  code: ErrorCode;
}

export type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 429 | 500 | 502 | 503 | 504;

/** Codes are stable. New ones may be added. */
export type ErrorCode =
  | "invalid-path"
  | "invalid-parameter"
  | "invalid-batch"
  | "unauthorized"
  | "forbidden"
  | "forbidden-by-origin"
  | "not-found"
  | "no-route"
  | "method-not-allowed"
  | "request-timeout"
  | "source-too-large"
  | "subrequest-limit"
  | "batch-too-large"
  | "not-an-image"
  | "configuration-error"
  | "origin-error"
  | "origin-unreachable"
  | "invalid-origin-answer"
  | "redirect-refused"
  | "overloaded"
  | "origin-overloaded"
  | "purge-failed"
  | "rate-limited"
  | "origin-timeout"
  | (string & {});
