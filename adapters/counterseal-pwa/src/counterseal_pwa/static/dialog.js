/** Dialogs: modal ones, each of which gives a result, and is closed when another view comes. */

import { element } from "./dom.js";
import { say } from "./texts.js";

/**
 * What the content of a dialog may do.
 *
 * @template T
 * @typedef {object} DialogControls
 * @property {(result: T) => void} close Close the dialog, with its result.
 * @property {() => void} cancel Close it without one.
 * @property {AbortSignal} signal Aborted once it is closed.
 */

/**
 * Show a dialog until it is closed: by its content, by the Escape key, or since another view comes.
 *
 * @template T
 * @param {string} name The id of its heading.
 * @param {(controls: DialogControls<T>) => import("./dom.js").Child[]} build Returns its content.
 * @param {{isSheet?: boolean, ended?: AbortSignal | undefined, mayLeave?: () => boolean}} [how]
 *   `isSheet`: it stands at the bottom of a small screen; `ended`: closes it as soon as what it is
 *   about has ended; `mayLeave`: whether the Escape key closes it.
 * @returns {Promise<T | null>} Its result; null if it was closed without one.
 */
export function showDialog(name, build, { isSheet = false, ended, mayLeave = () => true } = {}) {
  const controller = new AbortController();
  const { signal } = controller;
  /** @type {T | null} */
  let given = null;
  const cancel = () => dialog.close();
  const close = (/** @type {T} */ result) => {
    given = result;
    cancel();
  };
  const attributes = { "aria-labelledby": name, class: isSheet ? "sheet" : "" };
  const dialog = element("dialog", attributes, ...build({ close, cancel, signal }));
  document.body.append(dialog);
  // Another view is about something else, and nobody is asked in front of it.
  window.addEventListener("hashchange", cancel, { signal });
  ended?.addEventListener("abort", cancel, { signal });
  dialog.addEventListener("cancel", (event) => mayLeave() || event.preventDefault());
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      controller.abort();
      dialog.remove();
      resolve(given);
    });
    dialog.showModal();
    if (ended?.aborted) cancel();
  });
}

/**
 * Return the button that closes a dialog without a result.
 *
 * @param {{cancel: () => unknown}} controls
 * @param {string} [title]
 */
export const cancelButton = ({ cancel }, title = say("cancel")) =>
  element("button", { type: "button", class: "plain", click: cancel }, title);
