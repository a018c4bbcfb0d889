/**
 * Look-alikes: names that a person cannot tell apart, though their characters differ.
 *
 * The module `counterseal.wire.lookalikes` describes skeletons and the table, which is the same file.
 */

import table from "./lookalikes.json" with { type: "json" };

/**
 * @param {Readonly<Record<string, string>>} targets
 * @returns {[string, string][]} What each character becomes.
 */
const byCharacter = (targets) =>
  Object.entries(targets).flatMap(([target, text]) =>
    Array.from(text, (character) => /** @type {[string, string]} */ ([character, target])),
  );

const lowerCase = new Map([
  ...table.ignorable.flatMap(([first = 0, last = 0]) =>
    Array.from({ length: last - first + 1 }, (_, index) =>
      /** @type {[string, string]} */ ([String.fromCodePoint(first + index), ""]),
    ),
  ),
  ...byCharacter(table.lowerCase),
]);
const outlines = new Map(byCharacter(table.outlines));

/**
 * @param {string} text
 * @param {ReadonlyMap<string, string>} targets
 */
const replaceAll = (text, targets) =>
  Array.from(text, (character) => targets.get(character) ?? character).join("");

/** @param {string} letters */
const mapped = (letters) =>
  replaceAll(letters.toLowerCase(), lowerCase)
    .normalize("NFD")
    .replace(/ +/g, " ")
    .replace(/^ | $/g, "");

/**
 * Return the skeletons of a name: in lower case, and as drawn. They are for comparison only.
 *
 * @param {string} name
 * @returns {[string, string]}
 */
export function skeletons(name) {
  const letters = name.normalize("NFKC").normalize("NFD");
  return [mapped(letters), mapped(replaceAll(letters, outlines))];
}

/**
 * Tell whether two names look alike.
 *
 * Equal names do, and names that differ in case only; of three names, the first and the last need
 * not look alike if both look like the second.
 *
 * @param {string} name
 * @param {string} otherName
 */
export function areAlike(name, otherName) {
  const others = skeletons(otherName);
  return skeletons(name).some((skeleton, index) => skeleton === others[index]);
}
