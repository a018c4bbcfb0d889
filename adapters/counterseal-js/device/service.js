/** The service: the calls of a device, each with its proof. */

import { digest, newId, utf8 } from "../wire/bytes.js";
import { wholeSeconds } from "../wire/claims.js";
import { PROOF } from "../wire/enrolment.js";
import { Overloaded, ReplyLost } from "../wire/errors.js";
import { failureOf, open, readBody, readReply, send } from "../wire/http.js";
import { signToken } from "../wire/jws.js";
import { readFailure, retryAfter } from "../wire/problem.js";
import { ServiceRefused } from "./errors.js";

/** @typedef {import("../wire/http.js").Reply} Reply */
/** @typedef {import("../wire/jws.js").Signer} Signer */

/**
 * The outside world, as a device needs it.
 *
 * @typedef {object} World
 * @property {typeof fetch} fetch
 * @property {() => number} now Milliseconds since the epoch.
 * @property {import("../wire/bytes.js").Random} random
 * @property {import("../wire/sleep.js").Sleep} sleep
 * @property {number} timeout Milliseconds that one call may take.
 */

/**
 * Who calls: the GUIDs that a device is bound to, and its device key.
 *
 * @typedef {object} Caller
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
 */

const PAUSES = [200, 800];
const JSON_TYPE = "application/json";
const EVENTS_TYPE = "text/event-stream";

/** One service, at its address. */
export class Service {
  #world;

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
   * @param {Caller} caller
   * @param {DeviceCall} call
   * @param {(document: any) => T} reader
   * @returns {Promise<{value: T, retryAfter: number | undefined}>}
   */
  async proven(caller, call, reader) {
    const reply = await this.#send(call, [await this.#proof(caller, call)]);
    const value = reply.status === 204 ? reader(undefined) : readReply(reply, reader);
    return { value, retryAfter: retryAfter(reply.headers, this.#world.now()) };
  }

  /**
   * Open an event stream with a proof.
   *
   * @param {Caller} caller
   * @param {DeviceCall} call
   * @returns {Promise<ReadableStream<Uint8Array>>}
   */
  async stream(caller, call) {
    const headers = [await this.#proof(caller, call)];
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
    throw this.#errorOf(reply);
  }

  /**
   * Make a call that may be repeated, until a reply comes.
   *
   * @template T
   * @param {() => Promise<T>} call
   * @returns {Promise<T>}
   */
  async repeat(call) {
    for (const pause of PAUSES) {
      try {
        return await call();
      } catch (error) {
        if (!isPassing(error)) throw error;
        await this.#world.sleep(pause);
      }
    }
    return call();
  }

  /**
   * @param {DeviceCall} call
   * @param {[string, string][]} headers
   */
  async #send(call, headers) {
    const reply = await send(this.#world.fetch, this.#attempt(call, headers, JSON_TYPE));
    if (reply.status < 200 || reply.status >= 300) throw this.#errorOf(reply);
    return reply;
  }

  /**
   * @param {DeviceCall} call
   * @param {[string, string][]} headers
   * @param {string} accept
   */
  #attempt({ method, path, body = "", type = JSON_TYPE, longer = 0, signal }, headers, accept) {
    /** @type {[string, string][]} */
    const sent = [["accept", accept], ...headers];
    if (body) sent.push(["content-type", type]);
    const timeout = this.#world.timeout + longer;
    return { method, uri: this.address + path, headers: sent, body: utf8(body), timeout, signal };
  }

  /**
   * @param {Caller} caller
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
      iat: wholeSeconds(this.#world.now()),
      jti: newId(this.#world.random),
    });
    return ["counterseal-proof", token];
  }

  /** @param {Reply} reply */
  #errorOf(reply) {
    const failure = readFailure(reply, this.#world.now());
    return failure.problem ? new ServiceRefused(failure.problem, failure.retryAfter) : failure.error;
  }
}

/**
 * Tell whether the same call may succeed soon.
 *
 * @param {unknown} error
 */
export const isPassing = (error) => error instanceof ReplyLost || error instanceof Overloaded;
