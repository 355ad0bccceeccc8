const { IMAGES_URL = "http://localhost:8797" } = process.env;

export default {
  // Several lock files are above this folder.
  turbopack: { root: import.meta.dirname },
  images: {
    // Next may resize images of this site.
    remotePatterns: [new URL(`${IMAGES_URL}/**`)],
    // Only to try it: Next refuses images of this machine otherwise.
    dangerouslyAllowLocalIP: ["localhost", "127.0.0.1"].includes(new URL(IMAGES_URL).hostname),
  },
};
