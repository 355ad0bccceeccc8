// Buttons that copy text.

import { h, say } from "./dom.js";

/** Creates a button that copies the text of an element, or selects it. `name` returns what the text is. */
export function copyButton(element, name) {
  const button = h("button", { type: "button", "aria-label": `Copy ${name()}`, click: copied }, "Copy");
  async function copied() {
    try {
      await navigator.clipboard.writeText(element.textContent);
      say(`${name()} copied.`);
      button.textContent = "Copied";
    } catch {
      // Browsers allow clipboard access only with HTTPS.
      getSelection().selectAllChildren(element);
      say(`${name()} selected.`);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  }
  return button;
}
