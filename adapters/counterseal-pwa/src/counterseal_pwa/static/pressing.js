/** Pressing: what the press of a button begins, until it has ended. */

import { describe } from "./problems.js";

/** Whether the last press came from a mouse, a pen or a finger. */
let byPointer = false;
for (const type of ["pointerdown", "keydown"]) {
  window.addEventListener(type, () => (byPointer = type === "pointerdown"), { capture: true, passive: true });
}

/** Tell whether the last press came from a mouse, a pen or a finger, and not from a keyboard. */
export const wasPressedByPointer = () => byPointer;

/** @type {WeakSet<HTMLButtonElement>} */
const busy = new WeakSet();

/**
 * Tell whether the work of a button, or of one beside it, has not ended.
 *
 * @param {HTMLButtonElement} button
 */
export const isBusy = (button) => busy.has(button);

/**
 * Do the work of a button that was pressed, unless the work of the press before has not ended.
 *
 * Meanwhile the button is marked as disabled, and keeps the focus.
 *
 * @param {HTMLButtonElement | readonly HTMLButtonElement[]} pressed The button, or all of which only
 *   one may be at work.
 * @param {HTMLElement} problem Says why the work has failed.
 * @param {() => Promise<void>} work
 * @param {{fail?: (error: unknown) => string | Promise<string>}} [how] `fail` returns what is said of
 *   an error, `describe` if none is given.
 * @returns {Promise<boolean>} Whether the work was done.
 */
export async function pressing(pressed, problem, work, { fail = describe } = {}) {
  const buttons = pressed instanceof HTMLButtonElement ? [pressed] : pressed;
  if (buttons.some(isBusy)) return false;
  const marked = buttons.filter((button) => !button.hasAttribute("aria-disabled"));
  for (const button of buttons) busy.add(button);
  for (const button of marked) button.setAttribute("aria-disabled", "true");
  problem.textContent = "";
  try {
    await work();
    return true;
  } catch (error) {
    problem.textContent = await fail(error);
    return false;
  } finally {
    for (const button of buttons) busy.delete(button);
    for (const button of marked) button.removeAttribute("aria-disabled");
  }
}
