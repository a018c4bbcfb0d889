/** The history of one device: what it has answered, some of which the store may not have taken yet. */

import { StoreFailed } from "./errors.js";

/** @typedef {import("./records.js").HistoryEntry} HistoryEntry */
/** @typedef {import("./stored_account.js").StoredAccount} StoredAccount */
/** @typedef {import("./stored_account.js").Update} Update */

/**
 * Return the id of an entry: the ids of a device are in the order of time.
 *
 * @param {HistoryEntry} entry
 */
const idOf = ({ at, challenge, device }) => `${device}/${at}/${challenge}`;

/** What one device has answered; entries that the store does not take stay in memory until it does. */
export class History {
  #store;
  #stored;
  #notify;
  /** @type {Map<string, HistoryEntry>} By their ids. */
  #waiting = new Map();

  /**
   * @param {import("./store.js").Store} store
   * @param {StoredAccount} stored
   * @param {(type: "kept") => void} notify Called once the store has taken what waited for it.
   */
  constructor(store, stored, notify) {
    this.#store = store;
    this.#stored = stored;
    this.#notify = notify;
  }

  /**
   * Return the newest receipt of the device that is known.
   *
   * @returns {{number: number, hash: string} | null}
   */
  get last() {
    const { last } = this.#stored.record;
    const entries = [...this.#waiting.values(), ...(last === null ? [] : [last])];
    if (entries.length === 0) return null;
    return entries.reduce((newest, entry) => (entry.number > newest.number ? entry : newest));
  }

  /**
   * Return all entries, newest first.
   *
   * @returns {Promise<HistoryEntry[]>}
   * @throws {StoreFailed}
   */
  async list() {
    await this.retry();
    const entries = await this.#store.list("history", `${this.#stored.record.device}/`);
    const all = new Map(entries.map(({ id, record }) => [id, record]));
    for (const [id, entry] of this.#waiting) all.set(id, entry);
    return [...all].sort(([one], [other]) => (one < other ? 1 : -1)).map(([, entry]) => entry);
  }

  /**
   * Store an entry, or keep it until the store takes it.
   *
   * @param {HistoryEntry} entry
   * @param {Update} update
   * @returns {Promise<boolean>} Whether it is stored.
   */
  async add(entry, update) {
    this.#waiting.set(idOf(entry), entry);
    return this.#flush(update);
  }

  /** @param {HistoryEntry} entry */
  isStored(entry) {
    return !this.#waiting.has(idOf(entry));
  }

  /** Store what waits; where that fails again, it waits on. */
  async retry() {
    if (this.#waiting.size === 0) return;
    try {
      const isStored = await this.#stored.exclusive((update) => this.#flush(update));
      if (isStored) this.#notify("kept");
    } catch {
      // The account was removed, or cannot be read now.
    }
  }

  /**
   * @param {Update} update
   * @returns {Promise<boolean>}
   */
  async #flush(update) {
    const entries = [...this.#waiting];
    const last = this.last;
    try {
      await update(
        last === null ? {} : { last: { number: last.number, hash: last.hash } },
        entries.map(([id, record]) => ({ collection: "history", id, record })),
      );
    } catch (error) {
      if (!(error instanceof StoreFailed)) throw error;
      return false;
    }
    for (const [id] of entries) this.#waiting.delete(id);
    return true;
  }
}
