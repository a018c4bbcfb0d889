/** Actions: what a program wants to do once it is approved. */

import { splitActionRows } from "./device/index.js";
import { element, foreign, isolate } from "./dom.js";
import { inOrder } from "./reading_order.js";
import { say, writeMoment } from "./texts.js";

/** @typedef {import("./device/index.js").Display} Display */
/** @typedef {import("./device/index.js").ShownAction} ShownAction */

/** A value of one long word, which only programs read. */
const CODE = /^\S{28,}$/u;
/** Characters of a digest that are read at a time. */
const GROUP = /.{1,4}/gu;

/** @typedef {ReturnType<typeof splitActionRows>} ActionRows */
/** @typedef {ActionRows["rows"][number]} Row */

/** @type {ReadonlyMap<string, string>} */
const TITLES = new Map([
  ["document", "action.document"],
  ["login", "action.login"],
  ["payment", "action.payment"],
  ["tool-call", "action.tool"],
]);

/**
 * Return what the view of an action is called, by its type.
 *
 * @param {ShownAction} action
 */
export const titleOf = ({ type }) => say(TITLES.get(type) ?? "action.other");

/**
 * Return the title and the rows of an action, in its own language.
 *
 * A row whose label begins with `$` is an argument: path and JSON, which programs read.
 *
 * @param {Display} display
 * @param {{documents?: HTMLElement | null | undefined, left?: HTMLElement}} [parts] `documents`: what
 *   comes before the rows; `left`: how long an approval could be used.
 * @returns {HTMLElement}
 */
export function actionRows(display, { documents = null, left } = {}) {
  const { title } = /** @type {{title: string}} */ (display.content);
  const { action } = display;
  const { rows, claims, end } = splitActionRows(display);
  const digests = new Set((action?.attachments ?? []).map(({ sha256 }) => sha256));
  return element(
    "div",
    { class: "action", lang: action?.language ?? "" },
    element("h2", { dir: "auto" }, foreign(title, { written: true })),
    documents,
    ...listsOf(rows, digests),
    claims.length > 0 && claimsOf(claims, display.origin.name),
    end && action && endOf(end, action.validUntil, left),
  );
}

/**
 * @param {readonly Row[]} rows
 * @param {ReadonlySet<string>} digests Values that are folded.
 */
function listsOf(rows, digests) {
  /** @type {HTMLElement[]} */
  const lists = [];
  let isBefore = false;
  for (const { key, value } of rows) {
    const isArgument = key.startsWith("$");
    if (lists.length === 0 || isArgument !== isBefore) {
      lists.push(element("dl", { class: isArgument ? "pairs arguments" : "pairs" }));
    }
    isBefore = isArgument;
    lists.at(-1)?.append(labelOf(key), digests.has(value) ? foldedDigest(value) : valueOf(value, isArgument));
  }
  return lists;
}

/** @param {string} key */
const labelOf = (key) => element("dt", {}, inOrder(key, { isArgument: key.startsWith("$") }));

/**
 * @param {string} value
 * @param {boolean} [isArgument]
 */
function valueOf(value, isArgument = false) {
  const kind = value.includes("\n") ? "text lines" : CODE.test(value) ? "long" : "text";
  return element("dd", { class: kind }, inOrder(value, { isArgument, lines: true }));
}

const language = () => document.documentElement.lang;

/**
 * Return a digest in groups, between which the style has the gaps: a copy has none.
 *
 * @param {string} digest
 */
const digestOf = (digest) =>
  element("span", { class: "digest" }, ...(digest.match(GROUP) ?? []).map((group) => element("span", {}, group)));

/** @param {string} digest */
const foldedDigest = (digest) =>
  element(
    "dd",
    { class: "folded" },
    element("details", {}, element("summary", { lang: language() }, say("action.show_digest")), digestOf(digest)),
  );

/**
 * Return what the agent says, apart from the action itself.
 *
 * @param {ActionRows["claims"]} claims
 * @param {string} origin Its name.
 */
function claimsOf(claims, origin) {
  const isAgent = claims.some(({ claim }) => claim === "agent");
  const text = isAgent ? say("claims.agent") : say("claims.origin", { name: isolate(origin) });
  const rows = claims.flatMap(({ key, value }) => [labelOf(key), valueOf(value)]);
  return element(
    "div",
    { class: "claims", role: "group", "aria-label": text },
    element("p", { lang: language() }, text),
    element("dl", { class: "pairs" }, ...rows),
  );
}

/**
 * Return the row of the end of an approval, in local time.
 *
 * @param {Row} end
 * @param {string} validUntil
 * @param {HTMLElement} [left]
 */
const endOf = ({ key }, validUntil, left) =>
  element(
    "dl",
    { class: "pairs" },
    labelOf(key),
    element("dd", { lang: language() }, writeMoment(validUntil), left && " · ", left),
  );

/**
 * Return what follows from an approval; until when is in a row, or here.
 *
 * @param {Display} display
 */
export function usableUntil(display) {
  const name = isolate(display.origin.name);
  const moment = writeMoment(display.action?.validUntil ?? "");
  const text = splitActionRows(display).end ? say("action.once", { name }) : say("action.until", { name, moment });
  return element("p", { class: "quiet usable" }, text);
}

/**
 * Return what an action is, for programs and for support staff.
 *
 * @param {Display} display Of an action.
 */
export function technicalDetails(display) {
  const { type, digest } = /** @type {{type: string, digest: string}} */ (display.action);
  const { end } = splitActionRows(display);
  return element(
    "details",
    {},
    element("summary", {}, say("receipt.details")),
    element(
      "dl",
      { class: "pairs" },
      element("dt", {}, say("action.type")),
      element("dd", { class: "long" }, type),
      element("dt", {}, say("action.digest")),
      element("dd", { class: "long" }, digestOf(digest)),
      end && element("dt", {}, say("action.signed_end")),
      end && element("dd", { class: "long" }, end.value),
    ),
  );
}

/**
 * Return what the receipt of an action says of it, for the history.
 *
 * @param {Display} display
 */
export function approvedAction(display) {
  if (!display.action) return null;
  return element(
    "details",
    {},
    element("summary", {}, say("action.rows")),
    actionRows(display),
    technicalDetails(display),
  );
}
