// A store in the browser's own IndexedDB: versions, other tabs, and databases that go away.

import { indexedDbStore } from "../../device/index.js";

const RECORD = { collection: "accounts", id: "a", record: { version: 1 } };

/** Open a database, and return it once that is done. */
function open(name, version, upgrade = () => undefined) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(name, version);
    opening.onupgradeneeded = () => upgrade(opening.result);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

const codeOf = (call) => call.then(() => "done", ({ code, cause }) => [code, cause?.name]);

/** Open what an older version has stored. */
export async function tryMigration() {
  const older = await open("migrated", 1, (database) => {
    database.createObjectStore("accounts").put(RECORD.record, "a");
    database.createObjectStore("history");
  });
  const { promise: blocked, resolve: onBlocked } = Promise.withResolvers();
  const opening = indexedDbStore({ name: "migrated", onBlocked });
  await blocked;
  older.close();
  const store = await opening;
  return { accounts: await store.list("accounts"), binds: await store.list("binds") };
}

/** Let a newer version open it. */
export async function tryNewerVersion() {
  const store = await indexedDbStore({ name: "newer" });
  await store.commit([RECORD]);
  let outdatedCalls = 0;
  store.onOutdated(() => {
    outdatedCalls += 1;
  });
  (await open("newer", 99)).close();
  return { outdatedCalls, code: await codeOf(store.get("accounts", "a")) };
}

/** Delete it, as a browser does with the data of a site. */
export async function tryDeletion() {
  const store = await indexedDbStore({ name: "deleted" });
  await store.commit([RECORD]);
  await new Promise((resolve, reject) => {
    const deleting = indexedDB.deleteDatabase("deleted");
    deleting.onsuccess = resolve;
    deleting.onerror = reject;
  });
  const before = await store.list("accounts");
  await store.commit([RECORD]);
  const after = await store.list("accounts");
  return [before.length, after.length];
}

/** Commit two records of which the second cannot be stored. */
export async function tryCommit() {
  const store = await indexedDbStore({ name: "committed" });
  const second = { collection: "history", id: "b", record: { call: () => undefined } };
  const code = await codeOf(store.commit([RECORD, second]));
  return { code, accounts: await store.list("accounts") };
}
