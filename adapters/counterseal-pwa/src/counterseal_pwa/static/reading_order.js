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
const WORD = String.raw`(?:(?=${BLOCKS})\p{L}[\p{M}\u200c\u200d]*)+`;
/** A number in such a script, or a single sign. */
const OTHER = String.raw`(?:(?=${BLOCKS})\p{N})+|${BLOCKS}`;
/** Words with all that is between them, but no other letter and no digit. */
const PHRASE = new RegExp(String.raw`(${WORD}(?:[^\p{L}\p{N}]*${WORD})*|${OTHER})`, "u");
/** Words with single spaces between them: in arguments, quotes and brackets say what belongs to what. */
const WORDS = new RegExp(`(${WORD}(?: ${WORD})*|${OTHER})`, "u");

/**
 * Return a text of an action, isolated like `foreign`, so that no two texts look the same.
 *
 * @param {string} text Whoever wrote it has written hidden characters out.
 * @param {{isArgument: boolean, lines?: boolean}} how `isArgument`: it is a path, or JSON; `lines`:
 *   keep line breaks.
 */
export function inOrder(text, { isArgument, lines = false }) {
  const how = { lines, written: true };
  // Every second part is written from right to left.
  const parts = visible(text, how).split(isArgument ? WORDS : PHRASE);
  const isMixed = parts.some((part, index) => index % 2 === 0 && /[\p{L}\p{N}]/u.test(part));
  if (parts.length === 1 || !(isMixed || isArgument)) return foreign(text, how);
  const isolated = parts.map((part, index) => (index % 2 === 0 ? part : element("bdi", { dir: "rtl" }, part)));
  return element("bdi", { dir: "ltr" }, ...isolated);
}
