// Files that are not images, or that contain impossible values. All of them must be rejected.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { box } from "./heif-boxes.mjs";
import { noise, picture } from "./pictures.mjs";
import { chunk, chunks, signature } from "./png-chunks.mjs";
import { svgWithoutSize } from "./svg.mjs";

const prose = "Most of what the web calls an image is one. This is a sentence, and there are more like it.\n".repeat(
  20,
);
const html = `<!DOCTYPE html>\n<html><head><title>Not found</title></head><body><p>${prose}</p></body></html>\n`;
const latin = (text) => Buffer.from(text, "latin1");
const ftyp = (brand) => box("ftyp", latin(brand), Buffer.alloc(4), latin(brand));

/** Writes the files and returns their entries for the manifest. */
export async function makeInvalid(corpus) {
  const jpeg = await picture().jpeg().toBuffer();
  const png = await picture().png().toBuffer();
  const webp = await picture().webp().toBuffer();
  const files = [
    ["empty.jpg", Buffer.alloc(0)],
    ["one-byte.png", Buffer.from([0x89])],
    ["text.jpg", latin(prose)],
    ["page.jpg", latin(html)],
    [
      "page-with-svg.svg",
      latin(html.replace("<p>", '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/><p>')),
    ],
    ["page-upper-case.svg", latin('<HTML><BODY><svg width="10" height="10"></svg></BODY></HTML>')],
    ["upper-case-root.svg", latin('<SVG xmlns="http://www.w3.org/2000/svg" width="10" height="10"></SVG>')],
    [
      "feed.svg",
      latin('<?xml version="1.0"?><rss version="2.0"><channel><svg width="10" height="10"/></channel></rss>'),
    ],
    ["svg-in-comment.svg", latin('<!-- <svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/> -->')],
    ["answer.json", latin(JSON.stringify({ error: "not found", width: 100, height: 100 }))],
    ["document.pdf", latin(`%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Width 10 /Height 10 >>\nendobj\n${prose}`)],
    ["archive.zip", Buffer.concat([latin("PK\x03\x04\x14\0\0\0\x08\0"), noise(200, 1)])],
    ["program.elf", Buffer.concat([latin("\x7fELF\x02\x01\x01"), Buffer.alloc(9), noise(200, 2)])],
    ["film.mp4", Buffer.concat([ftyp("isom"), box("free"), box("mdat", noise(300, 3))])],
    ["film-of-a-heic-brand.heic", Buffer.concat([ftyp("heic"), box("moov", noise(100, 4))])],
    [
      "sound.wav",
      Buffer.concat([
        latin("RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x44\xac\0\0\x88\x58\x01\0\x02\0\x10\0data"),
        noise(100, 5),
      ]),
    ],
    ["text.gz", gzipSync(latin(prose), { level: 9 })],
    ["png-magic-and-page.png", Buffer.concat([signature, latin(html)])],
    ["gif-magic-and-script.gif", latin("GIF89a=1;alert(1)//")],
    ["gif-magic-and-comment.gif", latin(`GIF89a/*${prose}*/=1;alert(1)`)],
    ["gif-of-no-size.gif", latin("GIF89a\0\0\0\0\x80\0\0\0\0\0\xff\xff\xff;")],
    ["gif-of-another-version.gif", latin("GIF88a\x0a\0\x0a\0\x80\0\0\0\0\0\xff\xff\xff;")],
    ["bm-and-prose.bmp", latin(`BM${prose}`)],
    ["ii-and-prose.tif", latin(`II*\0${prose}`)],
    ["mm-and-prose.tif", latin(`MM\0*${prose}`)],
    ["jpeg-start-and-prose.jpg", latin(`\xff\xd8\xff${prose}`)],
    ["jpeg-start-twice.jpg", latin("\xff\xd8\xff\xd8\xff\xd8\xff\xd9")],
    ["jpeg-of-no-size.jpg", patched(jpeg, frameHeader(jpeg) + 5, [0, 0, 0, 0])],
    ["jpeg-of-no-width.jpg", patched(jpeg, frameHeader(jpeg) + 7, [0, 0])],
    ["jpeg-without-frame.jpg", Buffer.concat([jpeg.subarray(0, frameHeader(jpeg)), latin("\xff\xd9")])],
    [
      "png-of-no-width.png",
      Buffer.concat([signature, chunk("IHDR", patched(chunks(png)[0][1], 0, [0, 0, 0, 0])), png.subarray(33)]),
    ],
    ["png-wrong-checksum.png", patched(png, 29, [png[29] ^ 0xff])],
    [
      "png-wrong-colour-type.png",
      Buffer.concat([signature, chunk("IHDR", patched(chunks(png)[0][1], 9, [5])), png.subarray(33)]),
    ],
    ["png-without-header.png", Buffer.concat([signature, chunk("IDAT", noise(30, 6))])],
    ["webp-unknown-chunk.webp", patched(webp, 12, latin("ABCD"))],
    ["webp-wrong-start-code.webp", patched(webp, 23, [0, 0, 0])],
    ["webp-cut-at-12.webp", webp.subarray(0, 12)],
    [
      "heic-box-of-10-gb.heic",
      Buffer.concat([ftyp("heic"), latin("\0\0\0\x01free\0\0\0\x02\x54\x0b\xe4\0"), noise(100, 7)]),
    ],
    ["heic-without-index.heic", Buffer.concat([ftyp("heic"), box("mdat", noise(100, 8))])],
    ["jxl-magic-and-noise.jxl", Buffer.concat([latin("\xff\x0a"), noise(200, 9)])],
    [
      "jxl-container-of-nothing.jxl",
      Buffer.concat([latin("\0\0\0\x0cJXL \r\n\x87\n"), ftyp("jxl "), box("xml ", latin(prose))]),
    ],
    ["ico-of-nothing.ico", latin("\0\0\x01\0\0\0")],
    ["noise.bin", noise(2000, 10)],
    ["zeros.bin", Buffer.alloc(2000)],
    ...svgWithoutSize(),
  ];
  mkdirSync(join(corpus, "invalid"), { recursive: true });
  return files.map(([name, bytes]) => {
    writeFileSync(join(corpus, "invalid", name), bytes);
    return { file: `invalid/${name}`, expect: "not-an-image", fileSize: bytes.length };
  });
}

function patched(bytes, at, values) {
  const copy = Buffer.from(bytes);
  copy.set(values, at);
  return copy;
}

/** Returns the position of the frame header's marker. The encoder's files contain no other FF C0. */
const frameHeader = (jpeg) => jpeg.indexOf(latin("\xff\xc0"));
