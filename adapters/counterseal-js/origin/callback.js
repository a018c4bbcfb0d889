/**
 * Callbacks: what the service POSTs to an origin's address, and others may too.
 *
 * Standard Webhooks 1.0, over id, timestamp and body: `v1` is HMAC-SHA256 under a shared secret,
 * `whsec_…`, and `v1a` Ed25519, for which the receiver has the public key, `whpk_…`.
 * A callback arrives at least once: keep its `id`, and do nothing at a second one.
 * A valid signature proves who sent the callback, not an approval: go on with `requireApproved`.
 */

import {
  base64url,
  concatenate,
  constantTimeEqual,
  hmac,
  readBase64,
  readUtf8,
  utf8,
} from "../wire/bytes.js";
import { readJson } from "../wire/ijson.js";
import { KINDS, readPublicKey } from "../wire/keys.js";
import { CallbackRefused, demandFit, Unfit } from "./errors.js";
import { readEvent } from "./events.js";
import { readProcessed } from "./processed.js";

/** @typedef {import("../wire/bytes.js").Bytes} Bytes */

/**
 * A callback whose signature is valid.
 *
 * @typedef {object} Callback
 * @property {string} id The same at every attempt; keep it, and do nothing at a second one.
 * @property {number} sentAt The attempt's time, in milliseconds.
 * @property {import("./processed.js").ProcessedRequest} request As the service says it is.
 */

/** @typedef {Headers | Iterable<readonly [string, string]> | Readonly<Record<string, string | readonly string[] | undefined>>} CallbackHeaders */

/** @typedef {(signature: string, signed: Bytes) => Promise<boolean>} Check */

/** Bytes; a receipt of the greatest length and everything else fit. */
export const BODY_LIMIT = 2_097_152;
const TOLERANCE_SECONDS = 300;
const SIGNATURES_LIMIT = 16;
const SECOND = 1000;
const SECRET = "whsec_";
const PUBLIC = "whpk_";
const SECRET_BYTES = { least: 24, most: 64 };
const FORMS = {
  "webhook-id": /^[A-Za-z0-9_-]{1,128}$/,
  "webhook-timestamp": /^(0|[1-9][0-9]{0,11})$/,
  "webhook-signature": /^[!-~]+( [!-~]+)*$/,
};

/**
 * Return the callback in *headers* and *body*, or throw.
 *
 * @param {CallbackHeaders} headers The request's; the case of their names does not matter.
 * @param {Uint8Array} body The bytes as received, before a framework parses them.
 * @param {string | readonly string[]} secrets `whsec_…` or `whpk_…`, or several during a change.
 * @param {{now?: number, toleranceSeconds?: number}} [how] The time in milliseconds, and how far the
 *   callback's time may be from it, in both directions.
 * @returns {Promise<Callback>}
 * @throws {CallbackRefused} A header is missing, repeated or malformed, no signature is valid, the
 *   time is too far, or the body is not a processed request.
 * @throws {Unfit} There is no secret, or a malformed one, the body is no bytes, or the time or the
 *   tolerance is no finite number.
 */
export async function verifyCallback(headers, body, secrets, how = {}) {
  const { id, sentAt, document } = await verify(headers, body, secrets, how);
  let request;
  try {
    request = readProcessed(document);
  } catch (error) {
    throw new CallbackRefused("the body is no processed request", { cause: error });
  }
  return Object.freeze({ id, sentAt, request });
}

/**
 * Return the event in *headers* and *body*, or throw, as `verifyCallback` does.
 *
 * Its `guid` is the `webhook-id`, and the same in `Client.events`.
 *
 * @param {CallbackHeaders} headers
 * @param {Uint8Array} body
 * @param {string | readonly string[]} secrets
 * @param {{now?: number, toleranceSeconds?: number}} [how]
 * @returns {Promise<import("./events.js").AccountEvent>}
 * @throws {CallbackRefused} As of `verifyCallback`, or the body is not an event.
 * @throws {Unfit} As of `verifyCallback`.
 */
export async function verifyEvent(headers, body, secrets, how = {}) {
  const { id, document } = await verify(headers, body, secrets, how);
  let event;
  try {
    event = readEvent(document);
  } catch (error) {
    throw new CallbackRefused("the body is no event", { cause: error });
  }
  if (event.guid !== id) throw new CallbackRefused("the body is of another event");
  return event;
}

/**
 * Verify signature and time, and return what the body holds.
 *
 * @param {CallbackHeaders} headers
 * @param {Uint8Array} body
 * @param {string | readonly string[]} secrets
 * @param {{now?: number, toleranceSeconds?: number}} how
 * @returns {Promise<{id: string, sentAt: number, document: unknown}>}
 */
async function verify(headers, body, secrets, how) {
  const { now = Date.now(), toleranceSeconds = TOLERANCE_SECONDS } = how;
  const checks = await Promise.all([secrets].flat().map(readSecret));
  demandFit(checks.length > 0, "no callback secret, and no public key");
  demandFit(Number.isFinite(now), "now: not a finite number");
  const isTolerance = Number.isFinite(toleranceSeconds) && toleranceSeconds >= 0;
  demandFit(isTolerance, "toleranceSeconds: not a finite number from 0");
  demandFit(body instanceof Uint8Array, "body: not the bytes as received");
  if (body.length > BODY_LIMIT) throw new CallbackRefused("too large");
  const values = readHeaders(headers);
  const id = values["webhook-id"];
  const seconds = values["webhook-timestamp"];
  const signatures = values["webhook-signature"].split(" ");
  if (signatures.length > SIGNATURES_LIMIT) throw new CallbackRefused("too many signatures");
  const bytes = new Uint8Array(body);
  const signed = concatenate(utf8(`${id}.${seconds}.`), bytes);
  // All are compared, each in constant time.
  const results = await Promise.all(
    checks.flatMap((check) => signatures.map((signature) => check(signature, signed))),
  );
  if (!results.includes(true)) throw new CallbackRefused("no signature is valid");
  const sentAt = Number(seconds) * SECOND;
  const isNear = Math.abs(now - sentAt) <= toleranceSeconds * SECOND;
  if (!isNear) throw new CallbackRefused("too old, or too new");
  try {
    return { id, sentAt, document: readJson(readUtf8(bytes)) };
  } catch (error) {
    throw new CallbackRefused("the body is no JSON", { cause: error });
  }
}

/**
 * @param {CallbackHeaders} headers
 * @returns {Record<keyof typeof FORMS, string>}
 */
function readHeaders(headers) {
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  const values = /** @type {[keyof typeof FORMS, RegExp][]} */ (Object.entries(FORMS)).map(
    ([name, form]) => {
      const matches = pairs
        .filter(([each]) => String(each).toLowerCase() === name)
        .flatMap(([, value]) => value);
      const [value] = matches;
      if (matches.length !== 1 || typeof value !== "string" || !form.test(value)) {
        throw new CallbackRefused(`${name}: missing, repeated or malformed`);
      }
      return [name, value];
    },
  );
  return Object.fromEntries(values);
}

/**
 * Return what checks one signature under *secret*.
 *
 * @param {string} secret
 * @returns {Promise<Check>}
 */
async function readSecret(secret) {
  demandFit(typeof secret === "string", "not a callback secret");
  if (secret.startsWith(PUBLIC)) return readPublic(secret.slice(PUBLIC.length));
  const key = readBase64(secret.slice(SECRET.length));
  const { least, most } = SECRET_BYTES;
  if (!secret.startsWith(SECRET) || !key || key.length < least || key.length > most) {
    throw new Unfit("not a callback secret: whsec_ and base64 of 24 to 64 bytes");
  }
  return async (signature, signed) => {
    const expected = await hmac(key, signed);
    const raw = signature.startsWith("v1,") ? readBase64(signature.slice("v1,".length)) : undefined;
    return raw !== undefined && constantTimeEqual(raw, expected);
  };
}

/**
 * @param {string} text
 * @returns {Promise<Check>}
 */
async function readPublic(text) {
  const bytes = readBase64(text);
  const jwk = { kty: "OKP", crv: "Ed25519", x: base64url(bytes ?? new Uint8Array()) };
  let key;
  try {
    ({ key } = await readPublicKey({ ...jwk, kid: PUBLIC, alg: "EdDSA" }));
  } catch (error) {
    throw new Unfit("not a public callback key: whpk_ and base64 of 32 bytes", { cause: error });
  }
  return async (signature, signed) => {
    const raw = signature.startsWith("v1a,") ? readBase64(signature.slice("v1a,".length)) : undefined;
    return raw !== undefined && crypto.subtle.verify(KINDS.EdDSA.signing, key, raw, signed);
  };
}
