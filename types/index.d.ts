/**
 * The Optimized Metadata Service, as another Worker or a client of its HTTP answers sees it.
 *
 * A binding is typed by adding the methods to what `wrangler types` (or @cloudflare/workers-types) says of it:
 *
 *     import type { OptimizedMetadata } from "optimized-metadata-types";
 *
 *     interface Env {
 *       METADATA: Service & OptimizedMetadata;
 *     }
 */

/** The methods of a service binding (`[[services]]` in wrangler.toml). They share their caches with the HTTP routes. */
export interface OptimizedMetadata {
  /**
   * What is known of one image.
   *
   * @param path As in a URL after `/metadata/`: no leading slash, percent-encoded where a name has a `%`; `%2F` is a slash.
   * @throws {MetadataError}
   */
  fetchMetadata(path: string): Promise<ImageAnswer>;

  /**
   * The same, and the part of the image to show.
   *
   * @param path As for `fetchMetadata`.
   * @throws {MetadataError} Also for an option that is unknown or cannot be used, with the code `invalid-parameter`.
   */
  fetchAndProcessMetadata(path: string, options?: CropOptions): Promise<ProcessedImage>;
}

/** The body of `GET /metadata/<path>`. */
export interface ImageAnswer {
  /** Decoded. */
  path: string;
  metadata: ImageMetadata;
}

/** It depends on the image alone, never on the layer that answered. */
export interface ImageMetadata {
  /** In pixels, of the original as it is displayed. */
  width: number;
  /** In pixels, of the original as it is displayed. */
  height: number;
  /** Absent where the origin does not tell; never guessed. */
  format?: ImageFormat;
  /** The media type of `format`. */
  mimeType?: string;
  /** In bytes. Absent where the origin does not tell. */
  fileSize?: number;
  /** The image's own entity tag, where it is in a bucket. */
  etag?: string;
  /** How it is turned to be displayed, as Exif counts it, from 1 to 8. `width` and `height` have been turned. */
  orientation?: number;
  /** Whether it has transparency. This and what follows is told where the image's header tells it. */
  hasAlpha?: boolean;
  /** Whether it moves. */
  animated?: boolean;
  /** How many pictures it shows one after the other. */
  frames?: number;
  /** Bits of each channel. */
  bitDepth?: number;
  /** What its colours are made of; `rgb` also where they are stored as luma and chroma, or by a palette. */
  colorSpace?: "gray" | "rgb" | "cmyk";
  /** `high`, or `medium` if viewers can show another size: the sides may have to be swapped, the image is cut or malformed, or readers differ in it. Old records may have others. */
  confidence: string;
  /** How they were found: `format-json` by the origin's resizer, `image-header` in the image itself; others in old records. */
  source: string;
}

export type ImageFormat = "jpeg" | "png" | "webp" | "avif" | "gif" | "svg" | "heic" | "jxl" | "bmp" | "tiff" | "ico";

// Crops ---------------------------------------------------------------------------------------------------------------

/** What to show of an image. The default is all of it. */
export interface CropOptions {
  /** `16:9`, `16-9`, `1.91:1`, or both sides by name. Wins over that of a `platform`. */
  aspect?: string | { width: number; height: number };
  /** What a crop keeps as near to its centre as the edges allow, from 0 to 1 of the width and the height: `0.5,0.3`. */
  focal?: string | { x: number; y: number };
  /** Another name of `focal`; not beside it. */
  focalPoint?: string | { x: number; y: number };
  /** The most that the result may be wide, from 1 to 12000 pixels. Not beside a `device`. */
  width?: number;
  /** A `width` by name: 600, 1200 or 1800 pixels. */
  device?: "mobile" | "tablet" | "desktop";
  /** An `aspect` by name: 16:9, 1.91:1 or 1:1. */
  platform?: "twitter" | "facebook" | "instagram";
  /** 4:5, and only beside the platform `instagram`. */
  content?: "portrait";
  /** To reach the ratio by the smallest frame around the image, instead of cropping it. */
  allowExpansion?: boolean;
}

/** The body of `GET /metadata/<path>` with crop parameters. */
export interface ProcessedImage extends ImageAnswer, Processed {}

export interface Processed {
  /** In pixels, of the result. */
  dimensions: { width: number; height: number };
  /** The part of the original that the result shows, in whole pixels and inside the image. */
  aspectCrop: AspectCrop;
  /** There with `allowExpansion` and a ratio: all of the image is shown, with bars on two sides unless it has that ratio. */
  fit?: "pad";
  /** Options of a `/cdn-cgi/image/<options>/<image>` URL that make the result of the original. */
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

// Batches -------------------------------------------------------------------------------------------------------------

/** The body to send as `POST /metadata`. Other names are refused. */
export interface BatchRequest extends CropOptions {
  /** From one to `batchLimit` of them. */
  paths: string[];
}

/** The body of its 200. */
export interface BatchAnswer {
  /** One for each path, in the same order. */
  results: BatchResult[];
}

export type BatchResult = BatchSuccess | BatchFailure;

export interface BatchSuccess extends ImageAnswer, Partial<Processed> {
  status: 200;
}

export interface BatchFailure {
  path: string;
  status: ErrorStatus;
  problem: Problem;
}

// Purges --------------------------------------------------------------------------------------------------------------

/** The body of a `DELETE`'s 200. */
export interface PurgeAnswer {
  purged: number;
  /** More is left: send the same `DELETE` again with `?cursor=` and this, percent-encoded. */
  cursor?: string;
}

// Errors --------------------------------------------------------------------------------------------------------------

/**
 * What a call over a binding is rejected with. Its message says what to do about it.
 *
 * `code` and `status` arrive where the caller's compatibility date is 2026-04-21 or later, or it has the compatibility
 * flag `enhanced_error_serialization`; elsewhere the runtime leaves them out.
 */
export interface MetadataError extends Error {
  code: ErrorCode;
  status: ErrorStatus;
}

/** An error as `application/problem+json` (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: ErrorStatus;
  /** One sentence that says what to do. */
  detail: string;
  /** The request's path. Not in a batch. */
  instance?: string;
  code: ErrorCode;
}

export type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 500 | 502 | 503 | 504;

/** They are stable; more may come. */
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
  | "origin-timeout"
  | (string & {});
