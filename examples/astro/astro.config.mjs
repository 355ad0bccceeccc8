import { defineConfig } from "astro/config";

const { METADATA_URL = "http://localhost:8787", IMAGES_URL = "http://localhost:8797" } = process.env;

export default defineConfig({
  image: {
    service: { entrypoint: "./src/image-service.js", config: { metadataUrl: METADATA_URL, imagesUrl: IMAGES_URL } },
    // Astro may resize images of this host.
    domains: [new URL(IMAGES_URL).hostname],
    // Images are as wide as their space, at most as wide as the original.
    layout: "constrained",
    responsiveStyles: true,
  },
});
