/** Summaries: what a request is about in a few lines, for lists; and all of it, for the PIN dialog. */

import { readHtml } from "./device/index.js";
import { say } from "./texts.js";

/** @typedef {import("./device/index.js").Display} Display */

/** Rows that begin an action: of a payment, amount and payee. */
const FIRST_ROWS = 2;
/** Documents whose names are written; of more, the number is. */
const FIRST_DOCUMENTS = 3;

/** @type {ReadonlyMap<string, string>} */
const KINDS = new Map([
  ["document", "kind.document"],
  ["login", "kind.login"],
  ["payment", "kind.payment"],
  ["tool-call", "kind.tool"],
]);

/**
 * Return the type of a request in words.
 *
 * @param {Display} display
 */
export const kindOf = ({ action }) =>
  say(action === undefined ? "kind.question" : (KINDS.get(action.type) ?? "kind.other"));

/**
 * Return the first rows of an action, each as one line; of one with documents, the row before them.
 *
 * @param {Display} display
 */
function rowsOf({ action, content }) {
  if (!action || !("keys" in content)) return [];
  const count = action.attachments ? 1 : FIRST_ROWS;
  return content.keys.slice(0, count).map(({ key, value }) => `${key}: ${value}`);
}

/**
 * Return what a request is about, in short; of an action the first rows as well.
 *
 * @param {Display} display
 */
export function summaryOf(display) {
  const { content } = display;
  if ("text" in content) return content.text;
  if ("html" in content) return readHtml(content.html)?.lines.join("\n") ?? content.html;
  return [content.title, ...rowsOf(display)].join("\n");
}

/**
 * Return all that a request asks, line by line; of an action with documents what it is in short.
 *
 * @param {Display} display
 */
export function wholeOf(display) {
  const { action, content } = display;
  if (!("keys" in content) || action?.attachments) return summaryOf(display);
  return [content.title, ...content.keys.map(({ key, value }) => `${key}: ${value}`)].join("\n");
}

/**
 * Return what tells a request from others of its type: of an action the first rows, of a question
 * the first line.
 *
 * @param {Display} display
 */
export function linesOf(display) {
  const isKnown = KINDS.has(display.action?.type ?? "");
  const lines = isKnown ? rowsOf(display) : summaryOf(display).trim().split("\n");
  return lines.slice(0, display.action ? FIRST_ROWS : 1);
}

/**
 * Return the names of the first documents that are signed, and how many others there are.
 *
 * @param {Display} display
 */
export function documentsOf({ action }) {
  const names = (action?.attachments ?? []).map(({ name }) => name);
  return { names: names.slice(0, FIRST_DOCUMENTS), others: Math.max(0, names.length - FIRST_DOCUMENTS) };
}

/** @typedef {ReturnType<typeof documentsOf>} Documents */
