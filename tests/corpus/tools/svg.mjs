// SVG: all ways to specify a size, and everything that may precede the root element. These files are written by hand.
//
// Sizes follow CSS: an inch is 96 pixels. The size of a picture is rounded to whole pixels.

import { byHand } from "./recipe.mjs";

const xmlns = 'xmlns="http://www.w3.org/2000/svg"';
const body = '<rect width="10" height="10" fill="#456"/>';
const root = (attributes) => `<svg ${xmlns} ${attributes}>${body}</svg>`;

/** [name, text, width, height] */
const sized = [
  ["unitless", root('width="120" height="80"'), 120, 80],
  ["pixels", root('width="120px" height="80px"'), 120, 80],
  ["inches", root('width="2in" height="1.5in"'), 192, 144],
  ["centimetres", root('width="5cm" height="2.5cm"'), 189, 94],
  ["millimetres", root('width="210mm" height="297mm"'), 794, 1123],
  ["quarter-millimetres", root('width="400Q" height="200Q"'), 378, 189],
  ["points", root('width="72pt" height="36pt"'), 96, 48],
  ["picas", root('width="6pc" height="3pc"'), 96, 48],
  ["em", root('width="10em" height="5em"'), 160, 80],
  ["rem", root('width="10rem" height="5rem"'), 160, 80],
  ["upper-case-unit", root('width="2IN" height="96PX"'), 192, 96],
  ["fraction", root('width="33.4" height="66.6"'), 33, 67],
  ["below-one", root('width="0.6" height="0.5"'), 1, 1],
  ["exponent", root('width="1e2" height="5.0E+1"'), 100, 50],
  ["exponent-negative", root('width="12000e-2" height="80"'), 120, 80],
  ["leading-point", root('width=".5e3" height="+80"'), 500, 80],
  ["spaces", root('width=" 120 " height="\n80\t"'), 120, 80],
  ["size-and-viewbox", root('width="120" height="80" viewBox="0 0 12 8"'), 120, 80],
  ["size-against-viewbox", root('width="120" height="80" viewBox="0 0 10 10"'), 120, 80],
  ["viewbox-only", root('viewBox="0 0 360 240"'), 360, 240],
  ["viewbox-commas", root('viewBox="0,0,360,240"'), 360, 240],
  ["viewbox-mixed", root('viewBox=" -10.5 , -20\n360.25,240 "'), 360, 240],
  ["viewbox-fraction", root('viewBox="0 0 24.6 23.5"'), 25, 24],
  ["width-and-viewbox", root('width="600" viewBox="0 0 300 100"'), 600, 200],
  ["height-and-viewbox", root('height="50" viewBox="0 0 300 100"'), 150, 50],
  ["percent", root('width="100%" height="100%" viewBox="0 0 360 240"'), 360, 240],
  ["percent-half", root('width="50%" height="50%" viewBox="0 0 360 240"'), 360, 240],
  ["percent-width", root('width="100%" height="75" viewBox="0 0 300 150"'), 150, 75],
  ["auto", root('width="auto" height="auto" viewBox="0 0 360 240"'), 360, 240],
  ["large", root('width="100000" height="40000"'), 100_000, 40_000],
];

const plain = root('width="120" height="80"');

/** [name, text]: pictures of 120 × 80, written in different ways. */
const dressed = [
  ["declared", `<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n${plain}`],
  ["byte-order-mark", `\ufeff<?xml version="1.0"?>${plain}`],
  ["leading-space", `\n\n   ${plain}`],
  [
    "doctype",
    `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"\n  "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n${plain}`,
  ],
  ["doctype-subset", `<!DOCTYPE svg [<!ENTITY text "<svg width='9'>]"> <!-- > ]> --> ]>\n${plain}`],
  ["entity", `<!DOCTYPE svg [<!ENTITY wide "120">]>\n${root('width="&wide;" height="80"')}`],
  ["character-reference", root('width="&#49;20" height="8&#x30;"')],
  ["comments", `<!-- <svg width="1" height="1"> -->\n<!-- made by hand -->\n${plain}`],
  ["long-comment", `<!-- ${"long ".repeat(3000)} -->\n${plain}`],
  ["instructions", `<?xml version="1.0"?><?xml-stylesheet href="a.css" type="text/css"?>${plain}`],
  ["prefix", '<svg:svg xmlns:svg="http://www.w3.org/2000/svg" width="120" height="80"><svg:g/></svg:svg>'],
  ["single-quotes", "<svg xmlns='http://www.w3.org/2000/svg' width='120' height='80'/>"],
  ["spaced-attributes", `<svg\n\t${xmlns}\n\twidth = "120"\n\theight\n=\n'80'\n/>`],
  ["greater-than-in-attribute", `<svg ${xmlns} data-a="a > b" data-b='width="7"' width="120" height="80"/>`],
  ["look-alikes", root('data-width="7" stroke-width="3" x:width="9" xmlns:x="urn:x" width="120" height="80"')],
  ["nested", `<svg ${xmlns} viewBox="0 0 120 80"><svg width="7" height="9"/></svg>`],
  [
    "many-attributes",
    root(`${Array.from({ length: 60 }, (_, n) => `data-${n}="${n}"`).join(" ")} width="120" height="80"`),
  ],
  [
    "drawing-program",
    `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!-- Created with a drawing program -->
<svg
   width="31.75mm"
   height="60pt"
   viewBox="0 0 31.75 21.166"
   version="1.1"
   id="svg5"
   xmlns="http://www.w3.org/2000/svg"
   xmlns:svg="http://www.w3.org/2000/svg"><g/></svg>`,
  ],
];

/** A valid SVG without a size or a viewBox, so its size is unknown. */
const unsized = [
  ["no-size", root("")],
  ["percent-without-viewbox", root('width="100%" height="100%"')],
  ["viewbox-broken", root('viewBox="0 0 300"')],
  ["viewbox-of-nothing", root('viewBox="0 0 0 0"')],
  ["below-half-a-pixel", root('width="0.2" height="0.4"')],
];

export function svg() {
  const all = [...sized, ...dressed.map(([name, text]) => [name, text, 120, 80])];
  return all.map(([name, text, width, height]) =>
    byHand(`svg/${name}.svg`, () => Buffer.from(text), { width, height }),
  );
}

export const svgWithoutSize = () => unsized.map(([name, text]) => [`svg-${name}.svg`, Buffer.from(text)]);
