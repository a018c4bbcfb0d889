/** The evidence: the callback as the shop received it, and the receipt that it verified. */

import { element } from "/app/dom.js";
import { drawMark } from "/app/drawing.js";
import { writeTime } from "./machines_view.js";

/**
 * @typedef {import("./calls.js").Callback} Callback
 * @typedef {import("./calls.js").Receipt} Receipt
 * @typedef {import("./calls.js").Verdict} Verdict
 */

/**
 * Return the card of the callback.
 *
 * @param {Callback | null} callback
 */
export function callbackCard(callback) {
  const heading = element("h3", {}, "The callback, as received");
  if (callback === null) {
    return element(
      "article",
      { class: "card", id: "callback" },
      heading,
      element("p", { class: "quiet" }, "Nothing yet. The service calls the shop when the question has ended."),
    );
  }
  const headers = Object.entries(callback.headers).map(([name, value]) => `${name}: ${value}`);
  const text = ["POST /demo/callback", ...headers, "", callback.body].join("\n");
  return element(
    "article",
    { class: "card", id: "callback" },
    heading,
    verdictOf(
      callback.problem === "",
      callback.problem === "" ? "Signature verified (Standard Webhooks, HMAC-SHA256)" : `Refused: ${callback.problem}`,
    ),
    element("pre", { tabindex: 0, role: "region", "aria-label": "The callback, as received" }, text),
    element(
      "p",
      { class: "quiet" },
      "Anybody can send to this address. The signature proves that the service sent it; the receipt proves that you answered.",
    ),
  );
}

/**
 * Return the card of the receipt.
 *
 * @param {Verdict | null} verdict
 */
export function receiptCard(verdict) {
  const heading = element("h3", {}, "The receipt");
  if (verdict === null || verdict.receipt === null) {
    const text = verdict === null
      ? "Nothing yet. The callback brings it."
      : "There is none: nobody has answered this question.";
    return element("article", { class: "card", id: "receipt" }, heading, element("p", { class: "quiet" }, text));
  }
  const { receipt } = verdict;
  return element(
    "article",
    { class: "card", id: "receipt" },
    heading,
    verdictOf(true, "Verified offline, with the keys that the shop got when it started"),
    factsOf(receipt),
    element(
      "details",
      {},
      element("summary", {}, "The receipt as text"),
      element("p", { class: "quiet" }, "Anybody can verify it later, with the service's keys: counterseal verify FILE --jwks KEYS"),
      element("pre", { tabindex: 0, role: "region", "aria-label": "The receipt as text" }, receipt.token),
    ),
  );
}

/** @param {Receipt} receipt */
function factsOf({ state, button, role, algorithm, at, number, hash, issuer }) {
  /** @type {[string, string, boolean][]} */
  const facts = [
    ["You pressed", button ?? "This was not me", false],
    ["Signed by", `the phone's ${role.toLowerCase()} key, ${algorithm}`, false],
    ["Question", `${state}, at ${writeTime(at)}`, false],
    ["Number", `receipt ${number} of your account`, false],
    ["Hash", hash, true],
    ["Service's key", issuer, true],
  ];
  const items = facts.flatMap(([key, value, isLong]) => [
    element("dt", {}, key),
    element("dd", { class: isLong ? "long" : "" }, value),
  ]);
  return element("dl", { class: "pairs" }, ...items);
}

/**
 * @param {boolean} isGood
 * @param {string} text
 */
export const verdictOf = (isGood, text) =>
  element("p", { class: isGood ? "verdict" : "verdict bad" }, drawMark(isGood ? "yes" : "no"), element("span", {}, text));
