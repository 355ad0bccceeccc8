import Image from "next/image";
import { createClient } from "optimized-metadata";

const { METADATA_URL = "http://localhost:8787", IMAGES_URL = "http://localhost:8797" } = process.env;

const { get } = createClient({ baseUrl: METADATA_URL });

/** Shows a photo of any size. This is a server component: the look-ups of a page are one request, and browsers send none. */
export default async function Photo({ path, ...props }) {
  const { metadata, placeholder } = await get(path, { placeholder: "data-url" });
  return (
    <Image
      src={`${IMAGES_URL}/${path}`}
      width={metadata.width}
      height={metadata.height}
      placeholder={placeholder ? "blur" : "empty"}
      blurDataURL={placeholder?.dataUrl}
      style={{ maxWidth: "100%", height: "auto" }}
      {...props}
    />
  );
}
