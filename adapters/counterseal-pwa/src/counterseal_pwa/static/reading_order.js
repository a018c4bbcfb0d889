/**
 * Reading order: texts in which letters that are written from right to left stand beside others.
 *
 * Browsers reorder such texts (UAX #9), so two different ones may look the same: of a text with one
 * Hebrew letter, `1 2` after the letter looks like `2 1` before it. Here each part that is written
 * from right to left is isolated, and the parts stand from left to right, as they are signed.
 */

import { element, foreign } from "./dom.js";
import { visible } from "./visible.js";

/** The blocks of scripts that are written from right to left (UAX #44, Bidi_Class). */
const BLOCKS = String.raw`[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]`;
/** Marks that have the direction of the letter before them. */
const MARK = String.raw`(?:(?=${BLOCKS})\p{M}|[\u0300-\u036f\u200c\u200d])`;
const WORD = String.raw`(?:(?=${BLOCKS})\p{L}${MARK}*)+`;
/** A number in such a script, or a single sign. */
const OTHER = String.raw`(?:(?=${BLOCKS})\p{N})+|${BLOCKS}`;
/** What has no direction of its own, as far as people write it between words; symbols may have one. */
const SIGN = String.raw`[\n\r\t -\u00bf\u00d7\u00f7\u2000-\u20cf\u2190-\u2335\u2500-\u26ab\u26ad-\u27ff\u{1f300}-\u{1faff}]`;
const NEUTRAL = String.raw`(?:(?![\p{L}\p{N}])(?:${BLOCKS}|${MARK}|\ufe0f|${SIGN}))`;
/** Words with all that is between them and has no direction. */
const PHRASE = new RegExp(`(${WORD}(?:${NEUTRAL}+${WORD})*|${OTHER})`, "u");
/** Words with single spaces between them: in arguments, quotes and brackets say what belongs to what. */
const WORDS = new RegExp(`(${WORD}(?: ${WORD})*|${OTHER})`, "u");
/** Digits of such a script that browsers order as `0` to `9`. */
const EUROPEAN = /[\u06f0-\u06f9]/u;
const ONLY_NEUTRAL = new RegExp(`^${NEUTRAL}*$`, "u");

/**
 * Return a text of an action, isolated like `foreign`, so that no two texts look the same.
 *
 * @param {string} text The service has written hidden characters out.
 * @param {{isArgument: boolean, lines?: boolean}} how `isArgument`: it is a path, or JSON; `lines`:
 *   keep line breaks.
 */
export function inOrder(text, { isArgument, lines = false }) {
  const how = { lines, written: true };
  // Every second part is written from right to left.
  const parts = visible(text, how).split(isArgument ? WORDS : PHRASE);
  if (parts.length === 1) return foreign(text, how);
  const isMixed =
    EUROPEAN.test(text) || parts.some((part, index) => index % 2 === 0 && !ONLY_NEUTRAL.test(part));
  if (!(isMixed || isArgument)) return element("bdi", { dir: "rtl" }, ...parts);
  const isolated = parts.map((part, index) => (index % 2 === 0 ? part : element("bdi", { dir: "rtl" }, part)));
  return element("bdi", { dir: "ltr" }, ...isolated);
}

/**
 * Return a line of an action's summary, isolated like its rows.
 *
 * @param {string} line Its title, or a label and a value; a label that begins with `$` is a path.
 * @param {{lines?: boolean}} [how]
 */
export const lineInOrder = (line, { lines = false } = {}) =>
  inOrder(line, { isArgument: line.startsWith("$"), lines });

/**
 * Return a summary of an action, each line isolated on its own.
 *
 * @param {string} summary
 */
export const summaryInOrder = (summary) =>
  (summary.match(/[^\n]+\n?|\n/gu) ?? []).map((line) => lineInOrder(line, { lines: true }));
