/** Elements: every text is a text node, and no mark-up is ever parsed. */

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
 * Return a text that somebody else wrote, isolated so that it cannot turn the text around it.
 *
 * @param {string} text
 */
export const foreign = (text) => element("bdi", { dir: "auto" }, text);
