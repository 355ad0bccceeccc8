import sharp from "sharp";

/** A Worker that transforms an image with wrangler's emulation. Its request body is `{ url, image }`, `image` as in `cf.image`. */
export const resizerSource = `
export default {
  async fetch(request) {
    const { url, image } = await request.json();
    return fetch(url, { cf: { image } });
  },
};
`;

/** Converts a transform such as `trim=0;0;12;0,width=64,height=36,fit=cover` to the options of `cf.image`. */
export function optionsOf(transform) {
  const options = Object.fromEntries(transform.split(",").map((option) => option.split("=")));
  const { trim, width, height, ...rest } = options;
  const [top, right, bottom, left] = (trim ?? "0;0;0;0").split(";").map(Number);
  return { ...rest, trim: { top, right, bottom, left }, width: Number(width), height: Number(height) };
}

/** Applies a transform in the order that Cloudflare documents: first the trim, then the resize. */
export async function apply(transform, image) {
  const { trim, width, height, fit } = optionsOf(transform);
  const original = await sharp(image).metadata();
  const kept = {
    left: trim.left,
    top: trim.top,
    width: original.width - trim.left - trim.right,
    height: original.height - trim.top - trim.bottom,
  };
  return sharp(image)
    .extract(kept)
    .resize(width, height, fit === "pad" ? { fit: "contain", background: "#ffffff" } : { fit })
    .png()
    .toBuffer();
}

/** Decodes an image: its size, and `at(x, y)`, the colour of a pixel. Negative coordinates count from the right and bottom. */
export async function pixelsOf(image) {
  const { data, info } = await sharp(image).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const at = (x, y) => {
    const index = ((y < 0 ? height + y : y) * width + (x < 0 ? width + x : x)) * 3;
    return `#${data.subarray(index, index + 3).toString("hex")}`;
  };
  return { width, height, at, corners: [at(0, 0), at(-1, 0), at(0, -1), at(-1, -1)] };
}

/** An image whose pixels all differ: the pixel at `x, y` has the colour `colourAt(x, y)`. */
export function chart(width, height) {
  const data = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set([x, y, 128], (y * width + x) * 3);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

export function colourAt(x, y) {
  return `#${Buffer.from([x, y, 128]).toString("hex")}`;
}
