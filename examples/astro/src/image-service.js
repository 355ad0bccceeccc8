// Astro's own image service, except that the sizes of remote images come from the metadata service, and that the images have a
// placeholder.

import sharpService from "astro/assets/services/sharp";
import { createClient, imgAttributes } from "optimized-metadata";

let client;

/** Looks up a remote image, or returns `undefined` if it is not one of `imagesUrl`. */
async function lookUp(src, { service }) {
  const { metadataUrl, imagesUrl } = service.config;
  if (typeof src !== "string" || !src.startsWith(`${imagesUrl}/`)) return;
  // Look-ups at the same time are one request. Both hooks below share the answer.
  client ??= createClient({ baseUrl: metadataUrl }, { batchMaxAgeS: 600 });
  return client.get(src.slice(imagesUrl.length + 1), { placeholder: "data-url" });
}

export default {
  ...sharpService,

  /** For images with `inferSize`. */
  async getRemoteSize(url, imageConfig) {
    const { width, height, format } = (await lookUp(url, imageConfig))?.metadata ?? (await sharpService.getRemoteSize(url, imageConfig));
    return { width, height, format };
  },

  async getHTMLAttributes(options, imageConfig) {
    const attributes = await sharpService.getHTMLAttributes(options, imageConfig);
    const answer = await lookUp(options.src, imageConfig);
    // The image's own style comes last, so it takes precedence.
    const style = [answer && imgAttributes(answer).style, attributes.style].filter(Boolean).join("; ");
    return style ? { ...attributes, style } : attributes;
  },
};
