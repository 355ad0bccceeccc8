import type { AspectCrop, Processed } from "./api.js";
import type { Answer } from "./client.js";

/** One URL to build: the image, its crop and its size. */
export interface Rendition {
  /** The URL of the original. */
  src: string;
  /** In pixels. */
  width: number;
  /** In pixels. */
  height: number;
  /** The part of the original to show. */
  crop: AspectCrop;
  /** With `pad`, the whole image is shown in a frame of this size. */
  fit: "cover" | "pad";
  /** The options of a `/cdn-cgi/image/<options>/<image>` URL for it. */
  transform: string;
}

/** Returns the URL of a rendition. */
export type Resizer = (rendition: Rendition) => string;

export interface ImgOptions {
  /** The URL of the original. The default is its path and query on the site of the page. */
  src?: string;
  /** The widths to offer, in whole pixels. Those beyond the width of the image or crop are replaced by that width. */
  widths?: readonly number[];
  /** How wide the image is shown. The default is its width, or `100vw` on narrower screens. */
  sizes?: string;
  /** The part to show. The default is the crop of the answer; `false` shows the whole image. */
  crop?: AspectCrop | false;
  /** Builds the URLs. Without one, the original is shown, without `srcset` and crop. */
  resizer?: "cloudflare" | Resizer;
}

/** Attributes of an `<img>`, by their names in HTML. */
export interface ImgAttributes {
  src: string;
  /** Present with a resizer and widths. */
  srcset?: string;
  /** Present with `srcset`. */
  sizes?: string;
  /** In pixels. */
  width: number;
  /** In pixels. */
  height: number;
  /** The placeholder or the color as background. Present if the answer has one and the image is not known to be transparent. */
  style?: string;
}

/** The same for JSX: the names and the style object of React. */
export interface ImgProps extends Omit<ImgAttributes, "srcset" | "style"> {
  srcSet?: string;
  style?: { background: string };
}

/**
 * Returns what an `<img>` needs to take its space before it is loaded. With CSS that sets the width, also set `height: auto`.
 *
 * URLs are percent-encoded where they could end an attribute or an entry of `srcset`; placeholders and colors of another form are left
 * out. Only `sizes`, which is not changed, can contain double quotes, `<` or `>`. `htmlOf` escapes all values, `&` included.
 */
export function imgAttributes(answer: Answer, options: ImgOptions = {}): ImgAttributes {
  const { src = urlOf(answer), widths = [], sizes, resizer } = options;
  const { metadata } = answer;
  // Without a resizer, the browser gets the original.
  const { dimensions, aspectCrop, fit = "cover" }: { fit?: "cover" | "pad" } & Partial<Omit<Processed, "fit">> = resizer && options.crop === undefined ? answer : {};
  const whole = { width: metadata.width, height: metadata.height, hoffset: 0, voffset: 0 };
  const crop = aspectCrop ?? ((resizer && options.crop) || whole);
  const { width, height } = dimensions ?? crop;
  const trim = [crop.voffset, metadata.width - crop.width - crop.hoffset, metadata.height - crop.height - crop.voffset, crop.hoffset];

  const url = (target: number) => {
    if (!resizer) return safe(src);
    const size = { width: target, height: Math.round((target * height) / width) || 1 };
    const transform = `${trim.some(Boolean) ? `trim=${trim.join(";")},` : ""}width=${target},height=${size.height},fit=${fit}`;
    return safe((resizer === "cloudflare" ? cloudflare : resizer)({ src, ...size, crop, fit, transform }));
  };

  const offered = [...new Set(widths.map((target) => Math.min(target, width)))].sort((a, b) => a - b);
  const srcset = resizer && offered.map((target) => `${url(target)} ${target}w`).join(", ");
  const background = fit === "cover" && backgroundOf(answer, crop);
  return {
    src: url(offered.at(-1) ?? width),
    ...(srcset && { srcset, sizes: sizes ?? `(min-width: ${width}px) ${width}px, 100vw` }),
    width,
    height,
    ...(background && { style: `background:${background}` }),
  };
}

/** Returns the same as `imgAttributes`, as props for JSX. */
export function imgProps(answer: Answer, options?: ImgOptions): ImgProps {
  const { srcset, style, ...rest } = imgAttributes(answer, options);
  return { ...rest, ...(srcset && { srcSet: srcset }), ...(style && { style: { background: style.replace("background:", "") } }) };
}

/** Writes attributes as HTML: `src="…" width="1600" …`. Others, such as `alt`, can be added. Those that are `undefined` are left out. */
export function htmlOf(attributes: Readonly<Record<string, string | number | undefined>> | ImgAttributes): string {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return given.map(([name, value]) => `${name}="${`${value}`.replace(/[&"<>]/g, (char) => `&#${char.charCodeAt(0)};`)}"`).join(" ");
}

const cloudflare: Resizer = ({ src, transform }) => `/cdn-cgi/image/${transform}/${src.replace(/^\//, "")}`;

const urlOf = ({ path, query }: Answer) => `/${path.split("/").map(encodeURIComponent).join("/")}${query ? `?${query}` : ""}`;

/** Encodes what could end an attribute, and spaces and outer commas, which end a URL in `srcset`. */
const safe = (url: string) => url.replace(/["<>\\\s]|^,|,$/g, encodeURIComponent);

/** Shows the part of the placeholder that belongs to the crop. */
function backgroundOf({ metadata, placeholder }: Answer, crop: AspectCrop): string {
  const { width, height, hasAlpha, color } = metadata;
  // It would be visible through the image.
  if (hasAlpha) return "";
  const layers = [];
  if (placeholder && /^data:image\/\w+;base64,[\w+/=]+$/.test(placeholder.dataUrl)) {
    const percent = (part: number, of: number) => `${+((100 * part) / (of || 1)).toFixed(2)}%`;
    const position = `${percent(crop.hoffset, width - crop.width)} ${percent(crop.voffset, height - crop.height)}`;
    layers.push(`url(${placeholder.dataUrl}) ${position}/${percent(width, crop.width)} ${percent(height, crop.height)} no-repeat`);
  }
  if (/^#\w{6}$/.test(color ?? "")) layers.push(color);
  return layers.join(" ");
}
