import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import test, { suite } from "node:test";
import { names } from "../harness/batch.mjs";
import { close, listen } from "../harness/listener.mjs";
import { failed, FakeService, folder, found, METADATA, problem, runWarm, startWarm } from "../harness/warm.mjs";

const read = (file) => readFileSync(file, "utf8");

/** Starts a service and writes a list. Returns the service, paths of files, and a function that runs the command on the list. */
async function prepare(t, { list = names(10), input } = {}) {
  const service = await FakeService.start(t);
  const file = folder(t);
  const content = Array.isArray(list) ? list.join("\n") : list;
  if (input === undefined) writeFileSync(file("list"), content);
  const run = (args = [], options) => runWarm([service.url, input === undefined ? file("list") : "-", ...args], { input, ...options });
  return { service, file, run };
}

function assertDone({ code, stdout, stderr }, count) {
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, new RegExp(`: ${count} paths?, ${count} found, 0 failed\\.`));
}

suite("The list", () => {
  test("A list may have CRLF, a byte order mark, comments, empty lines, repeated paths, columns and any letters", async (t) => {
    const list = "\ufeffa.jpg\r\n# a comment\r\n\r\n  \r\ngallery/Größe 1.png\r\n日本/🐈.webp\r\na.jpg\r\nb.jpg?v=3\r\nc.jpg\t404\tnot-found\tNone.\r\nlast#1.jpg";
    const { service, run } = await prepare(t, { list });
    const result = await run();
    assertDone(result, 6);
    assert.match(result.stdout, /Lines with a repeated path: 1\.$/m);
    assert.deepEqual(service.batches, [["a.jpg", "gallery/Größe 1.png", "日本/🐈.webp", "b.jpg?v=3", "c.jpg", "last#1.jpg"]]);
  });

  test("An empty list is done at once", async (t) => {
    const { run } = await prepare(t, { list: "# nothing\n" });
    assertDone(await run(), 0);
  });

  test("The list can be standard input, and with --state it is resumed", async (t) => {
    const { service, file, run } = await prepare(t, { input: `${names(40).join("\n")}\n` });
    const args = ["--state", file("state"), "--failed", file("failed"), "--batch", "10", "--parallel", "1"];
    service.answer = (paths, n) => (n === 3 ? { status: 403, body: "" } : undefined);
    const refused = await run(args);
    assert.equal(refused.code, 1);
    assert.match(refused.stdout, /^Done so far: 20 paths\. The same command resumes\.$/m);
    assertDone(await run(args), 40);
    assert.deepEqual(service.batches.map((paths) => paths[0]), ["0.jpg", "10.jpg", "20.jpg", "20.jpg", "30.jpg"]);
  });

  for (const [what, list, message] of [
    ["that is not UTF-8", Buffer.from("a.jpg\nGr\xf6\xdfe.jpg\n", "latin1"), /Line 2 of .*list is not UTF-8\./],
    ["without line breaks", Buffer.alloc(1_000_000, "x"), /Line 1 of .*list is longer than 8192 bytes\./],
  ]) {
    test(`A file ${what} is refused`, async (t) => {
      const { file, run } = await prepare(t);
      writeFileSync(file("list"), list);
      const { code, stderr } = await run();
      assert.equal(code, 1);
      assert.match(stderr, message);
    });
  }

  test("A line without end is refused before it fills memory", async (t) => {
    const { service } = await prepare(t);
    const file = folder(t);
    const { code, stderr } = await runWarm([service.url, "/dev/zero", "--state", file("state"), "--failed", file("failed")]);
    assert.equal(code, 1);
    assert.match(stderr, /^Line 1 of \/dev\/zero is longer/m);
  });

  test("A body never exceeds what the service accepts", async (t) => {
    const { service, run } = await prepare(t, { list: names(100).map((name) => "ä".repeat(3500) + name) });
    assertDone(await run(), 100);
    const sizes = service.batches.map((paths) => Buffer.byteLength(JSON.stringify({ paths })));
    assert.ok(sizes.length === 3 && Math.max(...sizes) < 262_144, `${sizes}`);
  });
});

suite("What is tried again", () => {
  test("Refused images of a batch are requested again, and only they", async (t) => {
    const { service, run } = await prepare(t);
    const refusals = { "1.jpg": [503, "overloaded"], "2.jpg": [429, "rate-limited"], "3.jpg": [503, "origin-overloaded"] };
    const seen = new Set();
    const refuse = (path) => refusals[path] && !seen.has(path) && seen.add(path);
    service.answer = (paths) => paths.map((path) => (refuse(path) ? failed(path, ...refusals[path], 0) : found(path)));
    assertDone(await run(), 10);
    assert.deepEqual(service.batches[0], names(10));
    assert.deepEqual(service.batches.slice(1).flat().sort(), Object.keys(refusals));
  });

  for (const status of [429, 503]) {
    test(`A batch that is refused with a ${status} is sent again`, async (t) => {
      const { service, run } = await prepare(t);
      service.answer = (paths, n) => (n === 1 ? problem(status, "overloaded", 0) : undefined);
      assertDone(await run(), 10);
      assert.deepEqual(service.batches, [names(10), names(10)]);
    });
  }

  test("A batch is sent again after a broken connection, and after an error page", async (t) => {
    const { service, run } = await prepare(t);
    const answers = ["reset", { status: 502, headers: { "Content-Type": "text/html" }, body: "<p>" }];
    service.answer = (paths, n) => answers[n - 1];
    const result = await run();
    assertDone(result, 10);
    assert.match(result.stdout, /^Waiting \d s: unreachable\.|^Waiting \d s: 502\./m);
    assert.deepEqual(service.batches, [names(10), names(10), names(10)]);
  });

  test("Batches become smaller until the service accepts them", async (t) => {
    const { service, run } = await prepare(t, { list: names(250) });
    service.answer = (paths) => (paths.length > 30 ? problem(413, "batch-too-large") : undefined);
    assertDone(await run(["--parallel", "1"]), 250);
    assert.deepEqual(service.batches.slice(0, 3).map(({ length }) => length), [100, 50, 25]);
    assert.ok(service.batches.slice(3).every(({ length }) => length === 25));
  });
});

suite("What ends a run", () => {
  for (const [what, answer, message] of [
    ["an error of the whole batch", problem(401, "unauthorized"), /returned 401 unauthorized: The detail of unauthorized\.$/m],
    ["an invalid setting", problem(500, "configuration-error"), /returned 500 configuration-error: The detail/m],
    ["a page of another service", { body: "<p>", headers: { "Content-Type": "text/html" } }, /returned 200 text\/html: this is not the service/],
    ["JSON of another service", { body: { results: [] } }, /returned 200 application\/json: this is not the service/],
    ["a redirect", { status: 301, headers: { Location: "https://www.my.site/metadata" } }, /returned 301, a redirect to https:\/\/www\.my\.site\/metadata\./],
  ]) {
    test(`The run ends with ${what}, before it has written a file`, async (t) => {
      const { service, file, run } = await prepare(t);
      service.check = () => answer;
      const { code, stderr } = await run();
      assert.equal(code, 1);
      assert.match(stderr, message);
      assert.equal(existsSync(file("list.warm-state")), false);
    });
  }

  test("The run ends if a response does not have one result for each path", async (t) => {
    const { service, run } = await prepare(t);
    service.answer = (paths) => paths.slice(1).map(found);
    const { code, stderr } = await run();
    assert.equal(code, 1);
    assert.match(stderr, /returned 200 application\/json: this is not the service/);
  });

  test("The run ends if the host refuses connections", async (t) => {
    const { file } = await prepare(t);
    const server = http.createServer();
    const address = await listen(server);
    close(server);
    const { code, stderr } = await runWarm([`http://${address}`, file("list")]);
    assert.equal(code, 1);
    assert.match(stderr, /^Cannot reach http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.*\.$/m);
  });

  test("The run ends after as many failures in a row as --attempts, and is resumed", async (t) => {
    const { service, file, run } = await prepare(t, { list: names(30) });
    const answer = (paths, n) => (n > 1 ? problem(503, "overloaded", 0) : undefined);
    service.answer = answer;
    const args = ["--attempts", "1", "--batch", "10", "--parallel", "1"];
    const { code, stdout, stderr } = await run(args);
    assert.equal(code, 1);
    assert.match(stderr, /^Gave up after 1 attempt: 503 overloaded: The detail of overloaded\.$/m);
    assert.match(stdout, /^Done so far: 10 paths\. The same command resumes\.$/m);
    service.answer = () => undefined;
    assertDone(await run(args), 30);
    assert.equal(existsSync(file("list.warm-state")), false);
  });
});

suite("Files", () => {
  test("The file of failed paths has path, status, code and detail, and is a list", async (t) => {
    const { service, file, run } = await prepare(t);
    service.answer = (paths) => paths.map((path) => (path === "4.jpg" ? failed(path, 404, "not-found") : found(path)));
    const { code, stdout, stderr } = await run();
    assert.equal(code, 1);
    assert.match(stdout, /: 10 paths, 9 found, 1 failed\.$/m);
    assert.match(stderr, /^Failed paths are in (.*), which is a list too\. To request them again: npm run warm -- \S+ \1$/m);
    assert.equal(read(file("list.failed")), "4.jpg\t404\tnot-found\tThe detail of not-found.\n");
    service.answer = () => undefined;
    assertDone(await runWarm([service.url, file("list.failed")]), 1);
    assert.deepEqual(service.batches.at(-1), ["4.jpg"]);
    assertDone(await run(), 10);
    assert.equal(existsSync(file("list.failed")), false, "of the earlier run");
  });

  test("A path that is refused at every attempt has failed", async (t) => {
    const { service, file, run } = await prepare(t);
    service.answer = (paths) => paths.map((path) => (path === "4.jpg" ? failed(path, 503, "overloaded", 0) : found(path)));
    assert.equal((await run(["--attempts", "2"])).code, 1);
    assert.equal(read(file("list.failed")), "4.jpg\t503\toverloaded\tThe detail of overloaded.\n");
    assert.deepEqual(service.batches, [names(10), ["4.jpg"]]);
  });

  test("The CSV file is quoted, and has an empty field for an unknown format", async (t) => {
    const { service, file, run } = await prepare(t, { list: ['a,b "c".jpg', "plain.jpg", "unknown.bin"] });
    const { format, ...rest } = METADATA;
    service.answer = (paths) => paths.map((path) => (path === "unknown.bin" ? { ...found(path), metadata: rest } : found(path)));
    assertDone(await run(["--csv", file("csv")]), 3);
    assert.equal(read(file("csv")), 'path,width,height,format\r\n"a,b ""c"".jpg",4,3,jpeg\r\nplain.jpg,4,3,jpeg\r\nunknown.bin,4,3,\r\n');
  });

  test("A file that is not a state, or the state of another run, is not overwritten", async (t) => {
    const { service, file, run } = await prepare(t, { list: names(30) });
    service.answer = (paths, n) => (n > 1 ? { status: 403, body: "" } : undefined);
    await run(["--batch", "10", "--parallel", "1"]);
    const state = read(file("list.warm-state"));
    const other = await FakeService.start(t);
    writeFileSync(file("notes"), "my notes\n");
    for (const [args, message] of [
      [[other.url, file("list")], new RegExp(`is of an interrupted run with ${service.url}\\. Resume that run, or delete`)],
      [[service.url, file("list"), "--csv", file("csv")], /is of an interrupted run with no --csv\./],
      [[service.url, file("list"), "--state", file("notes")], /notes is not a state file\./],
    ]) {
      const { code, stderr } = await runWarm(args);
      assert.equal(code, 1);
      assert.match(stderr, message);
    }
    assert.equal(read(file("list.warm-state")), state);
    assert.equal(read(file("notes")), "my notes\n");
    assert.equal(other.paths.length, 0);
  });
});

suite("Interruptions", () => {
  const list = names(400);
  const args = ["--batch", "10"];

  test("Ctrl-C waits for responses, so that the next run repeats nothing", async (t) => {
    const { service, file, run } = await prepare(t, { list });
    const { kill, exited } = startWarm([service.url, file("list"), ...args]);
    service.answer = (paths, n) => void (n === 13 && kill("SIGINT"));
    const { code, stdout } = await exited;
    assert.equal(code, 130);
    assert.match(stdout, /^Stopped\. Done so far: \d+ paths\. The same command resumes\.$/m);
    assertDone(await run(args), 400);
    assert.deepEqual([...service.paths].sort(), [...list].sort());
  });

  test("After a kill, the next run repeats only what was being requested, and cuts half-written rows off", async (t) => {
    const { service, file, run } = await prepare(t, { list });
    const fail = (path) => path.endsWith("7.jpg");
    const answer = (paths) => paths.map((path) => (fail(path) ? failed(path, 404, "not-found") : found(path)));
    const outputs = [...args, "--csv", file("csv")];
    const { kill, exited } = startWarm([service.url, file("list"), ...outputs]);
    const point = 7 + Math.floor(Math.random() * 25);
    service.answer = (paths, n) => (n === point ? kill("SIGKILL") && new Promise(() => {}) : answer(paths));
    assert.equal((await exited).code, "SIGKILL");
    for (const name of ["csv", "list.failed", "list.warm-state"]) writeFileSync(file(name), '"half of a ro'.repeat(5000), { flag: "a" });
    service.answer = answer;
    const { code, stdout } = await run(outputs);
    assert.equal(code, 1);
    assert.match(stdout, /: 400 paths, 360 found, 40 failed\.$/m);
    const repeated = service.paths.length - new Set(service.paths).size;
    assert.deepEqual([...new Set(service.paths)].sort(), [...list].sort());
    assert.ok(repeated >= 10 && repeated <= 60, `${repeated} repeated; killed at batch ${point}`);
    const rows = (name) => read(file(name)).trimEnd().split(/\r?\n/).map((row) => row.split(/[,\t]/)[0]);
    assert.deepEqual(rows("csv").slice(1).sort(), list.filter((path) => !fail(path)).sort());
    assert.deepEqual(rows("list.failed").sort(), list.filter(fail).sort());
  });

  test("A state file whose last line has no end is resumed without that line", async (t) => {
    const { service, file, run } = await prepare(t, { list });
    service.answer = (paths, n) => (n === 3 ? { status: 403, body: "" } : undefined);
    const serial = [...args, "--parallel", "1"];
    assert.equal((await run(serial)).code, 1);
    writeFileSync(file("list.warm-state"), read(file("list.warm-state")).trimEnd());
    const result = await run(serial);
    assertDone(result, 400);
    assert.match(result.stdout, /^Resuming .*\. Done before: 10 paths\.$/m);
  });

  test("A run is not resumed if its CSV file is gone", async (t) => {
    const { service, file, run } = await prepare(t, { list });
    service.answer = (paths, n) => (n === 3 ? { status: 403, body: "" } : undefined);
    const serial = [...args, "--parallel", "1", "--csv", file("csv")];
    assert.equal((await run(serial)).code, 1);
    rmSync(file("csv"));
    const { code, stderr } = await run(serial);
    assert.equal(code, 1);
    assert.match(stderr, /csv has changed since the run was interrupted\. Delete the state file to start anew\.$/m);
  });

  test("A second Ctrl-C does not wait for responses", async (t) => {
    const { service, file } = await prepare(t, { list });
    const { kill, exited } = startWarm([service.url, file("list"), ...args]);
    const started = performance.now();
    service.answer = (paths, n) => {
      if (n === 6) for (const ms of [0, 600]) setTimeout(() => kill("SIGINT"), ms);
      return new Promise(() => {});
    };
    assert.equal((await exited).code, 130);
    assert.ok(performance.now() - started < 4500, "less than the time that responses have");
  });
});

suite("The admin token", () => {
  const env = { ADMIN_TOKEN: "a-secret" };

  test("The admin token is sent with each batch, and is not printed", async (t) => {
    const { service, run } = await prepare(t);
    const result = await run([], { env });
    assertDone(result, 10);
    assert.ok(service.requests.length >= 3);
    for (const { headers } of service.requests) assert.equal(headers.authorization, "Bearer a-secret");
    assert.doesNotMatch(result.stdout + result.stderr, /a-secret/);
  });

  test("A wrong admin token ends the run", async (t) => {
    const { service, run } = await prepare(t);
    service.other = () => problem(403, "forbidden");
    const { code, stderr } = await run([], { env });
    assert.equal(code, 1);
    assert.match(stderr, /refuses ADMIN_TOKEN: The detail of forbidden\.$/m);
  });

  test("The admin token is not sent without TLS", async (t) => {
    const { file } = await prepare(t);
    const { code, stderr } = await runWarm(["http://metadata.my.site", file("list")], { env });
    assert.equal(code, 1);
    assert.match(stderr, /^The admin token is sent over https only\./m);
  });
});

test("Without a terminal, the output is plain lines", async (t) => {
  const { service, file, run } = await prepare(t, { list: names(25) });
  service.answer = (paths, n) => (n === 2 ? problem(503, "overloaded", 1) : undefined);
  const { stdout, stderr } = await run(["--batch", "10", "--parallel", "2"]);
  assert.equal(stderr, "");
  assert.equal(
    stdout.replaceAll(service.url, "<url>").replaceAll(file("list"), "<list>").replace(/\d+\.\d s/, "<seconds> s"),
    `Requesting the images of <list> from <url>, 2 batches of 10 at a time.
Waiting 1 s: 503 overloaded.
Done in <seconds> s: 25 paths, 25 found, 0 failed.
`,
  );
});

test("Arguments that cannot be right are refused with what to do", async (t) => {
  const file = folder(t);
  writeFileSync(file("list"), "a.jpg\n");
  for (const [args, message] of [
    [[], /^Pass the URL of the instance and a list of paths:/m],
    [["localhost:8787", "list"], /^"localhost:8787" is not an http or https URL\./m],
    [["https://my.site/metadata", "list"], /^Pass the URL without a path: https:\/\/my\.site$/m],
    [["https://a:b@my.site", "list"], /^Pass the URL without credentials\./m],
    [["https://my.site", file("none")], /^There is no file .*none\.$/m],
    [["https://my.site", file("")], /is a folder\. Pass a file/],
    [["https://my.site", "list", "--batch", "101"], /^--batch must be a number from 1 to 100, not "101"\.$/m],
    [["https://my.site", "list", "--csv", "./list"], /^\.\/list cannot be both the list and --csv\.$/m],
    [["https://my.site", "list", "--fast"], /^Unknown option '--fast'\. --help shows the options\.$/m],
  ]) {
    const { code, stderr } = await runWarm(args);
    assert.equal(code, 1, args.join(" "));
    assert.match(stderr, message);
  }
  const { code, stdout } = await runWarm(["--help"]);
  assert.equal(code, 0);
  for (const option of ["batch", "parallel", "attempts", "state", "failed", "csv"]) assert.match(stdout, new RegExp(`--${option} <`));
});
