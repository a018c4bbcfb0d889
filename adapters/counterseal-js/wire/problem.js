/** Problems (RFC 9457): what the service replies when it refuses, and when to come back. */

import { readUtf8 } from "./bytes.js";
import { BadReply, Overloaded, ServiceRefused } from "./errors.js";
import { isObject, readJson } from "./ijson.js";

/**
 * @typedef {object} Problem
 * @property {string} code The service's stable code, or `unknown`.
 * @property {number} status
 * @property {string | undefined} field The malformed member.
 * @property {string | undefined} reason
 * @property {string | undefined} detail For people: printable, and shortened.
 * @property {number | undefined} attemptsLeft
 * @property {string | undefined} requestId The id of the request in the service's log.
 */

const CODE = /^[a-z][a-z0-9_]{0,63}$/;
const FIELD = /^[A-Za-z0-9_.[\]-]{1,128}$/;
const FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
const DETAIL_LIMIT = 256;
const SECOND = 1000;

/**
 * Read the problem in a reply; it refuses nothing, since what it returns ends in logs.
 *
 * @param {unknown} document
 * @param {number} status
 * @returns {Problem}
 */
export function readProblem(document, status) {
  const members = isObject(document) ? document : {};
  const { attemptsLeft } = members;
  return {
    code: matching(members["code"], CODE) ?? "unknown",
    status,
    field: matching(members["field"], FIELD),
    reason: matching(members["reason"], CODE),
    detail: printable(members["detail"]),
    attemptsLeft: Number.isSafeInteger(attemptsLeft) ? attemptsLeft : undefined,
    requestId: matching(members["requestId"], REQUEST_ID),
  };
}

/**
 * @param {unknown} value
 * @param {RegExp} form
 */
const matching = (value, form) =>
  typeof value === "string" && form.test(value) ? value : undefined;

/** @param {unknown} value */
function printable(value) {
  if (typeof value !== "string" || !value) return undefined;
  return value
    .slice(0, DETAIL_LIMIT)
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (mark) => `\\u{${mark.codePointAt(0)?.toString(16)}}`);
}

/**
 * Return the time of an HTTP date (RFC 9110, 5.6.7) in its preferred form.
 *
 * @param {string} text
 * @returns {number | undefined} Milliseconds since the epoch.
 */
export function readDate(text) {
  const date = FIXDATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : date;
}

/**
 * Return the milliseconds after which a reply asks to come back, where it does so clearly.
 *
 * @param {Headers} headers
 * @param {number} now In milliseconds.
 * @returns {number | undefined}
 */
export function retryAfter(headers, now) {
  const text = headers.get("retry-after") ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * SECOND;
  const date = readDate(text);
  return date === undefined ? undefined : Math.max(0, date - now);
}

/**
 * Return the error to throw for a reply that is not a success.
 *
 * @param {import("./http.js").Reply} reply
 * @param {number} now
 * @param {(problem: Problem, retryAfter?: number, date?: number) => ServiceRefused} [refusalOf]
 *   Makes the error of a problem that the service names.
 * @returns {Overloaded | BadReply | ServiceRefused}
 */
export function errorOf({ status, headers, body }, now, refusalOf = serviceRefusal) {
  const pause = retryAfter(headers, now);
  if (status >= 500 || status === 408) return new Overloaded(`status ${status}`, pause);
  if (status < 400) return new BadReply(`status ${status}; no redirect is followed`);
  let document;
  try {
    document = readJson(readUtf8(body));
  } catch {
    document = undefined;
  }
  return refusalOf(readProblem(document, status), pause, readDate(headers.get("date") ?? ""));
}

/** @type {(problem: Problem, retryAfter?: number, date?: number) => ServiceRefused} */
const serviceRefusal = (...how) => new ServiceRefused(...how);
