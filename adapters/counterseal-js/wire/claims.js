/** Claims: which members a signed object has to have, exactly, and of which types. */

import { demand, refuse } from "./errors.js";
import { isObject } from "./ijson.js";

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const MOMENT = /^(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;
const ID_LENGTH = 64;
const SECOND = 1000;

/**
 * @param {unknown} value
 * @returns {value is string}
 */
export const isGuid = (value) => typeof value === "string" && GUID.test(value);

/**
 * Tell whether *value* is a moment: RFC 3339 in UTC, from year 0001, with three decimals.
 *
 * @param {unknown} value
 * @returns {value is string}
 */
export function isMoment(value) {
  if (typeof value !== "string" || !MOMENT.test(value)) return false;
  const date = new Date(value);
  return !Number.isNaN(date.getTime()) && date.toISOString() === value;
}

/**
 * Return the seconds since the epoch of a time in milliseconds.
 *
 * @param {number} milliseconds
 */
export const wholeSeconds = (milliseconds) => Math.floor(milliseconds / SECOND);

const TYPES = {
  guid: isGuid,
  moment: isMoment,
  text: (/** @type {unknown} */ value) => typeof value === "string",
  id: (/** @type {unknown} */ value) =>
    typeof value === "string" && value !== "" && [...value].length <= ID_LENGTH,
  integer: Number.isSafeInteger,
  count: (/** @type {unknown} */ value) => Number.isSafeInteger(value) && Number(value) >= 0,
  flag: (/** @type {unknown} */ value) => typeof value === "boolean",
  object: isObject,
  list: Array.isArray,
};

/** @typedef {Readonly<Record<string, keyof typeof TYPES>>} Shape */

/**
 * Demand that *value* is an object with exactly these members, of these types.
 *
 * @param {unknown} value
 * @param {Shape} required
 * @param {Shape} [optional]
 * @returns {Record<string, any>}
 * @throws {import("./errors.js").Refused} `malformed_token`
 */
export function demandShape(value, required, optional = {}) {
  if (!isObject(value)) return refuse("malformed_token");
  const all = { ...required, ...optional };
  for (const name of Object.keys(value)) demand(Object.hasOwn(all, name), "malformed_token", name);
  for (const [name, type] of Object.entries(all)) {
    const fits = Object.hasOwn(value, name)
      ? TYPES[type](value[name])
      : !Object.hasOwn(required, name);
    demand(fits, "malformed_token", name);
  }
  return value;
}
