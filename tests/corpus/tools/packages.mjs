// Debian packages that contain pictures. They are downloaded and unpacked into a cache, never installed.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { output } from "../../../scripts/lib/process.mjs";

/** Returns the folder with the files of a package that match `under`. Reports a failure and returns `undefined`. */
export function unpacked(cache, name, { under, holds }) {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const staged = mkdtempSync(join(cache, "unpacking-"));
  try {
    // As root, apt would download as its own user, who cannot write to this folder, and print a warning.
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
    console.log(`corpus: cannot get package ${name}; skipping ${holds} until target/corpus is removed (${reason})`);
    return undefined;
  }
}

const quiet = ["ignore", "pipe", "pipe"];

const run = (command, args, cwd) => execFileSync(command, args, { cwd, stdio: quiet });

/** Go's source is in a package with a version in its name, on which a package without a version depends. */
function named(name) {
  if (name !== "golang-src") return name;
  const depends = output("apt-cache", ["depends", name], process.env) ?? "";
  return /Depends: (golang-[\d.]+-src)/.exec(depends)?.[1] ?? name;
}
