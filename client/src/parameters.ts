import type { CropOptions } from "./api.js";

/**
 * Writes crop parameters as a query, in one spelling and order, so that the same crop has the same URL and travels in the same batch. `:`
 * and `,` are not encoded: caches then see the URL that people write.
 */
export function queryOf({ focalPoint, focal = focalPoint, aspect, ...rest }: CropOptions = {}): string {
  const query = new URLSearchParams();
  const parameters = {
    ...rest,
    aspect: typeof aspect === "object" ? `${decimal(aspect.width)}:${decimal(aspect.height)}` : aspect,
    focal: typeof focal === "object" ? `${decimal(focal.x)},${decimal(focal.y)}` : focal,
  };
  for (const [name, value] of Object.entries(parameters).sort()) if (value !== undefined) query.append(name, `${value}`);
  return `${query}`.replace(/%(3A|2C)/g, decodeURIComponent);
}

/** Reads a query as a JSON object. The service accepts texts for numbers, too. */
export const parametersOf = (query: string): Record<string, string> => Object.fromEntries(new URLSearchParams(query));

/** Rounds a number so that it has no exponent, which the service rejects. */
const decimal = (value: number) => +value.toFixed(6);
