/** Displays: what open requests ask, as far as it is loaded. */

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

/** What all open requests ask; tells of each that is loaded by an event `displays`. */
export class Displays extends EventTarget {
  #lists;
  /** @type {Map<string, LoadedDisplay>} By `keyOf`. */
  #loaded = new Map();
  /** @type {Set<string>} The keys of requests that are being loaded. */
  #loading = new Set();

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
   * Load what the open requests of some accounts ask.
   *
   * What cannot be loaded now is loaded with the next list; the view of the request says why.
   *
   * @param {readonly Account[]} accounts
   */
  async load(accounts) {
    // What is loaded counts as seen, and nobody sees a hidden page.
    if (document.hidden) return;
    const open = accounts.flatMap((account) =>
      (this.#lists.requestsOf(account.device) ?? []).map((request) => ({
        account,
        guid: request.guid,
        key: keyOf(account, request),
      })),
    );
    const keys = new Set(open.map(({ key }) => key));
    for (const key of this.#loaded.keys()) if (!keys.has(key)) this.#loaded.delete(key);
    const missing = open.filter(({ key }) => !this.#loaded.has(key) && !this.#loading.has(key));
    await Promise.all(missing.map((request) => this.#loadOne(request)));
  }

  /** @param {{account: Account, guid: string, key: string}} request */
  async #loadOne({ account, guid, key }) {
    this.#loading.add(key);
    try {
      const { display } = await account.show(guid);
      // Without it, two actions could look the same.
      const write = display.action ? (await import("./reading_order.js")).lineInOrder : foreign;
      this.#loaded.set(key, { display, write: (line) => write(line) });
      this.dispatchEvent(new Event("displays"));
    } catch {
      // The entry stays as it is.
    } finally {
      this.#loading.delete(key);
    }
  }
}
