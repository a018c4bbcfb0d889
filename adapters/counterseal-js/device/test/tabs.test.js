// Two tabs of one wallet: two wallets with one store, where the service answers one late.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { writeLink } from "../../wire/link.js";
import { deviceOnlyKeys, memoryStore, Wallet } from "../index.js";
import { programLocks, systemLocks } from "../locks.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "./fake_service.js";

let service;
let store;
let first;
let second;

const open = async (more = {}) => {
  const strongKeys = [deviceOnlyKeys()];
  const [account] = await new Wallet({ store, strongKeys, ...service.world, ...more }).accounts();
  return account;
};

beforeEach(async () => {
  service = await FakeService.make();
  store = memoryStore();
  const wallet = new Wallet({ store, strongKeys: [deviceOnlyKeys()], ...service.world });
  const { token } = service;
  const link = writeLink({ token, appSpace: NAMES.appSpace, appSpaceName: "Bank" });
  first = await wallet.bind({ url: URL_OF_SERVICE, link });
  second = await open();
});

/** Hold the reply to the next call, until what is returned is called. */
function hold() {
  const { promise: sent, resolve: noticed } = Promise.withResolvers();
  const { promise: released, resolve: release } = Promise.withResolvers();
  service.script = [
    (reply) => {
      noticed();
      return released.then(() => reply);
    },
  ];
  return { sent, release };
}

async function shownAt(account) {
  const [request] = await account.pending();
  return account.show(request.guid);
}

const press = async (account) => account.answer(await shownAt(account), { button: 0 });

test("while one tab replaces keys, another calls with the old ones, and then with the new", async () => {
  const { sent, release } = hold();
  const rotated = first.rotate();
  await sent;
  const listed = second.pending();
  const renamed = second.rename("The phone");
  release();
  await rotated;
  assert.equal((await listed).length, 1);
  await renamed;
  const third = await open();
  assert.equal(third.name, "The phone");
  assert.equal((await press(third)).approved, true);
});

test("what was read before keys are replaced does not undo it", async () => {
  const strongKeys = [deviceOnlyKeys()];
  const wallet = new Wallet({ store, strongKeys, ...service.world });
  const [account] = await wallet.accounts();
  const before = await store.list("accounts");
  const list = store.list;
  const { sent, release } = hold();
  const rotated = account.rotate();
  await sent;
  store.list = async () => before;
  await wallet.accounts();
  store.list = list;
  release();
  await rotated;
  const [{ record }] = await store.list("accounts");
  assert.deepEqual([record.rotation, record.rotations], [null, 1]);
  assert.equal((await press(account)).approved, true);
});

test("two tabs replace keys: one does, and neither loses any", async () => {
  const rotations = await Promise.allSettled([first.rotate(), second.rotate()]);
  const states = rotations.map(({ status }) => status).sort();
  assert.deepEqual(states, ["fulfilled", "rejected"]);
  const { reason } = rotations.find(({ status }) => status === "rejected");
  assert.equal(reason.code, "changed_elsewhere");
  await second.rotate();
  assert.equal((await press(first)).approved, true);
});

test("an answer that old keys signed is not sent, and the next one is by the new keys", async () => {
  const shown = await shownAt(second);
  await first.rotate();
  service.requests = [];
  const changed = { code: "changed_elsewhere" };
  await assert.rejects(second.answer(shown, { button: 0 }), changed);
  assert.deepEqual(service.requests, []);
  assert.equal((await second.answer(shown, { button: 0 })).approved, true);
});

test("an answer waits for that of another tab, and is refused by the service", async () => {
  const one = await shownAt(first);
  const other = await shownAt(second);
  const { sent, release } = hold();
  const approved = first.answer(one, { button: 0 });
  await sent;
  const declined = second.answer(other, { button: 1 });
  service.requests = [];
  release();
  assert.equal((await approved).approved, true);
  await assert.rejects(declined, { problem: "wrong_state" });
  assert.equal(service.requests.length, 1);
  assert.equal((await second.history()).length, 1);
});

test("two tabs keep receipts of one chain", async () => {
  await press(first);
  service.reopen();
  await press(second);
  const [{ record }] = await store.list("accounts");
  assert.deepEqual([record.last.number, (await first.history()).length], [2, 2]);
});

test("an account that another tab has removed does not come back", async () => {
  const renamed = hold();
  const change = second.rename("The phone");
  await renamed.sent;
  await first.unbind();
  renamed.release();
  await assert.rejects(change, { code: "account_removed" });
  await assert.rejects(second.pending(), { code: "account_removed" });
  assert.deepEqual(await store.list("accounts"), []);
});

test("a lost rotation is resolved by one tab, while the other waits", async () => {
  service.script = ["lost", "lost"];
  await assert.rejects(first.rotate(), { code: "reply_lost" });
  const third = await open();
  const lists = await Promise.all([second.pending(), third.pending()]);
  assert.deepEqual(lists.map(({ length }) => length), [1, 1]);
  assert.equal((await press(third)).approved, true);
  const [{ record }] = await store.list("accounts");
  assert.deepEqual([record.rotation, record.rotations], [null, 1]);
});

for (const [name, locks] of [["of this program", programLocks()], ["of the system", systemLocks()]]) {
  test(`locks ${name} let one after another, also after a failure`, async () => {
    const steps = [];
    const work = (step) => async () => {
      steps.push(`${step} begins`);
      await Promise.resolve();
      steps.push(`${step} ends`);
      if (step === 1) throw new TypeError();
      return step;
    };
    const all = [1, 2, 3].map((step) => locks.request("one", work(step)));
    const other = locks.request("other", async () => steps.push("other"));
    const results = await Promise.allSettled(all);
    await other;
    assert.deepEqual(results.slice(1).map(({ value }) => value), [2, 3]);
    assert.equal(results[0].reason instanceof TypeError, true);
    const expected = [1, 2, 3].flatMap((step) => [`${step} begins`, `${step} ends`]);
    assert.deepEqual(steps.filter((step) => step !== "other"), expected);
  });
}
