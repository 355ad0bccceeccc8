// The command line of `npm run warm`.

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Problem } from "../process.mjs";

export const HELP = `npm run warm -- <url> <list> [options]

Requests the metadata of many images, so that it is in Workers KV before visitors ask for it.

  <url>    the URL of the instance, such as https://optimized-metadata.<account>.workers.dev
  <list>   a file with one path per line, or - for standard input

Write paths as in a batch: a literal % is %25, and ? begins the query of a version. Empty lines and lines that begin with #
are skipped, and a tab ends a path. Each path is requested once.

  --batch <n>      paths per request, 1 to 100 (default 100; halved if the batchLimit is lower)
  --parallel <n>   requests at a time (default 6)
  --attempts <n>   attempts before giving up (default 8)
  --state <file>   what is done, to resume an interrupted run (default <list>.warm-state; none for standard input)
  --failed <file>  the paths that failed: path, status, code and detail, separated by tabs (default <list>.failed)
  --csv <file>     write path, width, height and format of every image
  --help           show this text

With the environment variable ADMIN_TOKEN, requests are exempt from the rate limit.
Exit code: 0 if every path has metadata, 1 if any failed, 130 after Ctrl-C. The same command then resumes.
`;

const USAGE = "Pass the URL of the instance and a list of paths: npm run warm -- https://host list.txt (--help shows the options).";
const DEFAULTS = { batch: "100", parallel: "6", attempts: "8" };
const MAXIMA = { batch: 100, parallel: 100, attempts: 100 };
const LOCAL = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/**
 * Parses the command line. Returns `undefined` if it asks for help. `files` are as given, for messages; `path(file)` resolves
 * one of them.
 */
export function parse(args, env, cwd) {
  const { values, positionals } = split(args);
  if (values.help) return undefined;
  if (positionals.length !== 2) throw new Problem(USAGE);
  const [site, list] = positionals;
  const host = hostOf(site);
  const token = env.ADMIN_TOKEN || undefined;
  if (token && host.protocol !== "https:" && !LOCAL.test(host.hostname)) {
    throw new Problem("The admin token is sent over https only. Use the https URL, or unset ADMIN_TOKEN.");
  }
  if (token && !/^[\x21-\x7e]+$/.test(token)) throw new Problem("ADMIN_TOKEN has characters that a header cannot have.");
  const input = list === "-";
  const files = {
    list: input ? undefined : list,
    state: values.state ?? (input ? undefined : `${list}.warm-state`),
    failed: values.failed ?? (input ? "warm.failed" : `${list}.failed`),
    csv: values.csv,
  };
  // npm runs scripts in the project's folder; a user means files relative to their own.
  const base = (env.npm_lifecycle_event === "warm" && env.INIT_CWD) || cwd;
  const path = (file) => resolve(base, file);
  checkDistinct(files, path);
  return { host: host.origin, token, files, path, ...numbers(values) };
}

function split(args) {
  const value = { type: "string" };
  const options = { batch: value, parallel: value, attempts: value, state: value, failed: value, csv: value, help: { type: "boolean", short: "h" } };
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new Problem(`${error.message.split(". ")[0]}. --help shows the options.`);
  }
}

function hostOf(site) {
  const url = URL.canParse(site) ? new URL(site) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new Problem(`"${site}" is not an http or https URL. ${USAGE}`);
  if (url.username || url.password) throw new Problem("Pass the URL without credentials. The admin token belongs in ADMIN_TOKEN.");
  if (url.pathname !== "/" || url.search || url.hash) throw new Problem(`Pass the URL without a path: ${url.origin}`);
  return url;
}

function numbers(values) {
  return Object.fromEntries(
    Object.entries(DEFAULTS).map(([name, fallback]) => {
      const text = values[name] ?? fallback;
      const number = Number(text);
      if (!/^\d+$/.test(text) || number < 1 || number > MAXIMA[name]) {
        throw new Problem(`--${name} must be a number from 1 to ${MAXIMA[name]}, not "${text}".`);
      }
      return [name, number];
    }),
  );
}

/** Refuses a file in two roles: the list would be overwritten. */
function checkDistinct(files, path) {
  const roles = new Map();
  for (const [role, file] of Object.entries(files)) {
    if (file === undefined) continue;
    if (file === "" || file === "-") throw new Problem(`--${role} needs the name of a file.`);
    const other = roles.get(path(file));
    if (other) throw new Problem(`${file} cannot be both --${other} and --${role}.`.replace("--list", "the list"));
    roles.set(path(file), role);
  }
}
