// Valid and invalid uses of the types. This file is compiled but never run: `npm test` checks it.

import type {
  BatchAnswer,
  BatchRequest,
  ImageAnswer,
  MetadataError,
  OptimizedMetadata,
  ProcessedImage,
  PurgeAnswer,
} from "optimized-metadata-types";

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

export function failed(error: MetadataError): boolean {
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
