/** Elements: every text is a text node, and no mark-up becomes a part of the page. */

import { visible } from "./visible.js";

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Return an element.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean | EventListener>} [attributes] A function is the
 *   listener of an event, `true` an attribute without a value, and `false` none.
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/**
 * Return the element of an id that the page has.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * Have a screen reader say *text*, once.
 *
 * @param {string} text
 */
export function announce(text) {
  byId("announcer").textContent = text;
}

/**
 * Return a text that somebody else wrote for the middle of a sentence, isolated like `foreign`.
 *
 * @param {string} text
 */
export const isolate = (text) => `\u2068${visible(text)}\u2069`;

/**
 * Return a text that somebody else wrote, isolated so that it cannot turn the text around it.
 *
 * @param {string} text
 * @param {Parameters<typeof visible>[1]} [how] The style keeps lines.
 */
export const foreign = (text, how) => element("bdi", { dir: "auto" }, visible(text, how));
