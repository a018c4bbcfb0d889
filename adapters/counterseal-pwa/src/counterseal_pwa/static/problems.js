/** Problems: what an error is called in front of a person. */

import { CountersealError, InvalidField, NotSent, NotUnlocked, Overloaded, Refused, ServiceRefused, Unavailable } from "./device/index.js";
import { say } from "./texts.js";

/** Codes of the service that have words of their own. */
const KNOWN = new Set([
  "deadline_passed",
  "denied",
  "new_device_forbidden",
  "not_found",
  "strong_key_missed",
  "token_spent",
  "too_many_bindings",
  "too_often",
  "unreachable",
  "wrong_code",
  "wrong_state",
]);

/** Codes of what this browser refuses, or cannot do now. */
const OWN = new Set([
  "account_removed",
  "already_answered",
  "answer_unconfirmed",
  "attachment_address",
  "attachment_changed",
  "attachment_forbidden",
  "attachment_too_large",
  "attachment_unavailable",
  "attachment_unchecked",
  "authenticator_failed",
  "authenticator_unfit",
  "changed_elsewhere",
  "display_changed",
  "passkey_domain",
  "passkey_rp_id",
  "receipt_changed",
  "store_failed",
  "store_outdated",
]);

/** Reasons for which no call of a device is accepted. */
const REASONS = ["revoked", "suspended", "unconfirmed"];

/** Codes after which the request cannot be answered any more. */
const ENDINGS = new Set(["deadline_passed", "not_found", "wrong_state"]);

/**
 * Return *text* and the id by which an operator finds the request in the service's log.
 *
 * @param {string} text
 * @param {ServiceRefused} error
 */
const withRequest = (text, { requestId }) =>
  requestId === undefined ? text : `${text} ${say("problem.request", { id: requestId })}`;

/**
 * Return what went wrong, in words.
 *
 * @param {unknown} error
 * @param {Record<string, string>} [values] What stands in the words, by name.
 * @returns {string}
 */
export function describe(error, values = {}) {
  if (error instanceof ServiceRefused) {
    if (REASONS.includes(error.reason ?? "")) return say(`problem.${error.reason}`);
    if (!KNOWN.has(error.problem)) return withRequest(say("problem.refused", { code: error.problem }), error);
    if (error.problem === "denied") return withRequest(say("problem.denied"), error);
    const text = say(`problem.${error.problem}`);
    const { attemptsLeft } = error;
    if (error.problem === "strong_key_missed" && attemptsLeft === 1) return say("problem.last_pin");
    return attemptsLeft === undefined ? text : `${text} ${say("problem.left", { count: attemptsLeft })}`;
  }
  if (error instanceof NotUnlocked) return say(`problem.no_${error.by}`);
  if (error instanceof CountersealError && OWN.has(error.code)) return say(`problem.${error.code}`, values);
  if (error instanceof NotSent) return say("problem.not_sent");
  if (error instanceof Overloaded) return say("problem.overloaded");
  if (error instanceof Unavailable) return say("problem.reply_lost");
  if (error instanceof InvalidField && error.field === "code") return say("problem.code_digits");
  if (error instanceof Refused) return say("problem.unfit", { code: error.code });
  return say("problem.other");
}

/**
 * Tell whether *error* says that the digits of a request are missing or wrong.
 *
 * @param {unknown} error
 */
export const isCode = (error) =>
  (error instanceof InvalidField && error.field === "code") ||
  (error instanceof ServiceRefused && error.problem === "wrong_code");

/**
 * Return why something could not be read, in words.
 *
 * @param {unknown} error
 */
export const describeUnread = (error) =>
  error instanceof Unavailable ? say("problem.unread") : describe(error);

/**
 * Tell whether the service has revoked the device for too many wrong PINs.
 *
 * @param {unknown} error
 */
export const isLastPin = (error) =>
  error instanceof ServiceRefused && error.problem === "strong_key_missed" && error.attemptsLeft === 0;

/**
 * Tell whether *error* says that the time of a request is over.
 *
 * @param {unknown} error
 */
export const isLate = (error) => error instanceof ServiceRefused && error.problem === "deadline_passed";

/**
 * Tell whether *error* says that a request is open no more.
 *
 * @param {unknown} error
 */
export const isEnding = (error) => error instanceof ServiceRefused && ENDINGS.has(error.problem);
