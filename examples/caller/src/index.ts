// Returns a page with an image, cropped to 16:9 around its focal point, that has its space before it is loaded.

import { htmlOf, imgAttributes, type OptimizedMetadata, type RpcError } from "optimized-metadata";

interface Env {
  METADATA: OptimizedMetadata;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    // The path stays percent-encoded: the service decodes it.
    const path = new URL(request.url).pathname.slice(1);
    try {
      const answer = await env.METADATA.fetchAndProcessMetadata(path, {
        aspect: { width: 16, height: 9 },
        focalPoint: { x: 0.5, y: 0.3 },
        device: "desktop",
      });
      const image = imgAttributes(answer, { widths: [600, 1200, 1800], resizer: "cloudflare" });
      return new Response(page(htmlOf({ ...image, alt: "The image" })), { headers: { "Content-Type": "text/html; charset=utf-8" } });
    } catch (error) {
      const { message, code, status } = error as RpcError;
      return Response.json({ message, code }, { status: status ?? 500 });
    }
  },
};

const page = (attributes: string) => `<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width">
<title>An image</title>
<link rel="icon" href="data:,">
<style>
  img { max-width: 100%; height: auto; }
</style>
<img ${attributes}>
<p>This text does not move when the image is loaded.
</html>
`;
