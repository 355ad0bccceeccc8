import { gated, image, text } from "./origin.mjs";
import { jpeg } from "./picture.mjs";
import { deploy } from "./site.mjs";

/** A Worker that forwards its requests, headers included, to the fake origin. */
export const forwardSource = "export default { fetch: (request) => fetch(request) };";

const picture = await jpeg({ width: 40, height: 30 });

/** A kind of origin, for tests that run for each. Every image exists. */
class OriginKind {
  /** `url` is where images are below; without it, they are in a bucket. `cf` is the option that requests have. */
  constructor(name, { prefix = "", url, cf, options = {}, responder = image() }) {
    Object.assign(this, { name, prefix: prefix && `${prefix}/`, url, cf, options, responder });
  }

  async deploy(t, options = {}) {
    const site = await deploy(t, { ...this.options, ...options });
    site.origin.on(this.responder);
    site.bucket?.putEverywhere(picture);
    return site;
  }

  /** The path of a request for the image at a raw path below the prefix. */
  path(raw) {
    return `/metadata/${encodeURI(this.prefix)}${raw}`;
  }

  /** What the origin was asked for: URLs, or keys of objects. */
  asked(site) {
    return site.bucket ? site.bucket.gets.map(({ key }) => key) : site.origin.requests.map(({ url }) => url);
  }

  /** What the origin is asked for, for an image at this encoded path below the prefix. */
  expected(encoded) {
    return this.url ? `${this.url}/${encoded}` : decodeURIComponent(encoded);
  }

  /** Delays every response of the origin until the gate opens. */
  delay(site, gate) {
    site.origin.on(gated(gate, this.responder));
    site.bucket?.intercept(() => gate.pass());
  }
}

const below = (prefix, origin) => ({ config: { origins: [{ prefix, ...origin }] } });
const resized = { image: { format: "json" } };

export const ORIGIN_KINDS = [
  new OriginKind("the default URL", { url: "https://images.test/assets", cf: resized }),
  new OriginKind("a URL under a prefix", {
    prefix: "cdn",
    url: "https://cdn.test/media",
    cf: resized,
    options: below("cdn", { url: "https://cdn.test/media/" }),
  }),
  new OriginKind("a bucket under a prefix", {
    prefix: "r2/a b",
    options: { ...below("r2/a b", { bucket: "IMAGES" }), bucket: true },
  }),
  new OriginKind("a service under a prefix", {
    prefix: "og",
    url: "https://service",
    options: { ...below("og", { service: "RENDERER" }), services: { RENDERER: forwardSource } },
    responder: text(picture, { headers: { "Content-Type": "image/jpeg" } }),
  }),
];
