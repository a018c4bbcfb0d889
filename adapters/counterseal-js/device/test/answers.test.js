// What an answer comes to where the store fails, or where a second press meets the first.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { writeLink } from "../../wire/link.js";
import { deviceOnlyKeys, memoryStore, Wallet } from "../index.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "./fake_service.js";

let service;
let store;
let isFull;
let wallet;
let account;

/** A store in memory that takes no history while it is full. */
function fillingStore() {
  const inner = memoryStore();
  return {
    ...inner,
    commit: async (changes) => {
      const isRefused = isFull && changes.some(({ collection }) => collection === "history");
      if (isRefused) throw new DOMException("", "QuotaExceededError");
      await inner.commit(changes);
    },
  };
}

beforeEach(async () => {
  isFull = false;
  service = await FakeService.make();
  store = fillingStore();
  wallet = new Wallet({ store, strongKeys: [deviceOnlyKeys()], ...service.world });
  const { token } = service;
  const link = writeLink({ token, appSpace: NAMES.appSpace, appSpaceName: "Bank" });
  account = await wallet.bind({ url: URL_OF_SERVICE, link });
});

async function shown() {
  const [request] = await account.pending();
  return account.show(request.guid);
}

for (const [act, choice] of [
  ["answer", { button: 0 }],
  ["disown", {}],
]) {
  test(`what the service has accepted is the outcome where the store is full: ${act}`, async () => {
    const request = await shown();
    const changes = [];
    wallet.addEventListener("change", ({ detail }) => changes.push(detail.type));
    isFull = true;
    const outcome = await account[act](request, choice);
    assert.equal(outcome.kept, false);
    assert.equal(outcome.state, act === "answer" ? "ANSWERED" : "DISOWNED");
    assert.equal(outcome.receipt.number, 1);
    assert.equal((await account.history())[0].hash, outcome.receipt.hash);
    // The second press is the same answer, and sends none.
    service.requests = [];
    assert.deepEqual(await account[act](request, choice), outcome);
    assert.deepEqual(service.requests, []);
    isFull = false;
    const again = await account[act](request, choice);
    assert.deepEqual(again, { ...outcome, kept: true });
    assert.deepEqual(changes, ["answered", "kept"]);
  });
}

test("a receipt that the store did not take is stored with the next list of requests", async () => {
  const request = await shown();
  isFull = true;
  const { receipt } = await account.answer(request, { button: 0 });
  service.reopen();
  const second = await account.answer(await shown(), { button: 1 });
  assert.deepEqual([second.kept, second.receipt.previous], [false, receipt.hash]);
  isFull = false;
  const { promise: stored, resolve } = Promise.withResolvers();
  wallet.addEventListener("change", ({ detail }) => detail.type === "kept" && resolve());
  await account.pending();
  await stored;
  const [{ record }] = await store.list("accounts");
  const numbers = (await store.list("history")).map(({ record: { number } }) => number);
  assert.deepEqual([numbers, record.last.number], [[1, 2], 2]);
});

test("the second press of an answer that was accepted, but not stored, is never another answer", async () => {
  const request = await shown();
  isFull = true;
  await account.answer(request, { button: 0 });
  service.requests = [];
  await assert.rejects(account.answer(request, { button: 1 }), { code: "already_answered" });
  await assert.rejects(account.disown(request), { code: "already_answered" });
  assert.deepEqual(service.requests, []);
});

/** Tell which of the results are as those of the first press that was sent, whichever it was. */
const isSame = (buttons, sent) => buttons.map((button) => button === sent);

test("of presses at once, one is sent, and the others get its outcome or are refused", async () => {
  const request = await shown();
  service.requests = [];
  const buttons = [0, 0, 1];
  const results = await Promise.allSettled(buttons.map((button) => account.answer(request, { button })));
  const { value } = results.find(({ status }) => status === "fulfilled");
  for (const [index, same] of isSame(buttons, value.approved ? 0 : 1).entries()) {
    if (same) assert.deepEqual(results[index].value, value);
    else assert.equal(results[index].reason.code, "already_answered");
  }
  assert.equal(service.requests.length, 1);
});

test("of presses at once whose replies are lost, one answer is sent, to the byte", async () => {
  const request = await shown();
  service.requests = [];
  service.script = Array(6).fill("lost");
  const buttons = [0, 1, 0];
  const results = await Promise.allSettled(buttons.map((button) => account.answer(request, { button })));
  const codes = results.map(({ reason }) => reason.code);
  const sent = codes[1] === "reply_lost" ? 1 : 0;
  for (const [index, same] of isSame(buttons, sent).entries()) {
    assert.equal(codes[index], same ? "reply_lost" : "answer_unconfirmed");
  }
  const bodies = new Set(service.requests.map(({ body }) => body));
  assert.equal(bodies.size, 1);
  service.script = [];
  const outcome = await account.answer(request, { button: sent });
  assert.equal(outcome.approved, sent === 0);
});

test("a refusal that says nothing of the answer leaves the one whose reply was lost", async () => {
  const request = await shown();
  const busy = () => Response.json({ code: "too_often" }, { status: 429 });
  service.script = ["lost", busy];
  await assert.rejects(account.answer(request, { button: 0 }), { problem: "too_often" });
  await assert.rejects(account.answer(request, { button: 1 }), { code: "answer_unconfirmed" });
  assert.equal((await account.answer(request, { button: 0 })).approved, true);
});

test("an answer that was never sent keeps the person from no other", async () => {
  const request = await shown();
  service.script = ["unreached"];
  await assert.rejects(account.answer(request, { button: 0 }), { code: "not_sent" });
  assert.equal((await account.answer(request, { button: 1 })).approved, false);
});

test("a state that cannot be stored does not undo an answer", async () => {
  const request = await shown();
  service.state = "SUSPENDED";
  await assert.rejects(account.pending(), { reason: "suspended" });
  service.state = "ACTIVE";
  const { commit } = store;
  store.commit = async () => Promise.reject(new DOMException("", "UnknownError"));
  const { kept, approved } = await account.answer(request, { button: 0 });
  assert.deepEqual([kept, approved], [false, true]);
  store.commit = commit;
  assert.equal((await account.answer(request, { button: 0 })).kept, true);
});

test("what is known of a request ends with it", async () => {
  const { guid } = await shown();
  service.open = false;
  await account.pending();
  service.display.content.text = "Pay more?";
  // Another text is refused only as long as the request is open.
  assert.equal((await account.show(guid)).display.content.text, "Pay more?");
  service.display.content.text = "Pay less?";
  await assert.rejects(account.show(guid), { code: "display_changed" });
  service.now = Date.parse(service.display.expiresAt) + 1;
  assert.equal((await account.show(guid)).display.content.text, "Pay less?");
});

test("a request that is shown again once it is answered is the same, whatever the clock says", async () => {
  const request = await shown();
  const outcome = await account.answer(request, { button: 0 });
  await account.pending();
  service.ahead = 86_400_000;
  const again = await account.show(request.guid);
  service.ahead = 0;
  service.requests = [];
  assert.deepEqual(await account.answer(again, { button: 0 }), outcome);
  await assert.rejects(account.disown(again), { code: "already_answered" });
  assert.deepEqual(service.requests, []);
});
