// Debian packages that hold pictures: fetched and unpacked into a cache of the build, never installed.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { output } from "../../../scripts/lib/process.mjs";

/** The folder of a package's files, those under `under` alone; `undefined`, said in a line, where it cannot be had. */
export function unpacked(cache, name, { under, holds }) {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const staged = mkdtempSync(join(cache, "unpacking-"));
  try {
    // As root, apt would download as a user of its own, who cannot write to this folder, and say so.
    run("apt-get", ["-qq", "-o", "APT::Sandbox::User=", "download", named(name)], staged);
    const [file] = readdirSync(staged).filter((file) => file.endsWith(".deb"));
    const files = execFileSync("dpkg-deb", ["--fsys-tarfile", file], { cwd: staged, maxBuffer: 1 << 30, stdio: quiet });
    execFileSync("tar", ["-x", "--wildcards", under], { cwd: staged, input: files, stdio: ["pipe", "pipe", "pipe"] });
    rmSync(join(staged, file));
    renameSync(staged, folder);
    return folder;
  } catch (error) {
    rmSync(staged, { recursive: true });
    const [reason] = String(error.stderr || error.message)
      .trim()
      .split("\n")
      .slice(-1);
    console.log(`corpus: no package ${name}: ${holds} are left out until target/corpus is removed (${reason})`);
    return undefined;
  }
}

const quiet = ["ignore", "pipe", "pipe"];

const run = (command, args, cwd) => execFileSync(command, args, { cwd, stdio: quiet });

/** Go's source is in a package whose name has a version, on which one without a version depends. */
function named(name) {
  if (name !== "golang-src") return name;
  const depends = output("apt-cache", ["depends", name], process.env) ?? "";
  return /Depends: (golang-[\d.]+-src)/.exec(depends)?.[1] ?? name;
}
