/** Bind links: what a QR code holds. */

import { percentEncode } from "./bytes.js";
import { isGuid } from "./claims.js";
import { InvalidField } from "./errors.js";

/**
 * @typedef {object} BindLink
 * @property {string} token The session token, a secret.
 * @property {string} appSpace The App Space's GUID.
 * @property {string} appSpaceName
 * @property {string} [account] The account's GUID.
 * @property {string} [displayName] What to call the account on the device.
 */

const SCHEME = "counterseal://bind?";
const OLD_SCHEME = "authwallet://";
const LINK_LIMIT = 4096;

/** @type {ReadonlyMap<string, keyof BindLink>} */
const FIELDS = new Map([
  ["st", "token"],
  ["appSpaceGuid", "appSpace"],
  ["appSpaceName", "appSpaceName"],
  ["privakeyId", "account"],
  ["displayName", "displayName"],
]);
const REQUIRED = ["st", "appSpaceGuid", "appSpaceName"];
const GUIDS = ["appSpaceGuid", "privakeyId"];

/**
 * @param {BindLink} link
 * @returns {string}
 */
export function writeLink(link) {
  const members = [...FIELDS].flatMap(([name, field]) => {
    const value = link[field];
    return value === undefined ? [] : [`${name}=${percentEncode(value)}`];
  });
  return SCHEME + members.join("&");
}

/**
 * Read a bind link, also one of the two older forms.
 *
 * @param {string} text
 * @returns {BindLink}
 * @throws {InvalidField}
 */
export function readLink(text) {
  const old = text.startsWith(OLD_SCHEME);
  if (text.length > LINK_LIMIT || !(old || text.startsWith(SCHEME))) throw new InvalidField("link");
  const values = readMembers(text.slice((old ? OLD_SCHEME : SCHEME).length), old);
  for (const name of REQUIRED) {
    if (!values.get(name)) throw new InvalidField(name, "missing or empty");
  }
  for (const name of GUIDS) {
    if (values.has(name) && !isGuid(values.get(name))) throw new InvalidField(name, "not a GUID");
  }
  const fields = [...values].map(([name, value]) => [FIELDS.get(name), value]);
  return Object.fromEntries(fields);
}

/**
 * @param {string} query
 * @param {boolean} old Values may hold a bare `&`, and need not be percent-encoded.
 * @returns {Map<string, string>}
 */
function readMembers(query, old) {
  const names = [...FIELDS.keys()].join("|");
  const members = query.split(old ? new RegExp(`&(?=(?:${names})=)`) : "&");
  const values = new Map();
  for (const member of members) {
    const at = member.indexOf("=");
    const name = member.slice(0, at);
    if (at < 1 || !FIELDS.has(name)) throw new InvalidField("link", "unknown member");
    if (values.has(name)) throw new InvalidField(name, "given twice");
    values.set(name, decode(name, member.slice(at + 1), old));
  }
  return values;
}

/**
 * @param {string} name
 * @param {string} value
 * @param {boolean} old
 */
function decode(name, value, old) {
  try {
    return decodeURIComponent(value);
  } catch {
    if (old) return value;
    throw new InvalidField(name, "not percent-encoded UTF-8");
  }
}
