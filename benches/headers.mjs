// Measures how long it takes to read metadata from an image header: on the host, and as WebAssembly built like the Worker.
//
// The image files come from `npm run corpus`. Each figure is the median over the files of one format.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { output, root, run } from "../scripts/lib/process.mjs";
import { releaseEnvironment } from "../scripts/lib/worker.mjs";
import { interleaved, median } from "./rounds.mjs";

const CORPUS = join(root, "target", "corpus");
const MANIFEST = join(CORPUS, "manifest.json");
const FORMATS = ["jpeg", "png", "gif", "webp", "avif", "heic", "jxl", "tiff", "bmp", "ico", "svg"];
/** The minimum duration of a measurement. */
const MIN_DURATION_MS = 1;

export async function measure(_, { rounds }) {
  if (!existsSync(MANIFEST)) {
    return { rows: [["skipped"], ["The corpus is missing. Create it: npm run corpus"]], targets: [] };
  }
  const files = JSON.parse(readFileSync(MANIFEST, "utf8")).filter(({ expect }) => !expect);
  const paths = files.map(({ file }) => join(CORPUS, file));
  const host = await build(process.env);
  const wasm = await optimize(await build(releaseEnvironment(process.env), "--target", "wasm32-unknown-unknown"));
  const contenders = [() => onHost(host, paths), () => asWasm(wasm, paths)];
  const measured = await interleaved(rounds, contenders, (contender) => contender());

  // The median of the rounds of each file, in microseconds.
  const raw = files.map(({ file, format }, index) => {
    const [host, wasm] = measured.map((times) => median(times.map((round) => round[index])) / 1_000);
    return { file, format, host, wasm };
  });
  const rows = FORMATS.map((format) => {
    const ofFormat = raw.filter((file) => file.format === format);
    const of = (contender) => median(ofFormat.map((file) => file[contender])).toFixed(2);
    const slowest = Math.max(...ofFormat.map(({ wasm }) => wasm)).toFixed(0);
    return [format, ofFormat.length, of("host"), of("wasm"), slowest];
  });
  return { rows: [["a header, µs", "files", "host", "wasm", "slowest, wasm"], ...rows], targets: [], raw };
}

/** Compiles benches/headers.rs and returns the path of the program or module. */
async function build(env, ...args) {
  const options = ["bench", "--locked", "--bench", "headers", "--no-run", ...args];
  await run("cargo", options, { env });
  const messages = output("cargo", [...options, "--quiet", "--message-format=json"], env).split("\n");
  return messages.map(JSON.parse).find(({ target, executable }) => target?.name === "headers" && executable).executable;
}

/** Processes the module as worker-build does. The options are the same as in Cargo.toml. */
async function optimize(module) {
  const folder = join(root, "target", "headers");
  await run("wasm-bindgen", [module, "--target", "web", "--out-name", "headers", "--out-dir", folder]);
  const file = join(folder, "headers.wasm");
  const options = ["-Os", "--one-caller-inline-max-function-size=20"];
  await run("wasm-opt", [join(folder, "headers_bg.wasm"), "-o", file, ...options]);
  return file;
}

function onHost(program, paths) {
  return output(program, paths, process.env).split("\n").map(Number);
}

function asWasm(file, paths) {
  const module = new WebAssembly.Module(readFileSync(file));
  // The module contains the whole Worker and its imports. Reading a header calls none of them.
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = kind === "tag" ? new WebAssembly.Tag({ parameters: ["externref"] }) : () => {};
  }
  const { memory, __wbindgen_malloc, read_header } = new WebAssembly.Instance(module, imports).exports;
  return paths.map((path) => {
    const bytes = readFileSync(path);
    for (let times = 1; ; times *= 2) {
      // `read_header` frees this memory.
      const address = __wbindgen_malloc(bytes.length, 1) >>> 0;
      new Uint8Array(memory.buffer).set(bytes, address);
      const start = performance.now();
      read_header(address, bytes.length, times);
      const elapsed = performance.now() - start;
      if (elapsed >= MIN_DURATION_MS) return (elapsed * 1e6) / times;
    }
  });
}
