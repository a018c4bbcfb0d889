/** Credentials: how an origin authenticates, in the scheme that it is set to. */

import { base64, hmac, sha256, utf8 } from "../wire/bytes.js";
import { isGuid, wholeSeconds } from "../wire/claims.js";
import { demandFit } from "./errors.js";

/** @typedef {"basic" | "hmac" | "signature"} Scheme */
/** @typedef {[string, string]} Header */

/**
 * One attempt of a call, before it is sent.
 *
 * @typedef {object} UnsignedAttempt
 * @property {string} method
 * @property {string} uri The full address, as the service knows it.
 * @property {readonly Header[]} headers All that are sent besides those of the credential.
 * @property {string} body
 * @property {number} now Milliseconds since the epoch.
 * @property {string} nonce At least 22 characters and 128 random bits, another for each attempt.
 */

const SCHEMES = ["basic", "hmac", "signature"];
const KEY = /^[!-~]{16,1024}$/;
const COVERED_IF_SENT = ["content-type", "idempotency-key"];

/** One origin's GUID and key; the key shows nowhere. */
export class Credential {
  #key;
  #lastMillisecond = 0;

  /**
   * @param {string} origin The Request Origin's GUID.
   * @param {string} key Its secret as the service returned it; text, and never decoded.
   * @param {Scheme} scheme The one that the origin is set to.
   * @throws {import("./errors.js").Unfit} One of them cannot be right.
   */
  constructor(origin, key, scheme) {
    demandFit(isGuid(origin), "not an origin's GUID");
    demandFit(SCHEMES.includes(scheme), "neither basic, hmac nor signature");
    demandFit(typeof key === "string" && KEY.test(key), "not an origin's key");
    /** @readonly */
    this.origin = origin;
    /** @readonly */
    this.scheme = scheme;
    this.#key = key;
  }

  /**
   * Return the headers that authenticate one attempt.
   *
   * @param {UnsignedAttempt} attempt
   * @returns {Promise<Header[]>}
   */
  async headers(attempt) {
    if (this.scheme === "signature") return this.#messageSignature(attempt);
    const authorization =
      this.scheme === "basic"
        ? `Basic ${base64(utf8(`${this.origin}:${this.#key}`))}`
        : await this.#cx1(attempt);
    return [["authorization", authorization]];
  }

  /** @param {UnsignedAttempt} attempt */
  async #cx1({ method, uri, body, now }) {
    // CX1 has no nonce: the same request in the same millisecond would be a replay.
    this.#lastMillisecond = Math.max(Math.floor(now), this.#lastMillisecond + 1);
    const signed = { method, uri, body, milliseconds: this.#lastMillisecond };
    return writeCx1(this.#key, this.origin, signed);
  }

  /**
   * Sign a message (RFC 9421).
   *
   * @param {UnsignedAttempt} attempt
   * @returns {Promise<Header[]>}
   */
  async #messageSignature({ method, uri, headers, body, now, nonce }) {
    const digest = `sha-256=:${base64(await sha256(utf8(body)))}:`;
    const values = new Map(headers);
    /** @type {Header[]} */
    const covered = [
      ["@method", method],
      ["@target-uri", uri],
      ["content-digest", digest],
      ...COVERED_IF_SENT.flatMap((name) => {
        const value = values.get(name);
        return value === undefined ? [] : [/** @type {Header} */ ([name, value])];
      }),
    ];
    const names = covered.map(([name]) => `"${name}"`).join(" ");
    const parameters =
      `(${names});created=${wholeSeconds(now)};keyid="${this.origin}";nonce="${nonce}"` +
      ';alg="hmac-sha256";tag="counterseal"';
    const base = [...covered.map(([name, value]) => `"${name}": ${value}`)];
    base.push(`"@signature-params": ${parameters}`);
    return [
      ["content-digest", digest],
      ["signature-input", `counterseal=${parameters}`],
      ["signature", `counterseal=:${await macOf(this.#key, base.join("\n"))}:`],
    ];
  }
}

/**
 * Return the authorization of CX1.
 *
 * @param {string} key
 * @param {string} guid
 * @param {{method: string, uri: string, body: string, milliseconds: number}} signed
 */
export async function writeCx1(key, guid, { method, uri, body, milliseconds }) {
  const text = method + uri + milliseconds + guid + (method === "GET" ? "" : body);
  return `CX1-HMAC-SHA256,${guid}/${milliseconds},${await macOf(key, text)}`;
}

/**
 * @param {string} key
 * @param {string} text
 */
const macOf = async (key, text) => base64(await hmac(utf8(key), utf8(text)));
