// Returns the URL and the size of an image, cropped to 16:9 around its focal point.

import type { OptimizedMetadata, RpcError } from "optimized-metadata";

interface Env {
  METADATA: OptimizedMetadata;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    // The path stays percent-encoded: the service decodes it.
    const path = new URL(request.url).pathname.slice(1);
    try {
      const { aspectCrop, dimensions, transform } = await env.METADATA.fetchAndProcessMetadata(path, {
        aspect: { width: 16, height: 9 },
        focalPoint: { x: 0.5, y: 0.3 },
        device: "desktop",
      });
      return Response.json({ src: `/cdn-cgi/image/${transform}/${path}`, ...dimensions, aspectCrop });
    } catch (error) {
      const { message, code, status } = error as RpcError;
      return Response.json({ message, code }, { status: status ?? 500 });
    }
  },
};
