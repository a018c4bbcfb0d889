/** Displays: what open requests ask, as far as it is loaded. */

import { Refused } from "./device/index.js";
import { foreign } from "./dom.js";
import { keyOf } from "./request_key.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Display} Display */
/** @typedef {import("./lists.js").Lists} Lists */

/**
 * A display document, and what writes a line of its summary.
 *
 * @typedef {{display: Display, write: (line: string) => HTMLElement}} LoadedDisplay
 */

/** Milliseconds until a service that did not say what is asked is asked again. */
const RETRY = 10_000;

/** What all open requests ask; tells of each that is loaded by an event `displays`. */
export class Displays extends EventTarget {
  #lists;
  /** @type {Map<string, LoadedDisplay>} By `keyOf`. */
  #loaded = new Map();
  /** @type {Map<string, Promise<boolean>>} Of requests that are being loaded, by `keyOf`. */
  #loading = new Map();

  /** @param {Lists} lists */
  constructor(lists) {
    super();
    this.#lists = lists;
  }

  /**
   * Return what a request asks, if that is loaded.
   *
   * @param {{device: string}} account
   * @param {{guid: string}} request
   */
  of(account, request) {
    return this.#loaded.get(keyOf(account, request));
  }

  /**
   * Load what the open requests of some accounts ask, now and with each list, until *signal* is
   * aborted. What a service did not say is asked for again, some time later or once it is reached.
   *
   * @param {() => readonly Account[]} accounts
   * @param {AbortSignal} signal
   */
  follow(accounts, signal) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const load = async () => {
      clearTimeout(timer);
      const isWhole = await this.#load(accounts());
      if (isWhole || signal.aborted) return;
      clearTimeout(timer);
      timer = setTimeout(() => void load(), RETRY);
    };
    const follow = () => void load();
    for (const type of ["requests", "connection"]) this.#lists.addEventListener(type, follow, { signal });
    document.addEventListener("visibilitychange", follow, { signal });
    signal.addEventListener("abort", () => clearTimeout(timer));
    follow();
  }

  /**
   * Load what is missing; return whether asking again would be of no use.
   *
   * @param {readonly Account[]} accounts
   */
  async #load(accounts) {
    // What is loaded counts as seen, and nobody sees a hidden page.
    if (document.hidden) return true;
    const open = accounts.flatMap((account) =>
      (this.#lists.requestsOf(account.device) ?? []).map((request) => ({
        account,
        guid: request.guid,
        key: keyOf(account, request),
      })),
    );
    const keys = new Set(open.map(({ key }) => key));
    for (const key of this.#loaded.keys()) if (!keys.has(key)) this.#loaded.delete(key);
    const missing = open.filter(({ key }) => !this.#loaded.has(key));
    const answers = await Promise.all(missing.map((request) => this.#loadOne(request)));
    return answers.every((isAnswered) => isAnswered);
  }

  /**
   * Load what a request asks, once at a time; return whether its service has answered.
   *
   * @param {{account: Account, guid: string, key: string}} request
   */
  #loadOne(request) {
    const { key } = request;
    const loading = this.#loading.get(key) ?? this.#show(request).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  /** @param {{account: Account, guid: string, key: string}} request */
  async #show({ account, guid, key }) {
    try {
      const { display } = await account.show(guid);
      // Without it, two actions could look the same.
      const write = display.action ? (await import("./reading_order.js")).lineInOrder : foreign;
      this.#loaded.set(key, { display, write: (line) => write(line) });
      this.dispatchEvent(new Event("displays"));
      return true;
    } catch (error) {
      // The view of the request says what is wrong.
      return error instanceof Refused;
    }
  }
}
