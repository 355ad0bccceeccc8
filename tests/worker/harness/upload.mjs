import { once } from "node:events";
import net from "node:net";

/** A POST whose body the test sends in chunks and may leave unfinished. */
export class Upload {
  #socket;
  #received = "";

  constructor(site, { path = "/metadata", length = 262_144 } = {}) {
    this.#socket = net.connect(new URL(site.url).port, "127.0.0.1");
    this.#socket.setNoDelay();
    this.#socket.on("error", () => {});
    this.#socket.on("data", (data) => (this.#received += data));
    this.#socket.write(`POST ${path} HTTP/1.1\r\nHost: metadata.test\r\nContent-Length: ${length}\r\n\r\n`);
  }

  /** Resolves once the operating system has accepted the chunk. */
  async send(chunk) {
    if (!this.#socket.write(chunk)) await Promise.race([once(this.#socket, "drain"), once(this.#socket, "close")]);
  }

  /** Resolves with the status, headers and text of the response once it is complete. */
  async response() {
    for (;;) {
      const [, head, body] = this.#received.match(/^(.*?)\r\n\r\n(.*)$/s) ?? [];
      const length = head?.match(/^content-length: (\d+)$/im)?.[1];
      if (length !== undefined && Buffer.byteLength(body) >= Number(length)) {
        return { status: Number(head.split(" ")[1]), head, text: body };
      }
      await once(this.#socket, "data");
    }
  }

  reset() {
    this.#socket.resetAndDestroy();
  }
}

/** Starts `count` uploads, each of which has sent `chunk`. */
export async function startUploads(site, count, chunk, options) {
  const uploads = Array.from({ length: count }, () => new Upload(site, options));
  await Promise.all(uploads.map((upload) => upload.send(chunk)));
  await site.settled();
  return uploads;
}
