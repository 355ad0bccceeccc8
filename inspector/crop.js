// Computes crops by the rules of docs/crops.md, for the time until the Worker answers. Has no access to the page.
//
// Exact, as in the Worker: decimal numbers are whole numbers of billionths.

/** The ratio of each platform, by its parameters `platform` and `content`. */
export const PLATFORMS = { twitter: "16:9", facebook: "1.91:1", instagram: "1:1", "instagram portrait": "4:5" };

/** The width of each `device`. */
export const DEVICES = { mobile: 600, tablet: 1200, desktop: 1800 };

const BILLION = 10n ** 9n;
const MAX_RATIO = 10n ** 6n;

function billionths(text) {
  const [, whole, fraction = ""] = /^(\d{1,9})(?:\.(\d+))?$/.exec(text) ?? [];
  // The tenth decimal rounds.
  return whole && BigInt(whole + fraction.slice(0, 9).padEnd(9, "0")) + (fraction[9] >= "5" ? 1n : 0n);
}

/** Parses `16:9`, `16-9` or `1.91:1`. */
function parseRatio(text) {
  const [, width, height] = (/^([^:-]*)[:-](.*)$/.exec(text) ?? []).map(billionths);
  return width && height && width <= height * MAX_RATIO && height <= width * MAX_RATIO && [width, height];
}

/** Parses a `width`: whole pixels, from 1 to 12000. */
const parseWidth = (text) => (/^\d{1,5}$/.test(text) && text >= 1 && text <= 12_000 ? BigInt(text) : undefined);

const least = (a, b) => (a < b ? a : b);

/** Returns `length · numerator / denominator`, rounded to the nearest pixel, and at least 1. */
const scaled = (length, numerator, denominator) => (length * numerator + denominator / 2n) / denominator || 1n;

/** Returns the first pixel of a crop out of a side. */
function offset(side, crop, focal) {
  const start = 2n * focal * side - BILLION * crop;
  return start < 0n ? 0n : least((start + BILLION) / (2n * BILLION), side - crop);
}

/**
 * Returns the `dimensions`, `aspectCrop`, `transform` and `fit` of the Worker's response for an image of this size and these query
 * parameters, or `undefined` if one of them is invalid.
 */
export function computeCrop({ width, height }, parameters) {
  const [w, h] = [BigInt(width), BigInt(height)];
  const text = (name) => parameters.get(name) ?? "";
  const aspect = text("aspect") || PLATFORMS[`${text("platform")} ${text("content")}`.trim()];
  const ratio = aspect ? parseRatio(aspect) : [w, h];
  const [x, y] = (text("focal") || "0.5,0.5").split(",").map(billionths);
  const limit = text("width") ? parseWidth(text("width")) : BigInt(DEVICES[text("device")] ?? 0);
  if (!ratio || limit === undefined || x === undefined || y === undefined || x > BILLION || y > BILLION) return undefined;

  const isWider = ratio[0] * h > ratio[1] * w;
  const pads = Boolean(aspect) && text("allowExpansion") === "true";
  const across = [h, ratio[0], ratio[1]];
  const down = [w, ratio[1], ratio[0]];
  let crop = [w, h];
  let size = crop;
  if (pads) size = isWider ? [scaled(...across), h] : [w, scaled(...down)];
  else size = crop = isWider ? [w, least(scaled(...down), h)] : [least(scaled(...across), w), h];
  if (limit && size[0] > limit) size = [limit, scaled(size[1], limit, size[0])];

  const [left, top] = pads ? [0n, 0n] : [offset(w, crop[0], x), offset(h, crop[1], y)];
  const trim = [top, w - crop[0] - left, h - crop[1] - top, left];
  const fit = pads ? "pad" : "cover";
  return {
    dimensions: { width: Number(size[0]), height: Number(size[1]) },
    aspectCrop: { width: Number(crop[0]), height: Number(crop[1]), hoffset: Number(left), voffset: Number(top) },
    transform: `${trim.some(Boolean) ? `trim=${trim.join(";")},` : ""}width=${size[0]},height=${size[1]},fit=${fit}`,
    ...(pads && { fit }),
  };
}
