// A refusal that is signed before it is sent: of two signed texts one leaves.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { writeLink } from "../../wire/link.js";
import { deviceOnlyKeys, memoryStore, Wallet } from "../index.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "./fake_service.js";

const REFUSES = 1;

let service;
let account;
let request;

beforeEach(async () => {
  service = await FakeService.make();
  const wallet = new Wallet({ store: memoryStore(), strongKeys: [deviceOnlyKeys()], ...service.world });
  const { token } = service;
  const link = writeLink({ token, appSpace: NAMES.appSpace, appSpaceName: "Bank" });
  account = await wallet.bind({ url: URL_OF_SERVICE, link });
  const [{ guid }] = await account.pending();
  request = await account.show(guid);
  service.requests = [];
});

/** The bodies that were sent, each once. */
const sent = () => [...new Set(service.requests.map(({ body }) => body))];

test("nothing is sent before, and what is sent at once is what `answer` sends again", async () => {
  const sendAtOnce = await account.prepareRefusal(request, { button: REFUSES });
  assert.deepEqual(service.requests, []);
  assert.equal(sendAtOnce(), true);
  assert.equal(account.isUnconfirmed(request), true);
  assert.equal(sendAtOnce(), false);
  const outcome = await account.answer(request, { button: REFUSES });
  assert.deepEqual([outcome.state, outcome.approved], ["ANSWERED", false]);
  assert.equal(sent().length, 1);
  assert.equal(service.requests.length, 2);
});

test("the call that is made at once outlives the page", async () => {
  const sendAtOnce = await account.prepareRefusal(request, { button: REFUSES });
  sendAtOnce();
  await account.answer(request, { button: REFUSES, reason: undefined });
  assert.deepEqual(service.requests.map(({ keepalive }) => keepalive), [true, true]);
});

test("what had no reply is sent again with its reason, after the request was shown again", async () => {
  service.script = ["lost", "lost", "lost"];
  await assert.rejects(account.disown(request, { reason: "pressured" }), { code: "reply_lost" });
  const again = await account.show(request.guid);
  assert.deepEqual(account.unconfirmed(again), { approves: false, button: null });
  const outcome = await account.sendAgain(again);
  assert.equal(outcome.state, "DISOWNED");
  assert.equal(sent().filter(Boolean).length, 1);
  assert.equal(account.unconfirmed(again), null);
  await assert.rejects(account.sendAgain(again), { code: "client_unfit" });
});

test("a refusal that could not be sent at once keeps the person from no other answer", async () => {
  const sendAtOnce = await account.prepareRefusal(request, { button: REFUSES });
  service.script = ["unreached", "unreached"];
  assert.equal(sendAtOnce(), true);
  await assert.rejects(account.answer(request, { button: REFUSES }), { code: "not_sent" });
  assert.equal(account.unconfirmed(request), null);
  assert.equal((await account.answer(request, { button: 0 })).approved, true);
});

test("after another choice was sent, the prepared one never is", async () => {
  const sendAtOnce = await account.prepareRefusal(request, { button: REFUSES });
  service.script = ["lost", "lost", "lost"];
  await assert.rejects(account.answer(request, { button: REFUSES, reason: "pressured" }), { code: "reply_lost" });
  assert.equal(sendAtOnce(), false);
  assert.equal(sent().length, 1);
});

test("after the prepared one was sent, another choice is refused", async () => {
  const sendAtOnce = await account.prepareRefusal(request, { button: REFUSES });
  assert.equal(sendAtOnce(), true);
  await assert.rejects(account.answer(request, { button: REFUSES, reason: "other" }), { code: "answer_unconfirmed" });
  await assert.rejects(account.disown(request), { code: "answer_unconfirmed" });
  assert.equal((await account.answer(request, { button: REFUSES })).approved, false);
  assert.equal(sent().length, 1);
});

test("a refusal of replaced keys is not sent", async () => {
  const sendAtOnce = await account.prepareRefusal(request, { button: REFUSES });
  await account.rotate();
  service.requests = [];
  assert.equal(sendAtOnce(), false);
  assert.deepEqual(service.requests, []);
});

test("only a refusal of the device key is prepared", async () => {
  const approves = request.display.buttons.findIndex((button) => button.approves);
  for (const button of [approves, 99]) {
    await assert.rejects(account.prepareRefusal(request, { button }), { field: "button" });
  }
});
