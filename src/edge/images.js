// Tiny pictures by the Images binding.

import { startOf } from "./origin.js";

/** Resolves with up to `most` bytes of a PNG that shows the image in the stream `file`, as it is displayed. */
export async function picture(images, file, most) {
  const transformed = images.input(file).transform({ width: 100, height: 100, fit: "scale-down" });
  const output = await transformed.output({ format: "image/png", anim: false });
  return startOf(output.image(), most);
}

/** The same, for the object of this key. Resolves with `null` if there is none. */
export async function pictureOfObject(images, bucket, key, most) {
  const object = await bucket.get(key);
  return object && picture(images, object.body, most);
}

/** Returns the error code of the Images binding, or 0. */
export const codeOf = (error) => Number(error?.code) || 0;
