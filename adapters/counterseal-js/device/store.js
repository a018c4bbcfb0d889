/**
 * Stores: where a wallet keeps its accounts, keys and history, in memory or in IndexedDB.
 *
 * A store has collections of records, each under a text. Records are structured clones: they may
 * hold CryptoKeys, which IndexedDB keeps without making them extractable.
 */

import { CountersealError, Refused, StoreFailed } from "./errors.js";

/** @typedef {"accounts" | "binds" | "history"} Collection */

/**
 * What to store under an id, or to remove where there is no `record`.
 *
 * @typedef {{collection: Collection, id: string, record?: object}} Change
 */

/**
 * @typedef {object} Store
 * @property {(collection: Collection, id: string) => Promise<any>} get Undefined if there is none.
 * @property {(collection: Collection, prefix?: string) => Promise<{id: string, record: any}[]>} list
 *   Those whose ids begin with *prefix*, in the order of their ids.
 * @property {(changes: readonly Change[]) => Promise<void>} commit All of them, or none.
 * @property {(listener: () => void) => void} [onOutdated] Call *listener* once another program has
 *   begun to use the store with a newer version of this library.
 */

/** @type {readonly Collection[]} */
const COLLECTIONS = ["accounts", "binds", "history"];
/**
 * What each version of the database adds to the one before.
 *
 * @type {readonly ((database: IDBDatabase) => void)[]}
 */
const MIGRATIONS = [
  (database) => {
    database.createObjectStore("accounts");
    database.createObjectStore("history");
  },
  (database) => {
    database.createObjectStore("binds");
  },
];
/** No id goes on with it. */
const HIGHEST = "\uffff";

/**
 * Return a store that lasts as long as the program.
 *
 * @returns {Store}
 */
export function memoryStore() {
  const collections = new Map(COLLECTIONS.map((name) => [name, new Map()]));
  const records = (/** @type {Collection} */ name) =>
    /** @type {Map<string, object>} */ (collections.get(name));
  return {
    get: async (collection, id) => structuredClone(records(collection).get(id)),
    list: async (collection, prefix = "") =>
      [...records(collection)]
        .filter(([id]) => id.startsWith(prefix))
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([id, record]) => ({ id, record: structuredClone(record) })),
    commit: async (changes) => {
      // What cannot be cloned fails before anything is stored.
      for (const { collection, id, record } of structuredClone(changes)) {
        if (record === undefined) records(collection).delete(id);
        else records(collection).set(id, record);
      }
    },
  };
}

/** A database of the browser, which may close its connection at any time. */
class Database {
  /** @type {(() => void)[]} Called once another tab wants a newer version. */
  listeners = [];
  #name;
  #factory;
  #onBlocked;
  /** @type {Promise<IDBDatabase> | undefined} */
  #connection;

  /**
   * @param {string} name
   * @param {IDBFactory} factory
   * @param {(() => void) | undefined} onBlocked
   */
  constructor(name, factory, onBlocked) {
    this.#name = name;
    this.#factory = factory;
    this.#onBlocked = onBlocked;
  }

  /** @returns {Promise<IDBDatabase>} */
  connect() {
    if (this.#connection === undefined) {
      const connection = this.#open();
      this.#connection = connection;
      connection.catch(() => this.#drop(connection));
    }
    return this.#connection;
  }

  /** @returns {Promise<IDBDatabase>} */
  async #open() {
    const opening = this.#factory.open(this.#name, MIGRATIONS.length);
    opening.onupgradeneeded = ({ oldVersion }) => {
      for (const migrate of MIGRATIONS.slice(oldVersion)) migrate(opening.result);
    };
    opening.onblocked = () => this.#onBlocked?.();
    const database = await resultOf(opening);
    const connection = this.#connection;
    database.onclose = () => this.#drop(connection);
    database.onversionchange = ({ newVersion }) => {
      // Another tab with a newer version may go on.
      database.close();
      this.#drop(connection);
      // A database that is deleted has none.
      if (newVersion !== null) for (const listener of this.listeners) listener();
    };
    return database;
  }

  /** @param {Promise<IDBDatabase> | undefined} connection */
  #drop(connection) {
    if (this.#connection === connection) this.#connection = undefined;
  }

  /**
   * Run *work* in a transaction; once more where the browser has closed the connection.
   *
   * @template T
   * @param {readonly Collection[]} names
   * @param {IDBTransactionMode} mode
   * @param {(open: (name: Collection) => IDBObjectStore) => Promise<T>} work
   * @returns {Promise<T>}
   */
  async transact(names, mode, work) {
    for (let isRepeated = false; ; isRepeated = true) {
      const connection = this.connect();
      const database = await connection;
      try {
        const transaction = database.transaction(names, mode, { durability: "strict" });
        return await resultIn(transaction, work);
      } catch (error) {
        const isClosed = nameOf(error) === "InvalidStateError" || this.#connection !== connection;
        if (isRepeated || !isClosed) throw error;
        this.#drop(connection);
      }
    }
  }
}

/**
 * Return a store in IndexedDB.
 *
 * A browser may drop it: ask `navigator.storage.persist()`, and tell the person. A connection that
 * the browser has closed is opened again with the next use.
 *
 * @param {{name?: string, factory?: IDBFactory, onBlocked?: () => void}} [how] `onBlocked` is called
 *   while another tab, with an older version of this library, keeps the store from being opened: ask
 *   the person to close it.
 * @returns {Promise<Store>}
 * @throws {StoreFailed} The browser does not open it.
 * @throws {Refused} `store_outdated`: a newer version of this library has used it.
 */
export async function indexedDbStore({ name = "counterseal", factory, onBlocked } = {}) {
  const database = new Database(name, factory ?? indexedDB, onBlocked);
  await withTypedErrors(() => database.connect());
  return checkedStore({
    get: (collection, id) =>
      database.transact([collection], "readonly", (open) => resultOf(open(collection).get(id))),
    list: (collection, prefix = "") =>
      database.transact([collection], "readonly", async (open) => {
        const range = IDBKeyRange.bound(prefix, prefix + HIGHEST);
        const records = open(collection);
        // Both are asked for before either is there, since a transaction without requests ends.
        const [ids, all] = await Promise.all([
          resultOf(records.getAllKeys(range)),
          resultOf(records.getAll(range)),
        ]);
        return ids.map((id, index) => ({ id: String(id), record: all[index] }));
      }),
    commit: async (changes) => {
      if (changes.length === 0) return;
      const names = [...new Set(changes.map(({ collection }) => collection))];
      // What fails ends the transaction, whose error it is.
      await database.transact(names, "readwrite", async (open) => {
        for (const { collection, id, record } of changes) {
          if (record === undefined) open(collection).delete(id);
          else open(collection).put(record, id);
        }
      });
    },
    onOutdated: (listener) => {
      database.listeners.push(listener);
    },
  });
}

/**
 * Return *store* with each of its errors as one of this package.
 *
 * @param {Store} store
 * @returns {Store}
 */
export const checkedStore = (store) => ({
  get: (...what) => withTypedErrors(() => store.get(...what)),
  list: (...what) => withTypedErrors(() => store.list(...what)),
  commit: (changes) => withTypedErrors(() => store.commit(changes)),
  onOutdated: (listener) => store.onOutdated?.(listener),
});

/**
 * @template T
 * @param {() => Promise<T>} use
 * @returns {Promise<T>}
 */
async function withTypedErrors(use) {
  try {
    return await use();
  } catch (error) {
    if (error instanceof CountersealError) throw error;
    if (nameOf(error) === "VersionError") throw new Refused("store_outdated", "used by a newer version");
    throw new StoreFailed(error);
  }
}

/** @param {unknown} error */
const nameOf = (error) => (error instanceof Error ? error.name : "");

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
const resultOf = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/**
 * Return what *work* returns once the transaction is complete; if it fails, nothing of it is stored.
 *
 * @template T
 * @param {IDBTransaction} transaction
 * @param {(open: (name: Collection) => IDBObjectStore) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function resultIn(transaction, work) {
  const completion = completionOf(transaction);
  try {
    const [result] = await Promise.all([work((name) => transaction.objectStore(name)), completion]);
    return result;
  } catch (error) {
    // A record that cannot be cloned throws, which ends no transaction; other errors have ended it.
    try {
      transaction.abort();
    } catch {
      // It has ended.
    }
    await completion.catch(() => undefined);
    throw error;
  }
}

/**
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
const completionOf = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException("", "AbortError"));
  });
