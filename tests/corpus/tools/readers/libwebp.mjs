// libwebp, for WebP.

export const webpinfoReader = { name: "webpinfo", needs: "webpinfo", formats: ["webp"], read };

async function read(path, format, programs) {
  const output = await programs.call("webpinfo", [path]);
  const numbers = (pattern) => pattern.exec(output)?.slice(1).map(Number);
  const canvas = numbers(/Canvas size (\d+) x (\d+)/);
  const frames = output.match(/^Chunk ANMF/gm)?.length;
  // In an extended file the extended header decides. A simple file has one "Alpha" and one "Animation" line.
  return {
    format: "webp",
    blind: true,
    stored: canvas ?? [...numbers(/Width: (\d+)/), ...numbers(/Height: (\d+)/)],
    hasAlpha: numbers(/Alpha: (\d)/)[0] === 1,
    hasProfile: numbers(/ICCP: (\d)/)?.[0] === 1,
    animated: numbers(/Animation: (\d)/)[0] === 1,
    frames,
  };
}
