// Valid and invalid uses of the types. This file is compiled but never run: `npm test` checks it.

import { createClient, htmlOf, imgAttributes, imgProps, MetadataError } from "optimized-metadata";
import type {
  AnswerCache,
  BatchAnswer,
  BatchRequest,
  CropOptions,
  ImageAnswer,
  OptimizedMetadata,
  ProcessedImage,
  PurgeAnswer,
  Resizer,
  RpcError,
} from "optimized-metadata";

export async function client(binding: OptimizedMetadata & { fetch: typeof fetch }, signal: AbortSignal, crop: CropOptions): Promise<void> {
  const cache: AnswerCache = new Map();
  createClient({ binding }, { cache });
  createClient({ baseUrl: "https://metadata.test" }, { fetch: (url, init) => fetch(url, { ...init, headers: { Authorization: "…" } }) });
  // @ts-expect-error There is a URL or a binding.
  createClient({ baseUrl: "", binding });
  // @ts-expect-error The option does not exist.
  createClient({ baseUrl: "" }, { timeout: 1_000 });
  const { get, getMany } = createClient({ baseUrl: "" });

  const answer = await get("photos/cat.jpg", undefined, { signal, timeoutMs: 1_000 });
  // @ts-expect-error The crop is absent if no crop parameters are given.
  text(answer.transform);
  const { placeholder }: ImageAnswer = await get("photos/cat.jpg", { placeholder: "data-url" });
  // @ts-expect-error The service may have no placeholder.
  text(placeholder.dataUrl);
  text((await get("photos/cat.jpg", { aspect: "16:9", placeholder: "data-url" })).transform);
  text((await get("photos/cat.jpg", crop)).transform);
  // @ts-expect-error The option does not exist.
  await get("photos/cat.jpg", { aspectRatio: "16:9" });

  for (const result of await getMany(["photos/cat.jpg"], { aspect: "1:1" })) {
    // @ts-expect-error The image may have failed.
    result.answer;
    if (result.ok) text(result.answer.transform);
    else text(result.error.detail);
  }

  const resizer: Resizer = ({ src, width, height, crop, fit }) => `${src}?w=${width}&h=${height}&x=${crop.hoffset}&fit=${fit}`;
  const attributes = imgAttributes(answer, { widths: [400, 800], sizes: "100vw", resizer });
  pixels(attributes.width);
  // @ts-expect-error There may be no widths.
  text(attributes.srcset);
  text(htmlOf(attributes) + htmlOf({ ...attributes, alt: "" }));
  const { style } = imgProps(answer, { resizer: "cloudflare" });
  if (style) text(style.background);
  // @ts-expect-error The name of the resizer is unknown.
  imgAttributes(answer, { resizer: "imgix" });
}

export function isMissing(error: unknown): boolean {
  return error instanceof MetadataError && error.code === "not-found" && error.status === 404;
}

export async function calls(metadata: OptimizedMetadata): Promise<void> {
  const { path, metadata: known }: ImageAnswer = await metadata.fetchMetadata("photos/cat.jpg");
  text(path);
  pixels(known.width * known.height);
  // @ts-expect-error The format is optional.
  text(known.format);
  // @ts-expect-error The file size is optional.
  pixels(known.fileSize);

  const processed: ProcessedImage = await metadata.fetchAndProcessMetadata("photos/cat.jpg", {
    aspect: { width: 16, height: 9 },
    focalPoint: { x: 0.5, y: 0.3 },
    allowExpansion: false,
  });
  const { width, height, hoffset, voffset } = processed.aspectCrop;
  [width, height, hoffset, voffset, processed.dimensions.width, processed.dimensions.height].forEach(pixels);
  text(processed.transform);

  await metadata.fetchAndProcessMetadata("photos/cat.jpg");
  await metadata.fetchAndProcessMetadata("photos/cat.jpg", { platform: "instagram", content: "portrait", device: "mobile" });
  await metadata.fetchAndProcessMetadata("photos/cat.jpg", { aspect: "16:9", focal: "0.5,0.3", width: 800 });

  // @ts-expect-error The path is required.
  await metadata.fetchMetadata();
  // @ts-expect-error The platform is unknown.
  await metadata.fetchAndProcessMetadata("photos/cat.jpg", { platform: "myspace" });
  // @ts-expect-error The width must be a number.
  await metadata.fetchAndProcessMetadata("photos/cat.jpg", { width: "800" });
  // @ts-expect-error The option does not exist.
  await metadata.fetchAndProcessMetadata("photos/cat.jpg", { aspectRatio: "16:9" });
}

export function failed(error: RpcError): boolean {
  text(error.message);
  return error.status === 404 && error.code === "not-found";
}

export async function batch(post: (body: string) => Promise<string>): Promise<void> {
  const request: BatchRequest = { paths: ["photos/cat.jpg", "photos/dog.jpg"], aspect: "1:1" };
  const { results }: BatchAnswer = JSON.parse(await post(JSON.stringify(request)));
  for (const result of results) {
    text(result.path);
    if (result.status === 200) {
      pixels(result.metadata.width);
      // @ts-expect-error A batch without crop parameters has no crops.
      text(result.transform);
    } else {
      text(result.problem.detail);
    }
  }
}

export async function purge(remove: (query: string) => Promise<PurgeAnswer>): Promise<number> {
  let total = 0;
  let cursor: string | undefined;
  do {
    const answer: PurgeAnswer = await remove(cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`);
    total += answer.purged;
    cursor = answer.cursor;
  } while (cursor !== undefined);
  return total;
}

declare function pixels(count: number): void;
declare function text(text: string): void;
