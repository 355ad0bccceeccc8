import { EventLog } from "./gate.mjs";
import { close, listen, createTestServer } from "./listener.mjs";
import { shrink } from "./tiny-picture.mjs";

/** An Images binding. workerd has its API, which sends each transformation to a service. */
export const imagesBinding = (name) => ({ name, wrapped: { module: "cloudflare-internal:images-api", service: "images" } });

/**
 * A fake of the Images binding: implements the wire protocol of workerd's `cloudflare-internal:images-api` for transformations, with
 * sharp, and records them.
 *
 * An interceptor receives the transformation and may await a gate. Its result decides the response: `undefined` continues as usual,
 * `{ code, status }` fails, `{ hang: true }` never responds, and `{ bytes }` replaces the picture; with `stalls` its end never comes.
 */
export class Images {
  #server = createTestServer((request, response) => this.#serve(request, response));
  #transformations = new EventLog();
  #interceptor;

  async listen() {
    return listen(this.#server);
  }

  async close() {
    close(this.#server);
  }

  intercept(interceptor) {
    this.#interceptor = interceptor;
  }

  /** The transformations so far: the bytes of the `file`, `transforms`, `format` and `anim`. */
  get transformations() {
    return this.#transformations.items;
  }

  clearTransformations() {
    this.#transformations.items.length = 0;
  }

  async #serve(request, response) {
    // The connection closes early if the request is cancelled.
    const form = await formOf(request).catch(() => undefined);
    if (!form) return response.destroy();
    const transformation = this.#transformations.add({
      file: Buffer.from(await form.get("image").arrayBuffer()),
      transforms: JSON.parse(form.get("transforms")),
      format: form.get("output_format"),
      anim: form.get("anim"),
    });
    const change = (await this.#interceptor?.(transformation)) ?? {};
    if (change.hang) return;
    if (change.status) return fail(response, change);
    const bytes = change.bytes ?? (await shrink(transformation.file).catch(() => undefined));
    if (!bytes) return fail(response, { code: 9412, status: 415 });
    response.writeHead(200, { "Content-Type": "image/png" });
    if (change.stalls) response.write(bytes);
    else response.end(bytes);
  }
}

async function formOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { "content-type": type } = request.headers;
  return new Response(Buffer.concat(chunks), { headers: { "Content-Type": type } }).formData();
}

/** Without a code, the error is not one of the service. */
function fail(response, { code, status }) {
  response.writeHead(status, code ? { "cf-images-binding": `err=${code}` } : {});
  response.end(code ? `ERROR ${code}: the binding's words` : "the binding's words");
}
