// IndexedDB as far as a store uses it: versions, transactions in turn, and connections that close.

const later = (work) => queueMicrotask(() => queueMicrotask(work));

function request(work) {
  const made = {};
  later(() => {
    try {
      made.result = work(made);
      made.onsuccess?.();
    } catch (error) {
      made.error = error;
      made.onerror?.();
    }
  });
  return made;
}

globalThis.IDBKeyRange ??= { bound: (lower, upper) => ({ lower, upper }) };

class FakeConnection {
  constructor(factory, name, stored) {
    Object.assign(this, { factory, name, stored });
  }

  createObjectStore(collection) {
    if (this.stored.collections.has(collection)) throw new DOMException("", "ConstraintError");
    this.stored.collections.set(collection, new Map());
  }

  close() {
    this.factory.connections.delete(this);
  }

  transaction(names, mode) {
    if (!this.factory.connections.has(this)) throw new DOMException("", "InvalidStateError");
    const isRefused = this.factory.isFull && mode === "readwrite";
    const failure = isRefused ? new DOMException("", "QuotaExceededError") : this.factory.failures.shift();
    const before = new Map(names.map((name) => [name, new Map(this.stored.collections.get(name))]));
    let isAborted = false;
    const transaction = {
      error: failure ?? null,
      abort: () => {
        if (isAborted) throw new DOMException("", "InvalidStateError");
        isAborted = true;
      },
    };
    later(() =>
      later(() => {
        const isUndone = failure || isAborted;
        isAborted = true;
        if (isUndone) for (const [name, records] of before) this.stored.collections.set(name, records);
        if (isUndone) transaction.onabort();
        else transaction.oncomplete();
      }),
    );
    const inRange = (records, { lower, upper }) =>
      [...records]
        .filter(([id]) => id >= lower && id <= upper)
        .sort(([one], [other]) => (one < other ? -1 : 1));
    transaction.objectStore = (name) => {
      const records = () => this.stored.collections.get(name);
      return {
        get: (id) => request(() => structuredClone(records().get(id))),
        getAll: (range) => request(() => inRange(records(), range).map(([, record]) => record)),
        getAllKeys: (range) => request(() => inRange(records(), range).map(([id]) => id)),
        put: (record, id) => {
          const copy = structuredClone(record);
          return request(() => records().set(id, copy) && id);
        },
        delete: (id) => request(() => void records().delete(id)),
      };
    };
    return transaction;
  }
}

export class FakeIndexedDb {
  /** By name: the version, and the records of each collection by their ids. */
  databases = new Map();
  /** The connections that are open. */
  connections = new Set();
  opens = 0;
  /** What the next transactions fail with. */
  failures = [];
  /** Whether nothing is stored any more. */
  isFull = false;

  open(name, version) {
    this.opens += 1;
    const opening = {};
    later(() => this.#open(opening, name, version));
    return opening;
  }

  #open(opening, name, version) {
    const stored = this.databases.get(name) ?? { version: 0, collections: new Map() };
    const { version: oldVersion } = stored;
    if (oldVersion > version) {
      opening.error = new DOMException("", "VersionError");
      opening.onerror();
      return;
    }
    if (oldVersion < version) {
      const open = () => [...this.connections].filter((connection) => connection.name === name);
      for (const connection of open()) connection.onversionchange?.({ newVersion: version });
      if (open().length > 0) {
        opening.onblocked?.();
        this.unblock = () => this.#open(opening, name, version);
        return;
      }
    }
    this.databases.set(name, stored);
    const connection = new FakeConnection(this, name, stored);
    opening.result = connection;
    if (oldVersion < version) {
      stored.version = version;
      opening.onupgradeneeded?.({ oldVersion });
    }
    this.connections.add(connection);
    opening.onsuccess();
  }

  /** Close all connections, as a browser does; with *event*, it says so. */
  crash({ event }) {
    for (const connection of this.connections) {
      connection.close();
      if (event) connection.onclose?.();
    }
  }
}
