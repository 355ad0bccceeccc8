// What libwebp says of WebP.

export const webpinfoSays = { name: "webpinfo", needs: "webpinfo", formats: ["webp"], ask };

async function ask(path, format, programs) {
  const told = await programs.call("webpinfo", [path]);
  const said = (pattern) => pattern.exec(told)?.slice(1).map(Number);
  const canvas = said(/Canvas size (\d+) x (\d+)/);
  const frames = told.match(/^Chunk ANMF/gm)?.length;
  // In an extended file its header counts; in a simple one there is one "Alpha" and one "Animation".
  return {
    format: "webp",
    blind: true,
    stored: canvas ?? [...said(/Width: (\d+)/), ...said(/Height: (\d+)/)],
    hasAlpha: said(/Alpha: (\d)/)[0] === 1,
    animated: said(/Animation: (\d)/)[0] === 1,
    frames,
  };
}
