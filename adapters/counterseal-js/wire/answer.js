/** Answers and disowns: what a device signs about one challenge. */

import { demandShape } from "./claims.js";

/** @typedef {import("./claims.js").Shape} Shape */

export const ANSWER = "counterseal-answer+jwt";
export const DISOWN = "counterseal-disown+jwt";

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
const OPTIONAL = { deviceKey: "text" };

/**
 * Demand the claims of an answer or a disown.
 *
 * @param {Record<string, unknown>} claims
 * @param {string} typ ANSWER or DISOWN.
 * @throws {import("./errors.js").Refused} `malformed_token`
 */
export function demandAnswer(claims, typ) {
  if (typ === DISOWN) return demandShape(claims, COMMON, OPTIONAL);
  const required = { ...COMMON, button: "count", title: "text" };
  return demandShape(claims, /** @type {Shape} */ (required), { ...OPTIONAL, code: "text" });
}
