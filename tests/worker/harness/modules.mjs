import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Reads the Worker's entry, compatibility date and flags from `wrangler.toml`. */
export function manifest() {
  const toml = readFileSync(path.join(root, "wrangler.toml"), "utf8");
  const top = toml.split(/^\s*\[/m)[0];
  const string = (key) => top.match(new RegExp(`^\\s*${key}\\s*=\\s*"([^"]*)"`, "m"))?.[1];
  const flags = top.match(/^\s*compatibility_flags\s*=\s*\[([^\]]*)\]/m)?.[1] ?? "";
  return {
    main: string("main"),
    compatibilityDate: string("compatibility_date"),
    compatibilityFlags: [...flags.matchAll(/"([^"]+)"/g)].map((match) => match[1]),
  };
}

/** The entry of the built Worker; set `WORKER_MAIN` to test another build. */
export function entry() {
  return path.resolve(root, process.env.WORKER_MAIN ?? manifest().main);
}

/** The entry and all modules it imports, as `{ name, kind, file }`, with names relative to the parent of the entry's directory. */
export function modulesOf(main) {
  const base = path.dirname(path.dirname(main));
  const found = new Map();
  const visit = (file) => {
    if (found.has(file)) return;
    const kind = file.endsWith(".wasm") ? "wasm" : "esModule";
    found.set(file, { name: path.relative(base, file), kind, file });
    if (kind === "esModule")
      for (const specifier of imports(readFileSync(file, "utf8"))) visit(path.resolve(path.dirname(file), specifier));
  };
  visit(main);
  return [...found.values()];
}

/** The modules, with `replacement` in place of the built-in module `name` wherever all of its exports are imported. */
export function withModule(modules, name, replacement) {
  const pattern = new RegExp(`(import\\s*\\*\\s*as\\s+[\\w$]+\\s+from\\s*)"${name}"`, "g");
  let count = 0;
  const replaced = modules.map((module) => {
    if (module.kind !== "esModule") return module;
    const before = module.source ?? readFileSync(module.file, "utf8");
    const specifier = path.relative(path.dirname(module.name), replacement);
    const source = before.replaceAll(pattern, `$1"${specifier.startsWith(".") ? specifier : `./${specifier}`}"`);
    if (source === before) return module;
    count++;
    return { name: module.name, kind: module.kind, source };
  });
  if (count === 0) throw new Error(`no module imports ${name}`);
  return replaced;
}

function imports(source) {
  const statements = source.matchAll(/\b(?:import|export)\b[^"'`;()]*?["'](\.{1,2}\/[^"']+)["']/g);
  return [...statements].map((match) => match[1]);
}
