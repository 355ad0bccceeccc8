import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { htmlOf, imgAttributes, imgProps } from "../dist/index.js";
import { answerTo } from "./support.mjs";

const answer = answerTo("photos/cat.jpg");
const cropped = {
  ...answer,
  dimensions: { width: 4000, height: 2250 },
  aspectCrop: { width: 4000, height: 2250, hoffset: 0, voffset: 375 },
  transform: "trim=375;0;375;0,width=4000,height=2250,fit=cover",
};
const DATA_URL = "data:image/png;base64,iVBORw0KGgo+/w==";
const candidates = ({ srcset }) => srcset.split(", ");

suite("imgAttributes", () => {
  test("Without a resizer, they show the original", () => {
    assert.deepEqual(imgAttributes(answer), { src: "/photos/cat.jpg", width: 4000, height: 3000 });
    assert.deepEqual(imgAttributes(answer, { src: "https://images.test/cat.jpg", widths: [400] }), { src: "https://images.test/cat.jpg", width: 4000, height: 3000 });
    assert.deepEqual(imgAttributes(cropped), { src: "/photos/cat.jpg", width: 4000, height: 3000 }, "which is not cropped");
    assert.equal(imgAttributes({ ...answer, path: "gallery/Größe 1?,.png", query: "v=3" }).src, "/gallery/Gr%C3%B6%C3%9Fe%201%3F%2C.png?v=3");
  });

  test("With the resizer of Cloudflare, there is a candidate for each width", () => {
    assert.deepEqual(imgAttributes(answer, { widths: [800, 400], sizes: "50vw", resizer: "cloudflare" }), {
      src: "/cdn-cgi/image/width=800,height=600,fit=cover/photos/cat.jpg",
      srcset:
        "/cdn-cgi/image/width=400,height=300,fit=cover/photos/cat.jpg 400w, /cdn-cgi/image/width=800,height=600,fit=cover/photos/cat.jpg 800w",
      sizes: "50vw",
      width: 4000,
      height: 3000,
    });
    assert.deepEqual(imgAttributes(answer, { resizer: "cloudflare" }), {
      src: "/cdn-cgi/image/width=4000,height=3000,fit=cover/photos/cat.jpg",
      width: 4000,
      height: 3000,
    });
    const remote = imgAttributes(answer, { src: "https://images.test/cat.jpg", resizer: "cloudflare" });
    assert.equal(remote.src, "/cdn-cgi/image/width=4000,height=3000,fit=cover/https://images.test/cat.jpg");
  });

  test("Widths beyond that of the image are replaced by it", () => {
    const small = answerTo("a.jpg", { width: 500, height: 333 });
    const { src, srcset, sizes } = imgAttributes(small, { widths: [400, 500, 800, 1200], resizer: ({ width, height }) => `/${width}x${height}` });
    assert.deepEqual([src, srcset, sizes], ["/500x333", "/400x266 400w, /500x333 500w", "(min-width: 500px) 500px, 100vw"]);
    assert.equal(imgAttributes(small, { widths: [1, 800], resizer: ({ width, height }) => `/${width}x${height}` }).srcset, "/1x1 1w, /500x333 500w");
    const line = answerTo("a.jpg", { width: 5000, height: 1 });
    assert.equal(imgAttributes(line, { widths: [10], resizer: ({ width, height }) => `/${width}x${height}` }).src, "/10x1");
  });

  test("The crop of an answer is shown in its size", () => {
    const { src, width, height } = imgAttributes(cropped, { resizer: "cloudflare" });
    assert.deepEqual([src, width, height], [`/cdn-cgi/image/${cropped.transform}/photos/cat.jpg`, 4000, 2250]);
    const limited = { ...cropped, dimensions: { width: 800, height: 450 } };
    const attributes = imgAttributes(limited, { widths: [400, 1200], resizer: "cloudflare" });
    assert.deepEqual([attributes.width, attributes.height], [800, 450]);
    assert.deepEqual(candidates(attributes), [
      "/cdn-cgi/image/trim=375;0;375;0,width=400,height=225,fit=cover/photos/cat.jpg 400w",
      "/cdn-cgi/image/trim=375;0;375;0,width=800,height=450,fit=cover/photos/cat.jpg 800w",
    ]);
  });

  test("Another crop or the whole image can be shown", () => {
    const whole = imgAttributes(cropped, { crop: false, resizer: "cloudflare" });
    assert.deepEqual([whole.src, whole.height], ["/cdn-cgi/image/width=4000,height=3000,fit=cover/photos/cat.jpg", 3000]);
    const part = imgAttributes(cropped, { crop: { width: 1000, height: 500, hoffset: 10, voffset: 20 }, resizer: "cloudflare" });
    assert.deepEqual([part.src, part.width, part.height], ["/cdn-cgi/image/trim=20;2990;2480;10,width=1000,height=500,fit=cover/photos/cat.jpg", 1000, 500]);
  });

  test("An image in a wider frame is padded", () => {
    const whole = { width: 4000, height: 3000, hoffset: 0, voffset: 0 };
    const padded = { ...answer, dimensions: { width: 5333, height: 3000 }, aspectCrop: whole, fit: "pad", transform: "", placeholder: { dataUrl: DATA_URL } };
    const { src, width, style } = imgAttributes(padded, { widths: [1000], resizer: "cloudflare" });
    assert.deepEqual([src, width, style], ["/cdn-cgi/image/width=1000,height=563,fit=pad/photos/cat.jpg", 5333, undefined]);
  });

  test("A resizer gets the image, the crop and the size", () => {
    const calls = [];
    imgAttributes(cropped, { widths: [800], resizer: (rendition) => calls.push(rendition) && "/x" });
    const rendition = { src: "/photos/cat.jpg", width: 800, height: 450, crop: cropped.aspectCrop, fit: "cover", transform: "trim=375;0;375;0,width=800,height=450,fit=cover" };
    assert.deepEqual(calls[0], rendition);
  });

  test("The background is the placeholder over the color", () => {
    const withBoth = { ...cropped, metadata: { ...answer.metadata, color: "#1a2B3c" }, placeholder: { dataUrl: DATA_URL } };
    assert.equal(imgAttributes(withBoth).style, `background:url(${DATA_URL}) 0% 0%/100% 100% no-repeat #1a2B3c`);
    assert.equal(imgAttributes({ ...withBoth, placeholder: undefined }).style, "background:#1a2B3c");
    // A crop in the middle of the height: half of what is cut off is above it.
    assert.equal(imgAttributes(withBoth, { resizer: "cloudflare" }).style, `background:url(${DATA_URL}) 0% 50%/100% 133.33% no-repeat #1a2B3c`);
    const transparent = { ...withBoth, metadata: { ...withBoth.metadata, hasAlpha: true } };
    assert.equal(imgAttributes(transparent).style, undefined);
    assert.equal(imgAttributes(answer).style, undefined);
  });

  test("Values cannot end an attribute, an entry of srcset or a style", () => {
    const attack = `,https://x.test/"><script> \\\n,`;
    const { src, srcset } = imgAttributes(answer, { src: attack, widths: [400], resizer: ({ src }) => src });
    assert.equal(src, "%2Chttps://x.test/%22%3E%3Cscript%3E%20%5C%0A%2C");
    assert.equal(srcset, `${src} 400w`);
    for (const color of ["red;x:y", "#12345", "#1234567", '#"><x>', "url(x)"]) {
      assert.equal(imgAttributes(answerTo("a.jpg", { color })).style, undefined, color);
    }
    for (const dataUrl of ["https://x.test/a.png", `${DATA_URL})`, `${DATA_URL}"`, "data:image/svg+xml;base64,AA==", "data:text/html;base64,AA=="]) {
      assert.equal(imgAttributes({ ...answer, placeholder: { dataUrl } }).style, undefined, dataUrl);
    }
  });
});

suite("imgProps", () => {
  test("They have the names of React, and a style object", () => {
    const options = { widths: [400], resizer: "cloudflare" };
    const withColor = answerTo("photos/cat.jpg", { color: "#112233" });
    const { srcset, style, ...rest } = imgAttributes(withColor, options);
    assert.deepEqual(imgProps(withColor, options), { ...rest, srcSet: srcset, style: { background: "#112233" } });
    assert.deepEqual(imgProps(answer), { src: "/photos/cat.jpg", width: 4000, height: 3000 });
  });
});

suite("htmlOf", () => {
  test("Attributes are written as HTML, without those that are undefined", () => {
    assert.equal(htmlOf({ src: "/a.jpg?v=1&w=2", width: 4, alt: `"<b>'&`, id: undefined, title: "" }), `src="/a.jpg?v=1&#38;w=2" width="4" alt="&#34;&#60;b&#62;'&#38;" title=""`);
    assert.equal(htmlOf(imgAttributes(answer)), 'src="/photos/cat.jpg" width="4000" height="3000"');
  });
});
