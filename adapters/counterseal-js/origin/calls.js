/** Calls: each attempt is signed anew, and repeated where a repetition is harmless. */

import { base64url, percentEncode, utf8 } from "../wire/bytes.js";
import { NotSent, Overloaded, ReplyLost } from "../wire/errors.js";
import { send } from "../wire/http.js";
import { Pauses } from "../wire/pause.js";
import { errorOf } from "../wire/problem.js";
import { demandFit, refusalOf, RequestRefused, Unauthorised } from "./errors.js";

/** @typedef {import("../wire/http.js").Reply} Reply */

/**
 * One call. Every call may be repeated: it reads, it has an idempotency key, or a repetition does
 * nothing more.
 *
 * @typedef {object} Call
 * @property {string} method
 * @property {string} path After `/api/`.
 * @property {Readonly<Record<string, string>>} [query]
 * @property {string} [body]
 * @property {string} [idempotencyKey]
 * @property {number} [attempts] The most.
 * @property {number} [longer] Milliseconds that the reply may take beyond the timeout.
 * @property {AbortSignal | undefined} [signal]
 */

/**
 * @typedef {object} CallSettings
 * @property {string} address Without `/api`.
 * @property {import("./credential.js").Credential} credential
 * @property {number} timeout Milliseconds that one attempt may take.
 * @property {typeof fetch} fetch
 * @property {() => number} now Milliseconds since the epoch, for signatures.
 * @property {import("../wire/pause.js").Sleep} sleep
 * @property {import("../wire/bytes.js").Random} random
 */

const ATTEMPTS = 3;
/** Milliseconds of the pause after the first attempt. */
const FIRST_PAUSE = 400;
const PATIENCE = 5000;
/**
 * Milliseconds that a call waits in all for an earlier one with its idempotency key. The process
 * that ran it may have died: then the key is free after half a minute, by default.
 */
const KEY_PATIENCE = 45_000;
const ID_BYTES = 16;
const KEY = /^[!-~](?:[ -~]{0,254}[!-~])?$/;

/** Makes the calls of one origin. */
export class Calls {
  /** @param {CallSettings} settings */
  constructor(settings) {
    /** @readonly */
    this.settings = settings;
  }

  /**
   * Make a call, in several attempts if need be.
   *
   * @param {Call} call
   * @returns {Promise<Reply>}
   * @throws {RequestRefused} The service says no.
   * @throws {import("../wire/errors.js").Unavailable} It was not reached, or cannot answer now.
   */
  async call(call) {
    const { attempts = ATTEMPTS } = call;
    const { scheme } = this.settings.credential;
    const pauses = new Pauses({ random: this.settings.random, first: FIRST_PAUSE });
    let replyLost = false;
    let signedAgain = false;
    let waited = 0;
    for (let attempt = 1; ; ) {
      /** @type {number} */
      let pause;
      try {
        return await this.#attempt(call);
      } catch (error) {
        if (error instanceof Unauthorised && scheme === "hmac" && !signedAgain) {
          // Perhaps a replay: another process may have sent the same in this millisecond.
          signedAgain = true;
          continue;
        }
        if (error instanceof RequestRefused) {
          error.repeated = replyLost;
          pause = pauses.next(error.retryAfter);
          waited += pause;
          if (error.problem !== "key_in_progress" || waited > KEY_PATIENCE) throw error;
        } else {
          const repeatable =
            error instanceof NotSent || error instanceof ReplyLost || error instanceof Overloaded;
          const least = error instanceof Overloaded ? error.retryAfter : undefined;
          if (!repeatable || attempt >= attempts || (least ?? 0) > PATIENCE) throw error;
          replyLost ||= !(error instanceof NotSent);
          pause = pauses.next(least);
          attempt += 1;
        }
      }
      await this.settings.sleep(pause, call.signal);
    }
  }

  /**
   * Return *key*, or a new one.
   *
   * @param {string | undefined} key
   * @throws {import("./errors.js").Unfit} No header can hold it.
   */
  idempotencyKey(key) {
    if (key === undefined) return base64url(this.settings.random(ID_BYTES));
    const fits = typeof key === "string" && KEY.test(key);
    demandFit(fits, "not an idempotency key: 1 to 256 printable ASCII characters");
    return key;
  }

  /** @param {Call} call */
  async #attempt({ method, path, query = {}, body = "", idempotencyKey, longer = 0, signal }) {
    const { address, credential, random } = this.settings;
    const uri = `${address}/api/${path}${writeQuery(query)}`;
    const now = this.settings.now();
    /** @type {[string, string][]} */
    const headers = [["accept", "application/json, application/problem+json"]];
    if (body) headers.push(["content-type", "application/json"]);
    if (idempotencyKey !== undefined) headers.push(["idempotency-key", idempotencyKey]);
    const nonce = base64url(random(ID_BYTES));
    headers.push(...(await credential.headers({ method, uri, headers, body, now, nonce })));
    const reply = await send(this.settings.fetch, {
      method,
      uri,
      headers,
      body: utf8(body),
      timeout: this.settings.timeout + longer,
      signal,
    });
    if (reply.status < 200 || reply.status >= 300) throw errorOf(reply, now, refusalOf);
    return reply;
  }
}

/** @param {Readonly<Record<string, string>>} query */
function writeQuery(query) {
  const members = Object.entries(query).map(([name, value]) => {
    demandFit(value.isWellFormed(), `${name}: a text with a lone surrogate`);
    return `${name}=${percentEncode(value)}`;
  });
  return members.length > 0 ? `?${members.join("&")}` : "";
}
