/**
 * Stores: where a wallet keeps its accounts, keys and history, in memory or in IndexedDB.
 *
 * A store has collections of records, each under a text. Records are structured clones: they may
 * hold CryptoKeys, which IndexedDB keeps without making them extractable.
 */

/** @typedef {"accounts" | "history"} Collection */

/**
 * @typedef {object} Store
 * @property {(collection: Collection, id: string) => Promise<any>} get Undefined if there is none.
 * @property {(collection: Collection, id: string, record: object) => Promise<void>} put
 * @property {(collection: Collection, id: string) => Promise<void>} remove
 * @property {(collection: Collection, prefix?: string) => Promise<any[]>} list Those whose ids
 *   begin with *prefix*, in the order of their ids.
 */

/** @type {readonly Collection[]} */
const COLLECTIONS = ["accounts", "history"];
const VERSION = 1;
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
    put: async (collection, id, record) => {
      records(collection).set(id, structuredClone(record));
    },
    remove: async (collection, id) => {
      records(collection).delete(id);
    },
    list: async (collection, prefix = "") =>
      [...records(collection)]
        .filter(([id]) => id.startsWith(prefix))
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([, record]) => structuredClone(record)),
  };
}

/**
 * Return a store in IndexedDB.
 *
 * A browser may drop it: ask `navigator.storage.persist()`, and tell the person.
 *
 * @param {{name?: string, factory?: IDBFactory}} [how]
 * @returns {Promise<Store>}
 */
export async function indexedDbStore({ name = "counterseal", factory = indexedDB } = {}) {
  const opening = factory.open(name, VERSION);
  opening.onupgradeneeded = () => {
    for (const collection of COLLECTIONS) opening.result.createObjectStore(collection);
  };
  const database = await resultOf(opening);
  // Another tab with a newer version may go on.
  database.onversionchange = () => database.close();

  /**
   * @template T
   * @param {Collection} collection
   * @param {IDBTransactionMode} mode
   * @param {(records: IDBObjectStore) => IDBRequest<T>} begin
   * @returns {Promise<T>}
   */
  async function transact(collection, mode, begin) {
    const transaction = database.transaction(collection, mode, { durability: "strict" });
    const done = completionOf(transaction);
    const [result] = await Promise.all([resultOf(begin(transaction.objectStore(collection))), done]);
    return result;
  }

  return {
    get: (collection, id) => transact(collection, "readonly", (records) => records.get(id)),
    put: async (collection, id, record) => {
      await transact(collection, "readwrite", (records) => records.put(record, id));
    },
    remove: async (collection, id) => {
      await transact(collection, "readwrite", (records) => records.delete(id));
    },
    list: (collection, prefix = "") => {
      const range = IDBKeyRange.bound(prefix, prefix + HIGHEST);
      return transact(collection, "readonly", (records) => records.getAll(range));
    },
  };
}

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
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
const completionOf = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
