// How one file of the corpus is made: { file, made, make(to), says }.
//
// The first folder of `file` is its format. `says` holds what the recipe itself knows: what no tool can tell, or what
// a tool may be held to.

import { readFile, writeFile } from "node:fs/promises";

export const orientations = [1, 2, 3, 4, 5, 6, 7, 8];

/** Encoded by sharp; the image is drawn when its turn comes. */
export const bySharp = (file, image, says) => ({
  file,
  made: "sharp",
  make: async (to) => (await image()).toFile(to),
  says,
});

/** Encoded by a program, whose arguments are a function of the file's path. */
export const byProgram = (file, program, args, says) => ({
  file,
  made: program,
  needs: [program],
  make: (to, programs) => programs.call(program, args(to)),
  says,
});

/** Made of bytes here, for what no encoder writes. `needs` are the programs whose files it is made from. */
export const byHand = (file, bytes, says, needs = []) => ({
  file,
  made: "hand",
  needs,
  make: async (to, programs) => writeFile(to, await bytes(programs)),
  says,
});

/** Taken from elsewhere as it is. */
export const copied = (file, made, from, says) => ({
  file,
  made,
  make: async (to) => writeFile(to, await readFile(from)),
  says,
});
