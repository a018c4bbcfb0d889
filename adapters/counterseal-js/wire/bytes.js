/** Bytes: UTF-8, base64, base64url in its one canonical spelling, SHA-256, random ids. */

import { refuse } from "./errors.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/**
 * Returns so many random bytes.
 *
 * @callback Random
 * @param {number} size
 * @returns {Bytes}
 */

const ENCODER = new TextEncoder();
const CHUNK = 0x8000;
const ID_BYTES = 16;

/**
 * @param {string} text
 * @returns {Bytes}
 */
export const utf8 = (text) => ENCODER.encode(text);

/**
 * Return the text of *bytes*, or throw TypeError: they are not UTF-8.
 *
 * @param {Bytes} bytes
 * @returns {string}
 */
export const readUtf8 = (bytes) =>
  new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/**
 * @param {Bytes} bytes
 * @returns {string}
 */
export function base64(bytes) {
  let binary = "";
  for (let start = 0; start < bytes.length; start += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(start, start + CHUNK));
  }
  return btoa(binary);
}

/**
 * Read base64 with padding, in its canonical spelling; return undefined for anything else.
 *
 * @param {string} text
 * @returns {Bytes | undefined}
 */
export function readBase64(text) {
  let binary;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return base64(bytes) === text ? bytes : undefined;
}

/**
 * @param {Bytes} bytes
 * @returns {string}
 */
export const base64url = (bytes) =>
  base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

/**
 * Read base64url without padding, in its canonical spelling.
 *
 * @param {string} text
 * @returns {Bytes}
 * @throws {Refused} `malformed_token`
 */
export function readBase64url(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) refuse("malformed_token");
  const padding = "=".repeat((4 - (text.length % 4)) % 4);
  const padded = text.replaceAll("-", "+").replaceAll("_", "/") + padding;
  return readBase64(padded) ?? refuse("malformed_token");
}

/**
 * @param {Bytes} bytes
 * @returns {Promise<Bytes>}
 */
export const sha256 = async (bytes) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/**
 * Return SHA-256 of the UTF-8 bytes of *text*, as base64url.
 *
 * @param {string} text
 * @returns {Promise<string>}
 */
export const digest = async (text) => base64url(await sha256(utf8(text)));

/**
 * Return the HMAC-SHA256 of *data* under *key*.
 *
 * @param {Bytes} key
 * @param {Bytes} data
 * @returns {Promise<Bytes>}
 */
export async function hmac(key, data) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

/**
 * @param {...Bytes} pieces
 * @returns {Bytes}
 */
export function concatenate(...pieces) {
  const all = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/**
 * Compare two lists of bytes in a time that depends on their lengths only.
 *
 * @param {Bytes} one
 * @param {Bytes} other
 * @returns {boolean}
 */
export function constantTimeEqual(one, other) {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (const [index, byte] of one.entries()) {
    difference |= byte ^ other[index];
  }
  return difference === 0;
}

/**
 * Read bytes as one number, the first byte the highest.
 *
 * @param {Bytes} bytes
 * @returns {bigint}
 */
export function readNumber(bytes) {
  let digits = "0x0";
  for (const byte of bytes) digits += byte.toString(16).padStart(2, "0");
  return BigInt(digits);
}

/**
 * Write *number* as *size* bytes, the highest first.
 *
 * @param {bigint} number
 * @param {number} size
 * @returns {Bytes}
 */
export function writeNumber(number, size) {
  const digits = number.toString(16).padStart(size * 2, "0");
  return Uint8Array.from({ length: size }, (_, index) =>
    Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  );
}

/** @type {Random} */
export const systemRandom = (size) => crypto.getRandomValues(new Uint8Array(size));

/**
 * Return an id of 128 random bits.
 *
 * @param {Random} random
 * @returns {string}
 */
export const newId = (random) => base64url(random(ID_BYTES));

/**
 * Percent-encode everything but `A-Z a-z 0-9 - . _ ~`.
 *
 * @param {string} text
 */
export const percentEncode = (text) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
