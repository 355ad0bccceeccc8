// The button that purges the image that is shown. Asks for the admin token if this tab does not have it.

import { $, showFieldError } from "./dom.js";
import { Problem, purge } from "./lookup.js";
import { checkToken, setToken, token, tokenProblem } from "./token.js";

const dialog = $("purge-dialog");
const [field] = dialog.querySelectorAll("input");
field.id = "purge-token";

/** Purges the image that `image` returns, and then calls `purged`. */
export function onPurge(image, purged) {
  const run = async (key) => {
    try {
      await purge(image(), key);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      checkToken(problem);
      if (!dialog.open) dialog.showModal();
      showFieldError(field, tokenProblem(problem));
      return;
    }
    setToken(key);
    field.value = "";
    dialog.close();
    purged();
  };
  $("purge").addEventListener("click", () => {
    if (token()) return run(token());
    showFieldError(field);
    dialog.showModal();
  });
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value) run(field.value);
    else showFieldError(field, "Enter the admin token.");
  });
  dialog.querySelector("[type=button]").addEventListener("click", () => dialog.close());
}
