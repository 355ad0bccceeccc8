// Creates elements without parsing HTML, so that text from the service or the user is never markup.

/** Returns the element with this id. */
export const $ = (id) => document.getElementById(id);

/** Creates an element: `h("p", { class: "quiet" }, "text", another)`. An attribute that is a function becomes an event listener. */
export const h = (name, attributes, ...children) => filled(document.createElement(name), attributes, children);

/** The same for SVG. */
export const svg = (name, attributes, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

function filled(element, attributes = {}, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    // The content security policy forbids style attributes, but allows this.
    else if (name === "style") for (const [property, to] of Object.entries(value)) element.style.setProperty(property, to);
    else if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

/** Creates a list of terms and values. Omits undefined values. */
export const facts = (pairs) =>
  h("dl", {}, ...Object.entries(pairs).flatMap(([term, value]) => (value === undefined ? [] : [h("div", {}, h("dt", {}, term), h("dd", {}, value))])));

/** Announces a change of the page to screen readers. */
export function say(text) {
  $("status").textContent = text;
}

/** Shows an error at its field, over the page, so that nothing moves. Without an error, or when the field changes, removes it. */
export function showFieldError(field, ...error) {
  const box = field.closest(".field");
  box.querySelector(".error")?.remove();
  const id = `${field.id || field.name}-error`;
  if (error.length === 0) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
    return;
  }
  field.setAttribute("aria-invalid", true);
  field.setAttribute("aria-describedby", id);
  field.addEventListener("input", () => showFieldError(field), { once: true });
  box.append(h("p", { class: "error", id, role: "alert" }, ...error));
}

/** Makes tabs selectable by pointer and arrow keys. Calls `selected` with a tab that the user selects. Returns a function that selects one. */
export function tabList(tabs, selected) {
  const select = (tab) => {
    for (const other of tabs) {
      other.setAttribute("aria-selected", other === tab);
      other.tabIndex = other === tab ? 0 : -1;
    }
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => {
      select(tab);
      selected(tab);
    });
    tab.addEventListener("keydown", ({ key }) => {
      const to = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (!to) return;
      const next = tabs.at((tabs.indexOf(tab) + to) % tabs.length);
      next.focus();
      next.click();
    });
  }
  return select;
}

export const number = (n) => n.toLocaleString("en");
export const percent = (share) => `${+(100 * share).toFixed(1)}\u00a0%`;
export const milliseconds = (ms) => `${ms > 0 && ms < 10 ? +ms.toFixed(1) : Math.round(ms)} ms`;

/** Formats a duration in its two largest units: 95 → `1 min 35 s`. */
export function seconds(total) {
  const parts = [];
  let rest = Math.round(total);
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    if (rest >= length) parts.push(`${Math.floor(rest / length)} ${unit}`);
    rest %= length;
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** Formats a size: 28011 → `28.0 kB`. */
export function bytes(count) {
  const unit = count < 1e3 ? 0 : count < 1e6 ? 1 : 2;
  return `${(count / 1e3 ** unit).toFixed(unit ? 1 : 0)} ${["bytes", "kB", "MB"][unit]}`;
}
