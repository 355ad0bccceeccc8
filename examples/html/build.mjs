// Writes dist/index.html, a page whose images have their space before they are loaded.

import { mkdir, writeFile } from "node:fs/promises";
import { createClient, htmlOf, imgAttributes } from "optimized-metadata";

const { METADATA_URL = "http://localhost:8787", IMAGES_URL = "http://localhost:8797" } = process.env;

const photos = [
  { path: "landscape.jpg", alt: "A landscape" },
  { path: "rotated.jpg", alt: "A photo taken in portrait format" },
  { path: "wide.webp", alt: "A panorama" },
];

// All images are looked up in one request.
const { getMany } = createClient({ baseUrl: METADATA_URL });
const results = await getMany(photos.map(({ path }) => path), { placeholder: "data-url" });

const figures = photos.map(({ path, alt }, index) => {
  const result = results[index];
  if (!result.ok) throw result.error;
  const attributes = imgAttributes(result.answer, { src: `${IMAGES_URL}/${path}` });
  return `<figure><img ${htmlOf({ ...attributes, alt, loading: index ? "lazy" : "eager" })}><figcaption>${alt}</figcaption></figure>`;
});

await mkdir("dist", { recursive: true });
await writeFile(
  "dist/index.html",
  `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Photos</title>
<link rel="icon" href="data:,">
<style>
  img { max-width: 100%; height: auto; }
</style>
<h1>Photos</h1>
${figures.join("\n")}
</html>
`,
);
