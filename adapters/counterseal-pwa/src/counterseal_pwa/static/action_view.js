/** Actions: what a program wants to do once it is approved. */

import { attachmentSection } from "./attachment_section.js";
import { PAYEE_LABELS, splitActionRows } from "./device/index.js";
import { factsOf } from "./display_rows.js";
import { element, foreign, isolate } from "./dom.js";
import { readToEnd } from "./reading.js";
import { inOrder } from "./reading_order.js";
import { say, writeMoment } from "./texts.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Display} Display */
/** @typedef {import("./device/index.js").ShownAction} ShownAction */
/** @typedef {import("./device/index.js").ShownRequest} ShownRequest */

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
 * Return what the view of a request has of an action.
 *
 * @param {Account} account
 * @param {ShownRequest} shown
 * @param {{signal: AbortSignal, change: () => void}} how `change` is called when a document was
 *   checked, or all arguments were read.
 * @returns {Promise<import("./request_view.js").RequestParts>}
 */
export async function actionView(account, shown, { signal, change }) {
  const { display } = shown;
  const action = /** @type {ShownAction} */ (shown.action);
  const attachments = attachmentSection(account, shown, { signal, change });
  const split = splitActionRows(display);
  const { first, rows } = headRows(action, split.rows);
  const content = rowsOf(display, { ...split, rows }, attachments.section);
  const reading = action.type === "tool-call" ? readToEnd(content, { signal, change }) : null;
  return {
    heading: headingOf(display, first),
    content: content.childElementCount > 0 ? [content, ...factsOf(display)] : factsOf(display),
    below: [usableUntil(display)],
    details: technicalRows(display),
    conditions: [
      { isDone: attachments.areChecked, problem: say("problem.attachment_unchecked") },
      ...(reading ? [{ isDone: reading.isRead, problem: say("reading.first") }] : []),
    ],
    above: [reading ? reading.note : null],
  };
}

/**
 * Return the rows that head an action of a type that the app has words for, and the others: the
 * first row, and of a payment the payee.
 *
 * @param {ShownAction} action
 * @param {readonly Row[]} rows
 */
function headRows({ language, type }, rows) {
  if (!TITLES.has(type)) return { first: [], rows: [...rows] };
  const payee = type === "payment" && Object.hasOwn(PAYEE_LABELS, language) ? PAYEE_LABELS[language] : undefined;
  const isFirst = (/** @type {Row} */ { key }, /** @type {number} */ index) => index === 0 || key === payee;
  return { first: rows.filter(isFirst), rows: rows.filter((row, index) => !isFirst(row, index)) };
}

/**
 * @param {Display} display
 * @param {readonly Row[]} first
 * @returns {import("./app.js").Heading}
 */
function headingOf({ action, content }, first) {
  const { title } = /** @type {{title: string}} */ (content);
  const lines = first.flatMap(({ key, value }) => [
    element("span", { class: "label" }, inOrder(key, { isArgument: false })),
    " ",
    element("span", { class: "value" }, inOrder(value, { isArgument: false, lines: true })),
    " ",
  ]);
  const parts = [
    element("span", { class: first.length > 0 ? "label kind" : "value", dir: "auto" }, foreign(title, { written: true })),
    " ",
    ...lines,
  ];
  return {
    title: say(TITLES.get(action?.type ?? "") ?? "action.other"),
    parts: [element("span", { class: "action-heading", lang: action?.language ?? "" }, ...parts)],
  };
}

/**
 * Return the rows of an action, in its own language.
 *
 * A row whose label begins with `$` is an argument: path and JSON, which programs read.
 *
 * @param {Display} display
 * @param {ActionRows} split
 * @param {HTMLElement | null} [documents]
 */
function rowsOf({ action, origin }, { rows, claims, end }, documents = null) {
  const digests = new Set((action?.attachments ?? []).map(({ sha256 }) => sha256));
  return element(
    "div",
    { class: "action", lang: action?.language ?? "" },
    documents,
    ...listsOf(rows, digests),
    claims.length > 0 && claimsOf(claims, origin.name),
    end && action && endOf(end, action.validUntil),
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
 */
const endOf = ({ key }, validUntil) =>
  element("dl", { class: "pairs" }, labelOf(key), element("dd", { lang: language() }, writeMoment(validUntil)));

/**
 * Return what follows from an approval; until when is in a row, or here.
 *
 * @param {Display} display
 */
function usableUntil(display) {
  const name = isolate(display.origin.name);
  const moment = writeMoment(display.action?.validUntil ?? "");
  const text = splitActionRows(display).end ? say("action.once", { name }) : say("action.until", { name, moment });
  return element("p", { class: "quiet usable" }, text);
}

/**
 * Return what an action is, for programs and for support staff.
 *
 * @param {Display} display Of an action.
 * @returns {[string, Node | string | undefined][]}
 */
function technicalRows(display) {
  const { type, digest } = /** @type {{type: string, digest: string}} */ (display.action);
  const long = (/** @type {string | undefined} */ text) => text && element("span", { class: "long" }, text);
  return [
    [say("action.type"), long(type)],
    [say("action.digest"), digestOf(digest)],
    [say("action.signed_end"), long(splitActionRows(display).end?.value)],
  ];
}

/**
 * Return what the receipt of an action says of it, for the history.
 *
 * @param {Display} display
 */
export function approvedAction(display) {
  if (!display.action) return null;
  const { title } = /** @type {{title: string}} */ (display.content);
  const technical = technicalRows(display).flatMap(([key, value]) =>
    value ? [element("dt", {}, key), element("dd", {}, value)] : [],
  );
  return element(
    "details",
    {},
    element("summary", {}, say("action.rows")),
    element("h3", { dir: "auto" }, foreign(title, { written: true })),
    rowsOf(display, splitActionRows(display)),
    element("details", {}, element("summary", {}, say("receipt.details")), element("dl", { class: "pairs" }, ...technical)),
  );
}
