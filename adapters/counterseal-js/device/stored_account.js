/** One account as it is stored, where another tab or another call may change it too. */

import { Refused } from "./errors.js";
import { readAccountRecord } from "./records.js";

/** @typedef {import("./locks.js").Locks} Locks */
/** @typedef {import("./records.js").AccountRecord} AccountRecord */
/** @typedef {import("./store.js").Change} Change */
/** @typedef {import("./store.js").Store} Store */

/**
 * Store members of the account anew, and *others* in the same commit; only `exclusive` gives it, and
 * only until its work has ended.
 *
 * @callback Update
 * @param {Partial<AccountRecord>} changes
 * @param {readonly Change[]} [others]
 * @returns {Promise<void>}
 */

/**
 * Return the name of the lock of a device's account.
 *
 * @param {string} device
 */
export const lockOf = (device) => `counterseal ${device}`;

/** The account of one device, in a store. */
export class StoredAccount {
  #record;
  #store;
  #locks;
  #isChanging = false;

  /**
   * @param {AccountRecord} record
   * @param {{store: Store, locks: Locks}} where
   */
  constructor(record, { store, locks }) {
    this.#record = record;
    this.#store = store;
    this.#locks = locks;
  }

  /** The record as it was read or written last. */
  get record() {
    return this.#record;
  }

  /**
   * Use *record*, which has just been read, unless `exclusive` changes the account now: it has
   * read a newer one.
   *
   * @param {AccountRecord} record
   */
  adopt(record) {
    if (!this.#isChanging) this.#record = record;
  }

  /**
   * Run *work* while no other tab or call changes the account, with the record of now.
   *
   * Nobody is asked anything in it, and it calls nothing that takes the lock again.
   *
   * @template T
   * @param {(update: Update) => Promise<T>} work
   * @returns {Promise<T>}
   * @throws {Refused} `account_removed`: another tab has removed the account.
   * @throws {import("./errors.js").StoreFailed} The record cannot be read.
   */
  exclusive(work) {
    const { device } = this.#record;
    return this.#locks.request(lockOf(device), async () => {
      const record = await this.#store.get("accounts", device);
      if (record === undefined) throw new Refused("account_removed", "by another tab");
      this.#record = readAccountRecord(record);
      this.#isChanging = true;
      try {
        return await work(async (changes, others = []) => {
          const changed = { ...this.#record, ...changes };
          await this.#store.commit([
            { collection: "accounts", id: device, record: changed },
            ...others,
          ]);
          this.#record = changed;
        });
      } finally {
        this.#isChanging = false;
      }
    });
  }

  /**
   * Store members of the account anew.
   *
   * @param {Partial<AccountRecord>} changes
   */
  update(changes) {
    return this.exclusive((update) => update(changes));
  }
}
