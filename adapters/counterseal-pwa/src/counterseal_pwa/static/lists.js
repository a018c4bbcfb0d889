/** Lists: the open requests of each account, or why its list could not be read. */

import { Unavailable } from "./device/index.js";
import { describeUnread } from "./problems.js";

/** @typedef {import("./device/index.js").OpenRequest} OpenRequest */

/**
 * Why a list could not be read, in words, and whether the service was not reached.
 *
 * @typedef {{text: string, isUnreached: boolean}} ListProblem
 */

/**
 * All lists, as one tab tells them to the others.
 *
 * @typedef {object} Snapshot
 * @property {readonly (readonly [string, readonly OpenRequest[]])[]} requests
 * @property {readonly (readonly [string, ListProblem])[]} problems
 * @property {readonly string[]} unreached
 */

/**
 * The lists of all accounts, each by the GUID of the account's device.
 *
 * Tells of changes by the events `requests`, `problems` and `connection`, and by `change` of all.
 */
export class Lists extends EventTarget {
  /** @type {Map<string, readonly OpenRequest[]>} */
  #requests = new Map();
  /** @type {Map<string, ListProblem>} */
  #problems = new Map();
  /** @type {Set<string>} The devices whose service could not be reached last. */
  #unreached = new Set();

  /**
   * Return the open requests of an account; undefined if its list was not read, or not last.
   *
   * @param {string} device
   */
  requestsOf(device) {
    return this.#requests.get(device);
  }

  /**
   * Return why the list of an account could not be read last.
   *
   * @param {string} device
   */
  problemOf(device) {
    return this.#problems.get(device);
  }

  /** All open requests, with the GUID of the device of each. */
  get all() {
    return [...this.#requests].flatMap(([device, requests]) =>
      requests.map((request) => ({ device, guid: request.guid, request })),
    );
  }

  /** Whether no list is there. */
  get isEmpty() {
    return this.#requests.size === 0;
  }

  /** Whether the last call for a list did not reach its service. */
  get isUnreached() {
    return this.#unreached.size > 0 || [...this.#problems.values()].some(({ isUnreached }) => isUnreached);
  }

  /**
   * @param {string} device
   * @param {string} guid
   */
  isOpen(device, guid) {
    return (this.#requests.get(device) ?? []).some((request) => request.guid === guid);
  }

  /**
   * Use the list of an account that its service has said.
   *
   * @param {string} device
   * @param {readonly OpenRequest[]} requests
   */
  set(device, requests) {
    const hadFailed = this.#problems.delete(device);
    const wasUnreached = this.#unreached.delete(device);
    this.#requests.set(device, requests);
    const others = [...(hadFailed ? ["problems"] : []), ...(hadFailed || wasUnreached ? ["connection"] : [])];
    this.#tell("requests", ...others);
  }

  /**
   * Drop the list of an account, which could not be read.
   *
   * @param {string} device
   * @param {unknown} error
   */
  fail(device, error) {
    this.#problems.set(device, { text: describeUnread(error), isUnreached: error instanceof Unavailable });
    this.#requests.delete(device);
    this.#unreached.delete(device);
    this.#tell("problems", "connection");
  }

  /**
   * Note whether the service of an account is reached; its list stays what it last was.
   *
   * @param {string} device
   * @param {boolean} isReached
   */
  noteReached(device, isReached) {
    if (isReached) this.#unreached.delete(device);
    else this.#unreached.add(device);
    this.#tell("connection");
  }

  /**
   * Forget the lists of all accounts but these.
   *
   * @param {readonly string[]} devices
   */
  keepOnly(devices) {
    const known = [...this.#requests.keys(), ...this.#problems.keys(), ...this.#unreached];
    const gone = known.filter((device) => !devices.includes(device));
    if (gone.length === 0) return;
    for (const device of gone) {
      this.#requests.delete(device);
      this.#problems.delete(device);
      this.#unreached.delete(device);
    }
    this.#tell("requests", "problems", "connection");
  }

  /** @returns {Snapshot} */
  snapshot() {
    return {
      requests: [...this.#requests],
      problems: [...this.#problems],
      unreached: [...this.#unreached],
    };
  }

  /**
   * Use what another tab has read.
   *
   * @param {Snapshot} snapshot
   */
  adopt({ requests, problems, unreached }) {
    this.#requests = new Map(requests);
    this.#problems = new Map(problems);
    this.#unreached = new Set(unreached);
    this.#tell("requests", "problems", "connection");
  }

  /** @param {...string} types */
  #tell(...types) {
    for (const type of [...types, "change"]) this.dispatchEvent(new Event(type));
  }
}
