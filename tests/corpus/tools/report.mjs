// What a run says at its end: how much there is, and on what the tools do not agree.

export function report(manifest, seconds) {
  const images = manifest.filter(({ expect }) => !expect);
  const invalid = manifest.filter(({ expect }) => expect);
  for (const { file, told, disagree, refused } of images) {
    for (const [field, others] of Object.entries(disagree ?? {})) {
      const otherwise = Object.entries(others).map(([name, value]) => `${name} ${value}`);
      console.log(`corpus: ${file}: not agreed on ${field}: ${told[field].join(", ")}; but ${otherwise.join(", ")}`);
    }
    if (refused) console.log(`corpus: ${file}: not read by ${refused.join(", ")}`);
  }
  for (const { file, accepted } of invalid) {
    if (accepted) console.log(`corpus: ${file}: an image to ${accepted.join(", ")}`);
  }
  const size = manifest.reduce((sum, { fileSize }) => sum + fileSize, 0);
  const small = images.filter(({ fileSize }) => fileSize < 20_000).length;
  const counts = [...grouped(images)].map(([format, list]) => `${list.length} ${format}`).join(", ");
  console.log(`corpus: ${images.length} images (${counts}) and ${invalid.length} that are none`);
  console.log(`corpus: ${(size / 1e6).toFixed(1)} MB, ${small} images under 20 kB, in ${seconds.toFixed(0)} s`);
}

function grouped(images) {
  const groups = new Map();
  for (const image of images) groups.set(image.format, [...(groups.get(image.format) ?? []), image]);
  return groups;
}
