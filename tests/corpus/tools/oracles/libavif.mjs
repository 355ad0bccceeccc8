// What libavif says of AVIF.

import { orientationOf, shown } from "../turns.mjs";

export const avifdecSays = { name: "avifdec", needs: "avifdec", formats: ["avif"], ask };

async function ask(path, format, programs) {
  const told = await programs.call("avifdec", ["--info", path]);
  const said = (pattern) => pattern.exec(told)?.slice(1).map(Number);
  const stored = said(/Resolution +: (\d+)x(\d+)/);
  const [[bitDepth], [frames] = [1]] = [said(/Bit Depth +: (\d+)/), said(/(\d+) frames?\b/)];
  const [crop, irot, imir] = [
    said(/crop rect: .* W: (\d+), H: (\d+)/),
    said(/irot .*: (\d)/),
    said(/imir .*: (?:Mode )?(\d)/),
  ];
  const turns = [
    ...(crop ? [{ clap: crop }] : []),
    ...(irot ? [{ irot: irot[0] }] : []),
    ...(imir ? [{ imir: imir[0] }] : []),
  ];
  return {
    format: "avif",
    stored,
    size: shown(stored, turns),
    orientation: orientationOf(turns),
    hasAlpha: !/Alpha +: Absent/.test(told),
    bitDepth,
    colorSpace: /Format +: YUV400/.test(told) ? "gray" : "rgb",
    animated: frames > 1,
    frames,
  };
}
