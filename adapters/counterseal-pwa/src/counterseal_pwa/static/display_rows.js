/** Display rows: labels and values of what is signed. */

import { element, foreign } from "./dom.js";
import { say } from "./texts.js";
import { visible } from "./visible.js";

/** @typedef {import("./device/index.js").Display} Display */

/**
 * Return a value of a row; one of several lines is marked, since a line must not look like a row.
 *
 * @param {string} value
 */
export const valueOf = (value) =>
  element("dd", { class: value.includes("\n") ? "text lines" : "text" }, foreign(value, { lines: true }));

/**
 * Return what the origin says beside the question.
 *
 * @param {{additionalInfo?: unknown, context?: Display["context"], origin: Display["origin"]}} display
 */
export function factsOf({ additionalInfo, context = {}, origin }) {
  const name = visible(origin.name);
  const info = typeof additionalInfo === "string" ? additionalInfo : JSON.stringify(additionalInfo, null, 2);
  return rowsOf([
    [say("request.ip", { name }), context.ipAddress],
    [say("request.place", { name }), context.place],
    [say("request.browser", { name }), context.browser],
    [say("request.info", { name }), info],
  ]);
}

/**
 * Return the list of some rows; none if no row has a value.
 *
 * @param {[string, Node | string | null | undefined][]} pairs
 * @returns {HTMLElement[]}
 */
export function rowsOf(pairs) {
  const rows = pairs.flatMap(([key, value]) =>
    value ? [element("dt", {}, key), typeof value === "string" ? valueOf(value) : element("dd", {}, value)] : [],
  );
  return rows.length > 0 ? [element("dl", { class: "pairs more" }, ...rows)] : [];
}
