// Reports the size of the corpus, and the files on which the readers disagree.

export function report(manifest, seconds) {
  const images = manifest.filter(({ expect }) => !expect);
  const invalid = manifest.filter(({ expect }) => expect);
  for (const { file, sources, disagree, refused } of images) {
    for (const [field, others] of Object.entries(disagree ?? {})) {
      const different = Object.entries(others).map(([name, value]) => `${name} ${value}`);
      console.log(`corpus: ${file}: readers disagree on ${field}: ${sources[field].join(", ")}, but ${different.join(", ")}`);
    }
    if (refused) console.log(`corpus: ${file}: rejected by ${refused.join(", ")}`);
  }
  for (const { file, accepted } of invalid) {
    if (accepted) console.log(`corpus: ${file}: accepted by ${accepted.join(", ")}`);
  }
  const size = manifest.reduce((sum, { fileSize }) => sum + fileSize, 0);
  const small = images.filter(({ fileSize }) => fileSize < 20_000).length;
  const counts = [...grouped(images)].map(([format, list]) => `${list.length} ${format}`).join(", ");
  console.log(`corpus: ${images.length} images (${counts}) and ${invalid.length} invalid files`);
  console.log(`corpus: ${(size / 1e6).toFixed(1)} MB, ${small} images under 20 kB, in ${seconds.toFixed(0)} s`);
}

function grouped(images) {
  const groups = new Map();
  for (const image of images) groups.set(image.format, [...(groups.get(image.format) ?? []), image]);
  return groups;
}
