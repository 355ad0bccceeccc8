// Recipes for the files of the corpus: { file, made, make(to), says }.
//
// The first folder of `file` is its format. `made` is the encoder or collection. `says` has facts that the recipe itself
// knows: those that no reader reports, or that readers are checked against.

import { readFile, writeFile } from "node:fs/promises";

export const orientations = [1, 2, 3, 4, 5, 6, 7, 8];

/** Encoded by sharp. `image` is called only when the file is created. */
export const bySharp = (file, image, says) => ({
  file,
  made: "sharp",
  make: async (to) => (await image()).toFile(to),
  says,
});

/** Encoded by a program. `args` returns its arguments for the path of the file. */
export const byProgram = (file, program, args, says) => ({
  file,
  made: program,
  needs: [program],
  make: (to, programs) => programs.call(program, args(to)),
  says,
});

/** Assembled from bytes, for files that no encoder writes. `needs` are the programs that create its parts. */
export const byHand = (file, bytes, says, needs = []) => ({
  file,
  made: "hand",
  needs,
  make: async (to, programs) => writeFile(to, await bytes(programs)),
  says,
});

/** Copied unchanged from `from`. */
export const copied = (file, made, from, says) => ({
  file,
  made,
  make: async (to) => writeFile(to, await readFile(from)),
  says,
});
