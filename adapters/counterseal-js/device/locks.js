/** Locks: they keep two tabs, or two calls, from changing one account at the same time. */

/**
 * Runs work alone among all that asks for a lock of the same name.
 *
 * @typedef {object} Locks
 * @property {<T>(name: string, work: () => Promise<T>) => Promise<T>} request
 */

/**
 * Return locks within this program only.
 *
 * @returns {Locks}
 */
export function programLocks() {
  /** @type {Map<string, Promise<unknown>>} The end of what was asked for last, by name. */
  const ends = new Map();
  return {
    async request(name, work) {
      const result = (ends.get(name) ?? Promise.resolve()).then(work);
      const end = result.then(
        () => undefined,
        () => undefined,
      );
      ends.set(name, end);
      try {
        return await result;
      } finally {
        if (ends.get(name) === end) ends.delete(name);
      }
    },
  };
}

const ofThisProgram = programLocks();

/**
 * Return the Web Locks of the browser, which all tabs of one web origin share; where there are
 * none, locks within this program.
 *
 * Node's are of one process, whichever of the two it has: two processes need a store each.
 *
 * @returns {Locks}
 */
export function systemLocks() {
  const shared = globalThis.navigator?.locks;
  if (!shared) return ofThisProgram;
  return { request: (name, work) => shared.request(name, work) };
}
