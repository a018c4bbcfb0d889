/** The service: the calls of a device, each with its proof. */

import { digest, newId, utf8 } from "../wire/bytes.js";
import { wholeSeconds } from "../wire/claims.js";
import { PROOF } from "../wire/enrolment.js";
import { Overloaded, ReplyLost, ServiceRefused } from "../wire/errors.js";
import { failureOf, open, readBody, readReply, send } from "../wire/http.js";
import { signToken } from "../wire/jws.js";
import { Pauses } from "../wire/pause.js";
import { errorOf, retryAfter } from "../wire/problem.js";

/** @typedef {import("../wire/http.js").Reply} Reply */
/** @typedef {import("../wire/jws.js").Signer} Signer */

/**
 * The outside world, as a device needs it.
 *
 * @typedef {object} World
 * @property {typeof fetch} fetch
 * @property {() => number} now Milliseconds since the epoch.
 * @property {() => number} monotonic Milliseconds that only grow.
 * @property {import("../wire/bytes.js").Random} random
 * @property {import("../wire/pause.js").Sleep} sleep
 * @property {number} timeout Milliseconds that one call may take.
 */

/**
 * Who makes a call: the GUIDs that a device is bound to, and its device key.
 *
 * @typedef {object} Identity
 * @property {string} device
 * @property {string} account
 * @property {string} appSpace
 * @property {Signer} signer
 */

/**
 * @typedef {object} DeviceCall
 * @property {string} method
 * @property {string} path
 * @property {string} [body]
 * @property {string} [type] Of the body; JSON if none is given.
 * @property {number} [longer] Milliseconds that the reply may take beyond the timeout.
 * @property {AbortSignal | undefined} [signal]
 * @property {boolean} [keepalive] Whether the browser sends it even if the page is left meanwhile.
 */

const ATTEMPTS = 3;
const PAUSES = { first: 400, growth: 4 };
/** Milliseconds that a call waits for a service; if it asks for more, the program decides. */
const PATIENCE = 10_000;
/** Milliseconds; a smaller difference of two clocks is no reason for a refusal. */
const CLOCK_TOLERANCE = 30_000;
/** Milliseconds of a century; a clock without a battery begins in 1970. */
const LARGEST_CORRECTION = 100 * 365 * 86_400_000;
const JSON_TYPE = "application/json";
const EVENTS_TYPE = "text/event-stream";

/** One service, at its address. */
export class Service {
  #world;
  /** Milliseconds that the service's clock is ahead of this machine's. */
  #offset = 0;

  /**
   * @param {string} address
   * @param {World} world
   */
  constructor(address, world) {
    /** @readonly */
    this.address = address;
    this.#world = world;
  }

  /**
   * Return the time by the service's clock, as far as a refusal has shown that it differs.
   *
   * @returns {number} Milliseconds since the epoch.
   */
  now() {
    return this.#world.now() + this.#offset;
  }

  /**
   * Make a call without a proof, and return what *reader* reads of its reply.
   *
   * @template T
   * @param {DeviceCall} call
   * @param {(document: any) => T} reader
   * @returns {Promise<T>}
   */
  async plain(call, reader) {
    return readReply(await this.#send(call, []), reader);
  }

  /**
   * Make a call with a proof, and return what *reader* reads of its reply.
   *
   * @template T
   * @param {Identity} identity
   * @param {DeviceCall} call
   * @param {(document: any) => T} reader
   * @returns {Promise<{value: T, retryAfter: number | undefined}>}
   */
  async proven(identity, call, reader) {
    const reply = await this.#inTime(async () =>
      this.#send(call, [await this.#proof(identity, call)]),
    );
    const value = reply.status === 204 ? reader(undefined) : readReply(reply, reader);
    return { value, retryAfter: retryAfter(reply.headers, this.now()) };
  }

  /**
   * Sign the proof of a call, and return what makes the call at once, also from a page that is
   * being left. Its promise tells whether the call was sent, and not what the reply says.
   *
   * @param {Identity} identity
   * @param {DeviceCall} call
   * @returns {Promise<() => Promise<void>>}
   */
  async prepare(identity, call) {
    const headers = [await this.#proof(identity, call)];
    return async () => {
      try {
        await open(this.#world.fetch, this.#attempt(call, headers, JSON_TYPE));
      } catch (error) {
        throw failureOf(error);
      }
    };
  }

  /**
   * Open an event stream with a proof.
   *
   * @param {Identity} identity
   * @param {DeviceCall} call
   * @returns {Promise<ReadableStream<Uint8Array>>}
   */
  stream(identity, call) {
    return this.#inTime(() => this.#openStream(identity, call));
  }

  /**
   * @param {Identity} identity
   * @param {DeviceCall} call
   * @returns {Promise<ReadableStream<Uint8Array>>}
   */
  async #openStream(identity, call) {
    const headers = [await this.#proof(identity, call)];
    let reply;
    try {
      const response = await open(this.#world.fetch, this.#attempt(call, headers, EVENTS_TYPE));
      const isStream = response.headers.get("content-type")?.startsWith(EVENTS_TYPE);
      if (response.status === 200 && isStream && response.body) return response.body;
      const body = await readBody(response);
      reply = { status: response.status, headers: response.headers, body };
    } catch (error) {
      call.signal?.throwIfAborted();
      throw failureOf(error);
    }
    throw errorOf(reply, this.now());
  }

  /**
   * Make a call that may be repeated, until a reply comes.
   *
   * @template T
   * @param {() => Promise<T>} call
   * @param {AbortSignal} [signal] Ends the pauses.
   * @returns {Promise<T>}
   */
  async repeat(call, signal) {
    const pauses = new Pauses({ random: this.#world.random, ...PAUSES });
    for (let attempt = 1; ; attempt += 1) {
      /** @type {number | undefined} */
      let least;
      try {
        return await call();
      } catch (error) {
        if (error instanceof Overloaded) least = error.retryAfter;
        const isLast = attempt === ATTEMPTS || (least ?? 0) > PATIENCE;
        if (isLast || !isPassing(error)) throw error;
      }
      await this.#world.sleep(pauses.next(least), signal);
    }
  }

  /**
   * Make a call with a proof; once more if it was refused and the clock was wrong.
   *
   * A refusal never says that a proof is too old, but a device that was suspended or revoked gets
   * a reason: what is left is a wrong key or a wrong clock. If the second proof is refused too, the
   * clock was not the reason, and is as it was before.
   *
   * @template T
   * @param {() => Promise<T>} call
   * @returns {Promise<T>}
   */
  async #inTime(call) {
    const offset = this.#offset;
    let corrected;
    try {
      return await call();
    } catch (error) {
      corrected = this.#correctedOffset(error, offset);
      if (corrected === undefined) throw error;
    }
    this.#offset = corrected;
    try {
      return await call();
    } catch (error) {
      // Another call may have corrected the clock meanwhile.
      if (isUnexplained(error) && this.#offset === corrected) this.#offset = offset;
      throw error;
    }
  }

  /**
   * Return the right offset, if a call with *offset* was refused for its time.
   *
   * @param {unknown} error
   * @param {number} offset
   * @returns {number | undefined}
   */
  #correctedOffset(error, offset) {
    if (!isUnexplained(error) || error.date === undefined) return undefined;
    const corrected = error.date - this.#world.now();
    const difference = Math.abs(corrected - offset);
    const isWrong = difference > CLOCK_TOLERANCE && difference <= LARGEST_CORRECTION;
    return isWrong ? corrected : undefined;
  }

  /**
   * @param {DeviceCall} call
   * @param {[string, string][]} headers
   */
  async #send(call, headers) {
    const reply = await send(this.#world.fetch, this.#attempt(call, headers, JSON_TYPE));
    if (reply.status < 200 || reply.status >= 300) throw errorOf(reply, this.now());
    return reply;
  }

  /**
   * @param {DeviceCall} call
   * @param {[string, string][]} headers
   * @param {string} accept
   */
  #attempt({ method, path, body = "", type = JSON_TYPE, longer = 0, signal, keepalive }, headers, accept) {
    /** @type {[string, string][]} */
    const all = [["accept", accept], ...headers];
    if (body) all.push(["content-type", type]);
    const timeout = this.#world.timeout + longer;
    return { method, uri: this.address + path, headers: all, body: utf8(body), timeout, signal, keepalive };
  }

  /**
   * @param {Identity} identity
   * @param {DeviceCall} call
   * @returns {Promise<[string, string]>}
   */
  async #proof({ device, account, appSpace, signer }, { method, path, body = "" }) {
    const token = await signToken(signer, PROOF, {
      iss: device,
      sub: account,
      aud: appSpace,
      htm: method,
      htu: this.address + path,
      body: await digest(body),
      iat: wholeSeconds(this.now()),
      jti: newId(this.#world.random),
    });
    return ["counterseal-proof", token];
  }
}

/**
 * Tell whether a proof was refused without a reason, as one with a wrong time is.
 *
 * @param {unknown} error
 * @returns {error is ServiceRefused}
 */
const isUnexplained = (error) =>
  error instanceof ServiceRefused && error.problem === "denied" && error.reason === undefined;

/**
 * Tell whether the same call may succeed soon.
 *
 * @param {unknown} error
 */
export const isPassing = (error) => error instanceof ReplyLost || error instanceof Overloaded;
