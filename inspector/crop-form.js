// The crop form: its fields, and the parameters of the service that they stand for.

import { $, showFieldError } from "./dom.js";
import { showFocalPoint } from "./picture.js";

const form = $("crop");
const fields = form.elements;

/** Pairs of fields that exclude each other. */
const EXCLUDES = { aspect: "platform", platform: "aspect", device: "width", width: "device" };

/** Returns the values of the form as query parameters of the service. */
export function cropParameters() {
  const [platform, content] = fields.platform.value.split(" ");
  const focal = [fields.x, fields.y].map(({ value }) => value || "0.5").join();
  const values = {
    aspect: fields.aspect.value.trim(),
    platform,
    content,
    // The focal point needs a ratio, and its default is the centre.
    focal: (fields.aspect.value || platform) && focal !== "0.5,0.5" && focal,
    device: fields.device.value,
    width: fields.width.value,
    allowExpansion: fields.allowExpansion.checked && "true",
  };
  return new URLSearchParams(Object.entries(values).filter(([, value]) => value));
}

/** Fills the form. Without parameters, the image is not cropped. */
export function fillCrop(parameters) {
  const get = (name) => parameters.get(name) ?? "";
  for (const name of ["aspect", "device", "width"]) fields[name].value = get(name);
  fields.platform.value = `${get("platform")} ${get("content")}`.trim();
  fields.allowExpansion.checked = get("allowExpansion") === "true";
  const [x = "0.5", y = "0.5"] = get("focal").split(",").filter(Boolean);
  setFocalPoint({ x, y });
}

/** Selects a platform, by its value in the form. */
export function selectPlatform(value) {
  [fields.platform.value, fields.aspect.value] = [value, ""];
  filled();
}

export function setFocalPoint({ x, y }) {
  [fields.x.value, fields.y.value] = [x, y];
  filled();
}

/** Calls `changed` when the user has changed the crop. */
export function onCrop(changed) {
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", ({ target }) => {
    const other = EXCLUDES[target.name];
    if (other && target.value) fields[other].value = "";
    filled();
    changed();
  });
  form.addEventListener("click", ({ target: { dataset } }) => {
    if (dataset.aspect === undefined) return;
    [fields.aspect.value, fields.platform.value] = [dataset.aspect, ""];
    filled();
    changed();
  });
}

function filled() {
  const { aspect, platform, x, y } = fields;
  showFocalPoint({ x: Number(x.value || 0.5), y: Number(y.value || 0.5) });
  for (const button of form.querySelectorAll("[data-aspect]")) {
    button.setAttribute("aria-pressed", button.dataset.aspect === aspect.value && !platform.value);
  }
}

/** Shows an `invalid-parameter` problem at the field that it names. Returns `false` if it names none. Without a problem, removes it. */
export function showCropProblem(detail) {
  for (const name of ["aspect", "width", "x", "y"]) showFieldError(fields[name]);
  const [, name] = /'(aspect|focal|width)'/.exec(detail) ?? [];
  const isOutside = ({ value }) => !(value >= 0 && value <= 1);
  const field = name === "focal" ? [fields.x, fields.y].find(isOutside) : fields[name];
  if (field) showFieldError(field, detail);
  return Boolean(field);
}
