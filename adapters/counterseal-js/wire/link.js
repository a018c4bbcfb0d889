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
 * @property {string} [app] The address of the app in the browser that opens the link.
 * @property {string} [service] The address of the service.
 */

const SCHEME = "counterseal://bind?";
const OLD_SCHEME = "authwallet://";
const FRAGMENT = "/#bind?";
const LINK_LIMIT = 4096;

const BASE =
  /^https?:\/\/(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?(?:\/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*$/;
const LAST_PORT = 65_535;

/** @type {ReadonlyMap<string, keyof BindLink>} */
const FIELDS = new Map([
  ["st", "token"],
  ["appSpaceGuid", "appSpace"],
  ["appSpaceName", "appSpaceName"],
  ["privakeyId", "account"],
  ["displayName", "displayName"],
  ["service", "service"],
]);
const OLD_FIELDS = [...FIELDS.keys()].filter((name) => name !== "service");
const REQUIRED = ["st", "appSpaceGuid", "appSpaceName"];
const GUIDS = ["appSpaceGuid", "privakeyId"];

/**
 * @param {BindLink} link
 * @returns {string}
 * @throws {InvalidField} `app` or `service` is not a base address.
 */
export function writeLink(link) {
  const members = [...FIELDS].flatMap(([name, field]) => {
    const value = link[field];
    return value === undefined ? [] : [`${name}=${percentEncode(value)}`];
  });
  for (const name of /** @type {const} */ (["app", "service"])) {
    const address = link[name];
    if (address !== undefined && !isBase(address)) throw new InvalidField(name, "not an address");
  }
  return (link.app === undefined ? SCHEME : link.app + FRAGMENT) + members.join("&");
}

/**
 * Read a bind link: of an app in the browser, of an app that handles `counterseal:` links, or in
 * one of the two older forms.
 *
 * @param {string} text
 * @returns {BindLink}
 * @throws {InvalidField}
 */
export function readLink(text) {
  if (text.length > LINK_LIMIT) throw new InvalidField("link", "too long");
  const { app, members, old } = split(text);
  const values = readMembers(members, old);
  for (const name of REQUIRED) {
    if (!values.get(name)) throw new InvalidField(name, "missing or empty");
  }
  for (const name of GUIDS) {
    if (values.has(name) && !isGuid(values.get(name))) throw new InvalidField(name, "not a GUID");
  }
  const service = values.get("service");
  if (service !== undefined && !isBase(service)) throw new InvalidField("service", "no address");
  const fields = [...values].map(([name, value]) => [FIELDS.get(name), value]);
  return Object.fromEntries(app === undefined ? fields : [...fields, ["app", app]]);
}

/**
 * @param {string} text
 * @returns {{app?: string, members: string, old: boolean}}
 */
function split(text) {
  for (const scheme of [SCHEME, OLD_SCHEME]) {
    if (text.startsWith(scheme)) {
      return { members: text.slice(scheme.length), old: scheme === OLD_SCHEME };
    }
  }
  const at = text.indexOf(FRAGMENT);
  const app = text.slice(0, Math.max(at, 0));
  // A base address has no query, so no member is in one.
  if (!isBase(app)) throw new InvalidField("link", "not a bind link");
  return { app, members: text.slice(at + FRAGMENT.length), old: false };
}

/**
 * Whether a text is a base address: scheme, host and perhaps a port and a path, without a slash at
 * its end.
 *
 * @param {string} text
 */
export function isBase(text) {
  const match = BASE.exec(text);
  if (match === null) return false;
  const port = Number(match[1] ?? 1);
  return port >= 1 && port <= LAST_PORT;
}

/**
 * @param {string} query
 * @param {boolean} old Values may hold a bare `&`, and need not be percent-encoded.
 * @returns {Map<string, string>}
 */
function readMembers(query, old) {
  const names = old ? OLD_FIELDS : [...FIELDS.keys()];
  const members = query.split(old ? new RegExp(`&(?=(?:${names.join("|")})=)`) : "&");
  const values = new Map();
  for (const member of members) {
    const at = member.indexOf("=");
    const name = member.slice(0, at);
    if (at < 1 || !names.includes(name)) throw new InvalidField("link", "unknown member");
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
  } catch (error) {
    if (old) return value;
    throw new InvalidField(name, "not percent-encoded UTF-8", { cause: error });
  }
}
