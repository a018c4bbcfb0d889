/** Answers and disowns: what a device signs about one challenge. */

import { demandShape } from "./claims.js";
import { InvalidField } from "./errors.js";

/** @typedef {import("./claims.js").Shape} Shape */

export const ANSWER = "counterseal-answer+jwt";
export const DISOWN = "counterseal-disown+jwt";

/** Why a person may say that they refuse. Never show `pressured` afterwards, on any screen. */
export const REASONS = /** @type {const} */ ([
  "declined",
  "not_mine",
  "wrong_details",
  "pressured",
  "other",
]);

/** @typedef {(typeof REASONS)[number]} Reason */

/** @type {Shape} */
const COMMON = {
  iss: "guid",
  sub: "guid",
  aud: "guid",
  challenge: "guid",
  display: "text",
  iat: "integer",
  jti: "id",
};

/** @type {Shape} */
const OPTIONAL = { deviceKey: "text", reason: "text" };

/**
 * Demand the claims of an answer or a disown.
 *
 * @param {Record<string, unknown>} claims
 * @param {string} typ ANSWER or DISOWN.
 * @throws {import("./errors.js").Refused} `malformed_token`
 * @throws {InvalidField} `reason` is another word than those of REASONS.
 */
export function demandAnswer(claims, typ) {
  const answer = demandAnswerShape(claims, typ);
  if (answer["reason"] !== undefined) demandReason(answer["reason"]);
  return answer;
}

/**
 * Return *reason*.
 *
 * @param {unknown} reason
 * @returns {Reason}
 * @throws {InvalidField} It is none of REASONS.
 */
export function demandReason(reason) {
  const word = REASONS.find((each) => each === reason);
  if (word === undefined) throw new InvalidField("reason", `not one of ${REASONS.join(", ")}`);
  return word;
}

/**
 * @param {Record<string, unknown>} claims
 * @param {string} typ
 */
function demandAnswerShape(claims, typ) {
  if (typ === DISOWN) return demandShape(claims, COMMON, OPTIONAL);
  const required = { ...COMMON, button: "count", title: "text" };
  return demandShape(claims, /** @type {Shape} */ (required), { ...OPTIONAL, code: "text" });
}
