// The picture, the crop on it, and the draggable focal point.

import { $, h } from "./dom.js";

const STEP = 0.01;
const LARGE_STEP = 0.1;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const frame = $("frame");
const part = (selector) => frame.querySelector(selector);
const [img, undrawn, overlay, handle] = ["img", ".undrawn", "svg", ".focal"].map(part);
const focal = { x: 0.5, y: 0.5 };
let isCropped = false;

/**
 * Calls `moving` on every move of the focal point, and `moved` at the end of the moves, with `true` if the keyboard moved it. A key that
 * is held down moves it many times.
 */
export function onFocalPoint(moving, moved) {
  const move = (x, y) => {
    showFocalPoint({ x, y });
    moving(focal);
  };
  let grip;
  let hasKeyMoved = false;
  const endKeys = () => {
    if (hasKeyMoved) moved(true);
    hasKeyMoved = false;
  };
  frame.addEventListener("pointerdown", (event) => {
    const onHandle = event.target === handle;
    // Touching the picture scrolls the page; touching the handle drags.
    if (handle.hidden || event.button !== 0 || (event.pointerType === "touch" && !onHandle)) return;
    event.preventDefault();
    handle.focus({ preventScroll: true, focusVisible: false });
    frame.setPointerCapture(event.pointerId);
    const at = position(event);
    grip = onHandle ? { x: at.x - focal.x, y: at.y - focal.y } : { x: 0, y: 0 };
    if (!onHandle) move(at.x, at.y);
  });
  frame.addEventListener("pointermove", (event) => {
    if (!grip) return;
    const at = position(event);
    move(at.x - grip.x, at.y - grip.y);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    frame.addEventListener(end, () => {
      if (grip) moved(false);
      grip = undefined;
    });
  }
  handle.addEventListener("keydown", (event) => {
    const direction = ARROWS[event.key];
    if (!direction || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const step = event.shiftKey ? LARGE_STEP : STEP;
    hasKeyMoved = true;
    move(focal.x + direction[0] * step, focal.y + direction[1] * step);
  });
  for (const end of ["keyup", "blur"]) handle.addEventListener(end, endKeys);
}

const within = (share) => Math.round(Math.min(1, Math.max(0, share)) * 1000) / 1000;

/** Returns the position of a pointer, as fractions of width and height. */
function position({ clientX, clientY }) {
  const { left, top, width, height } = frame.getBoundingClientRect();
  return { x: (clientX - left) / width, y: (clientY - top) / height };
}

/** Moves the handle to a point, or to the nearest point within the picture. */
export function showFocalPoint({ x, y }) {
  Object.assign(focal, { x: within(x), y: within(y) });
  handle.style.setProperty("left", `${100 * focal.x}%`);
  handle.style.setProperty("top", `${100 * focal.y}%`);
}

/** Shows the image at `url`, if there is one, and until it is loaded what a page would show in its place. */
export function showPicture(url, { path, metadata: { color }, placeholder }) {
  img.alt = path;
  const waits = () => frame.classList.toggle("waiting", Boolean(color || placeholder));
  frame.style.setProperty("--placeholder", placeholder ? `url(${placeholder.dataUrl})` : (color ?? "none"));
  if (!url) {
    waits();
    // Without its source, the same picture would be shown again later.
    img.removeAttribute("src");
    hidePicture("No picture: the origin of this path is a bucket, a Worker or private, so a browser cannot reach it. The metadata is complete.");
  } else if (img.getAttribute("src") !== url) {
    undrawn.hidden = true;
    img.hidden = false;
    waits();
    img.src = url;
  }
}

/** Shows a crop on an image of this size. */
export function showCrop({ width, height }, { dimensions, aspectCrop, fit }) {
  const shown = fit ? dimensions : { width, height };
  frame.classList.toggle("padded", fit === "pad");
  frame.style.setProperty("--width", `${width}px`);
  frame.style.setProperty("--ratio", shown.width / shown.height);
  isCropped = !fit && Boolean(aspectCrop) && (aspectCrop.width < width || aspectCrop.height < height);
  showHandle();
  if (!isCropped) return;
  const { width: w, height: h, hoffset: x, voffset: y } = aspectCrop;
  const set = (element, attributes) => Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  set(overlay, { viewBox: `0 0 ${width} ${height}` });
  set(part(".shade"), { d: `M0 0H${width}V${height}H0ZM${x} ${y}h${w}v${h}h${-w}Z` });
  set(part(".edge"), { x, y, width: w, height: h });
  const thirds = [1, 2].map((n) => `M${x + (n * w) / 3} ${y}v${h}M${x} ${y + (n * h) / 3}h${w}`);
  set(part(".thirds"), { d: thirds.join("") });
}

/** Shows the crop and the handle only on a picture. */
function showHandle() {
  const isShown = isCropped && undrawn.hidden;
  overlay.toggleAttribute("hidden", !isShown);
  handle.hidden = !isShown;
  $("focal-help").hidden = !isShown;
}

function hidePicture(why) {
  undrawn.replaceChildren(h("span", {}, why));
  img.hidden = true;
  undrawn.hidden = false;
  showHandle();
}

img.addEventListener("load", () => frame.classList.remove("waiting"));
img.addEventListener("error", () => hidePicture("No picture: this browser cannot load or show it. The metadata is complete."));
