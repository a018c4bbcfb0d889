/** HTTP: one attempt of one request, bounded in time and in size. */

import { concatenate, readUtf8 } from "./bytes.js";
import { BadReply, InvalidField, Misuse, NotSent, ReplyLost } from "./errors.js";
import { readJson } from "./ijson.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

/**
 * @typedef {object} Attempt
 * @property {string} method
 * @property {string} uri
 * @property {[string, string][]} headers
 * @property {Bytes} body
 * @property {number} timeout Milliseconds, from the look-up of the name to the last byte.
 * @property {AbortSignal | undefined} [signal]
 * @property {boolean | undefined} [keepalive] Whether the browser sends it even if the page is left meanwhile.
 */

/**
 * @typedef {object} Reply
 * @property {number} status
 * @property {Headers} headers
 * @property {Bytes} body
 */

/** Bytes of a reply; a receipt of the greatest length and everything else fit. */
export const REPLY_LIMIT = 2_097_152;

/** Codes of Node's errors that say that nothing was sent. */
const NOTHING_SENT = new Set([
  "EAI_AGAIN",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT",
]);
const THIS_MACHINE = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Return an address without the slashes at its end: with and without, it is one service's.
 *
 * @param {string} text
 */
export const trimAddress = (text) => text.replace(/\/+$/, "");

/**
 * Check a configured address: https, or http to this machine; no query, no credentials.
 *
 * Signatures cover the address of each call, so it has to be what the service is configured with.
 *
 * @param {string} text
 * @param {{allowHttp?: boolean}} [how]
 * @returns {string} The address without a slash at its end.
 * @throws {Misuse} `client_unfit`
 */
export function readAddress(text, { allowHttp = false } = {}) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const address = trimAddress(text);
  const hasMore = /[?#]/.test(text) || url?.username || url?.password;
  if (!url || trimAddress(url.href) !== address || hasMore) {
    throw new Misuse("client_unfit", "the service's address is no plain address");
  }
  const secure = url.protocol === "https:" || allowHttp || THIS_MACHINE.has(url.hostname);
  if (!/^https?:$/.test(url.protocol) || !secure) {
    throw new Misuse("client_unfit", "the service's address is not https");
  }
  return address;
}

/**
 * Send one request, and return the reply of whatever status.
 *
 * @param {typeof fetch} fetcher
 * @param {Attempt} attempt
 * @returns {Promise<Reply>}
 * @throws {NotSent} The service was not reached.
 * @throws {ReplyLost} No reply came, or not in time, or too large a one.
 */
export async function send(fetcher, attempt) {
  try {
    const response = await open(fetcher, attempt);
    const body = await readBody(response);
    return { status: response.status, headers: response.headers, body };
  } catch (error) {
    attempt.signal?.throwIfAborted();
    throw failureOf(error);
  }
}

/**
 * Send one request, and return the response with its body unread.
 *
 * @param {typeof fetch} fetcher
 * @param {Attempt} attempt
 * @returns {Promise<Response>}
 */
export function open(fetcher, { method, uri, headers, body, timeout, signal, keepalive = false }) {
  const late = AbortSignal.timeout(timeout);
  return fetcher(uri, {
    method,
    headers,
    body: body.length > 0 ? body : null,
    cache: "no-store",
    credentials: "omit",
    redirect: "manual",
    referrerPolicy: "no-referrer",
    keepalive,
    signal: signal ? AbortSignal.any([signal, late]) : late,
  });
}

/**
 * Return the error to throw for one that `fetch` threw.
 *
 * @param {unknown} error
 */
export function failureOf(error) {
  if (error instanceof ReplyLost) return error;
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const name = error instanceof Error ? error.name : "";
  const options = { cause: error };
  return NOTHING_SENT.has(code) ? new NotSent(code, options) : new ReplyLost(code || name, options);
}

/**
 * Return the body of *response*, up to REPLY_LIMIT.
 *
 * @param {Response} response
 * @returns {Promise<Bytes>}
 * @throws {ReplyLost} It is too large.
 */
export async function readBody(response) {
  /** @type {Bytes[]} */
  const pieces = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const piece = await reader?.read();
    if (!piece || piece.done) return concatenate(...pieces);
    size += piece.value.length;
    if (size > REPLY_LIMIT) {
      await reader?.cancel();
      throw new ReplyLost("too large");
    }
    pieces.push(piece.value);
  }
}

/**
 * Return what *reader* returns for the JSON of a reply.
 *
 * @template T
 * @param {Reply} reply
 * @param {(document: any) => T} reader
 * @returns {T}
 * @throws {BadReply} It is not JSON, or the reader throws InvalidField.
 */
export function readReply(reply, reader) {
  let document;
  try {
    document = readJson(readUtf8(reply.body));
  } catch (error) {
    throw new BadReply("not I-JSON", { cause: error });
  }
  try {
    return reader(document);
  } catch (error) {
    // Anything else is this program's mistake, which a repetition of the call would hide.
    if (!(error instanceof InvalidField)) throw error;
    throw new BadReply(error.message, { cause: error });
  }
}
