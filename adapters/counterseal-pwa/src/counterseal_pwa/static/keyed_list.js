/**
 * Lists that are filled again with each reply of the service.
 *
 * An entry that stays is the same element. So it keeps the focus and what is unfolded, and a person
 * whose mouse button is down on it does not lose the click.
 */

import { element } from "./dom.js";

/**
 * @typedef {object} Entry
 * @property {HTMLLIElement} item
 * @property {() => void} [update] Shows what has changed since.
 */

/**
 * Make *items* the children of a container, in their order; what is there is moved only if it has to be.
 *
 * @param {HTMLElement} container
 * @param {readonly HTMLElement[]} items
 */
export function arrange(container, items) {
  for (const child of [...container.children]) if (!items.some((item) => item === child)) child.remove();
  for (const [index, item] of items.entries()) {
    const present = container.children[index] ?? null;
    if (present !== item) container.insertBefore(item, present);
  }
}

/**
 * Return an empty list, `fill`, which takes how each entry is built by its key, and `update`.
 *
 * @param {"ol" | "ul"} tag
 */
export function keyedList(tag) {
  const list = element(tag, { class: "list" });
  /** @type {Map<string, Entry>} */
  let entries = new Map();
  const update = () => {
    for (const entry of entries.values()) entry.update?.();
  };
  /** @param {readonly (readonly [string, () => Entry])[]} builders In the order of the list. */
  const fill = (builders) => {
    entries = new Map(builders.map(([key, build]) => [key, entries.get(key) ?? build()]));
    arrange(list, [...entries.values()].map(({ item }) => item));
    update();
  };
  return { list, fill, update };
}

/**
 * Return an entry that is a link; its parts are replaced only if they would look different.
 *
 * @param {Record<string, string>} attributes
 * @param {() => import("./dom.js").Child[]} partsOf
 * @returns {Entry}
 */
export function linkEntry(attributes, partsOf) {
  const link = element("a", attributes);
  const update = () => {
    const other = element("a", attributes, ...partsOf());
    if (!link.isEqualNode(other)) link.replaceChildren(...other.childNodes);
  };
  return { item: element("li", {}, link), update };
}
