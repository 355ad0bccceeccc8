// libavif, for AVIF.

import { orientationOf, displayed } from "../orientation.mjs";

export const avifdecReader = { name: "avifdec", needs: "avifdec", formats: ["avif"], read };

async function read(path, format, programs) {
  const output = await programs.call("avifdec", ["--info", path]);
  const numbers = (pattern) => pattern.exec(output)?.slice(1).map(Number);
  const stored = numbers(/Resolution +: (\d+)x(\d+)/);
  const [[bitDepth], [frames] = [1]] = [numbers(/Bit Depth +: (\d+)/), numbers(/(\d+) frames?\b/)];
  const [crop, irot, imir] = [
    numbers(/crop rect: .* W: (\d+), H: (\d+)/),
    numbers(/irot .*: (\d)/),
    numbers(/imir .*: (?:Mode )?(\d)/),
  ];
  const transforms = [
    ...(crop ? [{ clap: crop }] : []),
    ...(irot ? [{ irot: irot[0] }] : []),
    ...(imir ? [{ imir: imir[0] }] : []),
  ];
  return {
    format: "avif",
    stored,
    size: displayed(stored, transforms),
    orientation: orientationOf(transforms),
    hasAlpha: !/Alpha +: Absent/.test(output),
    hasProfile: !/ICC Profile +: Absent/.test(output),
    bitDepth,
    colorSpace: /Format +: YUV400/.test(output) ? "gray" : "rgb",
    animated: frames > 1,
    frames,
  };
}
