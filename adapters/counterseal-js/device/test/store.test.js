// A store that lasts: connections that close, versions that change, records that cannot be read.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { writeLink } from "../../wire/link.js";
import { deviceOnlyKeys, indexedDbStore, memoryStore, Wallet } from "../index.js";
import { FakeIndexedDb } from "./fake_indexed_db.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "./fake_service.js";

const FIRST = { collection: "accounts", id: "a", record: { version: 1 } };
const SECOND = { collection: "history", id: "b", record: { version: 1 } };

let factory;

beforeEach(() => {
  factory = new FakeIndexedDb();
});

for (const event of [true, false]) {
  test(`a connection that the browser closes is opened again (${event ? "with" : "without"} its event)`, async () => {
    const store = await indexedDbStore({ factory });
    await store.commit([FIRST, SECOND]);
    factory.crash({ event });
    assert.deepEqual(await store.get("accounts", "a"), FIRST.record);
    factory.crash({ event });
    await store.commit([{ collection: "accounts", id: "a" }]);
    assert.deepEqual(await store.list("accounts"), []);
    assert.deepEqual(await store.list("history"), [{ id: "b", record: SECOND.record }]);
    assert.equal(factory.opens, 3);
  });
}

test("a connection that closes again at once is a failure, which the next use may not meet", async () => {
  const store = await indexedDbStore({ factory });
  const { open } = factory;
  factory.open = function openAndClose(...how) {
    const opening = open.apply(this, how);
    queueMicrotask(() => {
      const { onsuccess } = opening;
      opening.onsuccess = () => {
        onsuccess();
        factory.crash({ event: false });
      };
    });
    return opening;
  };
  factory.crash({ event: false });
  const refusal = { code: "store_failed", name: "StoreFailed" };
  await assert.rejects(store.get("accounts", "a"), refusal);
  factory.open = open;
  assert.equal(await store.get("accounts", "a"), undefined);
});

test("a commit is whole or not at all, and its error is the cause", async () => {
  const store = await indexedDbStore({ factory });
  factory.failures = [new DOMException("", "QuotaExceededError")];
  await assert.rejects(store.commit([FIRST, SECOND]), (error) => {
    assert.equal(error.code, "store_failed");
    assert.equal(error.cause.name, "QuotaExceededError");
    return true;
  });
  for (const collection of ["accounts", "history"]) assert.deepEqual(await store.list(collection), []);
  const unclonable = { ...SECOND, record: { call: () => undefined } };
  for (const each of [store, memoryStore()]) {
    await assert.rejects(each.commit([FIRST, unclonable]));
    assert.deepEqual(await each.list("accounts"), []);
  }
});

test("each version adds what the one before lacks, and a newer one is not opened", async () => {
  const collections = new Map([
    ["accounts", new Map([["a", FIRST.record]])],
    ["history", new Map()],
  ]);
  factory.databases.set("counterseal", { version: 1, collections });
  const store = await indexedDbStore({ factory });
  assert.deepEqual(await store.get("accounts", "a"), FIRST.record);
  assert.deepEqual(await store.list("binds"), []);
  factory.databases.get("counterseal").version = 99;
  await assert.rejects(indexedDbStore({ factory }), { code: "store_outdated" });
});

test("a newer version in another tab is an event, and keeps this one from the store", async () => {
  const store = await indexedDbStore({ factory });
  const changes = [];
  const wallet = new Wallet({ store, strongKeys: [deviceOnlyKeys()] });
  wallet.addEventListener("change", ({ detail }) => changes.push(detail));
  const { promise: opened, resolve } = Promise.withResolvers();
  const opening = factory.open("counterseal", 99);
  opening.onsuccess = resolve;
  await opened;
  assert.deepEqual(changes, [{ type: "outdated" }]);
  await assert.rejects(wallet.accounts(), { code: "store_outdated" });
});

test("an older version that stays open in another tab is an event, until it closes", async () => {
  const older = factory.open("counterseal", 1);
  const { promise: opened, resolve } = Promise.withResolvers();
  older.onupgradeneeded = () => {
    for (const name of ["accounts", "history"]) older.result.createObjectStore(name);
  };
  older.onsuccess = resolve;
  await opened;
  const { promise: blocked, resolve: onBlocked } = Promise.withResolvers();
  const opening = indexedDbStore({ factory, onBlocked });
  await blocked;
  older.result.close();
  factory.unblock();
  assert.deepEqual(await (await opening).list("binds"), []);
});

test("an account that cannot be read is listed as such, and hides no other", async () => {
  const service = await FakeService.make();
  const store = memoryStore();
  const wallet = new Wallet({ store, strongKeys: [deviceOnlyKeys()], ...service.world });
  const { token } = service;
  const link = writeLink({ token, appSpace: NAMES.appSpace, appSpaceName: "Bank" });
  const account = await wallet.bind({ url: URL_OF_SERVICE, link });
  const [{ record }] = await store.list("accounts");
  const others = { newer: { ...record, version: 2 }, damaged: { ...record, deviceKey: undefined } };
  for (const [id, other] of Object.entries(others)) {
    await store.commit([{ collection: "accounts", id, record: other }]);
  }
  assert.deepEqual(await wallet.accounts(), [account]);
  const unreadable = await wallet.unreadableAccounts();
  assert.deepEqual(
    unreadable.map(({ device, error }) => [device, error.code]),
    [
      ["damaged", "invalid_field"],
      ["newer", "invalid_field"],
    ],
  );
  await assert.rejects(wallet.account("newer"), { code: "invalid_field" });
  await wallet.forget("newer");
  assert.equal((await wallet.unreadableAccounts()).length, 1);
});
