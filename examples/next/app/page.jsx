import Photo from "./photo.jsx";

// The page is rendered again after an hour, so that it has the size of an image that was replaced.
export const revalidate = 3600;

const photos = [
  { path: "landscape.jpg", alt: "A landscape", preload: true },
  { path: "rotated.jpg", alt: "A photo taken in portrait format" },
  { path: "wide.webp", alt: "A panorama" },
];

export default function Page() {
  return (
    <main>
      <h1>Photos</h1>
      {photos.map((photo) => (
        <figure key={photo.path}>
          <Photo {...photo} sizes="100vw" />
          <figcaption>{photo.alt}</figcaption>
        </figure>
      ))}
    </main>
  );
}
