// Watches: two connections at most, whatever fails or is held back on its way.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { collectRejections, installBrowser, settle, until } from "./fake_browser.js";
import { FakeAccount, FakeService } from "./fake_wallet.js";

const browser = installBrowser();
const rejections = collectRejections();
await import("./words.js");
const { Lists } = await import("../../src/counterseal_pwa/static/lists.js");
const { Watches } = await import("../../src/counterseal_pwa/static/watches.js");
const { ServiceRefused } = await import("../../../counterseal-js/device/index.js");

const refusal = (reason) => new ServiceRefused({ code: "denied", status: 403, reason });

let service, lists, watches, pauses, accounts;

/** A pause that the test ends. */
const sleep = (milliseconds, signal) =>
  new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const pause = { milliseconds, end: resolve };
    pauses.push(pause);
    signal.addEventListener("abort", () => {
      pauses.splice(pauses.indexOf(pause), 1);
      reject(signal.reason);
    });
  });

/** End all pauses, and let what follows run. */
async function wakeAll() {
  for (const { end } of pauses.splice(0)) end();
  await settle();
}

beforeEach(() => {
  service = new FakeService();
  lists = new Lists();
  pauses = [];
  accounts = new Map();
  watches = new Watches(lists, async () => follow(), { sleep });
});

afterEach(() => {
  watches.stop();
  assert.deepEqual(rejections, []);
});

function add(...devices) {
  for (const device of devices) accounts.set(device, new FakeAccount(service, device));
}

const follow = () => watches.follow([...accounts.values()]);
const guidsOf = (device) => lists.requestsOf(device)?.map(({ guid }) => guid);

test("two accounts have a stream each", async () => {
  add("a", "b");
  follow();
  await settle();
  assert.deepEqual(service.streams, ["a", "b"]);
  service.set("b", "r");
  await settle();
  assert.deepEqual([guidsOf("a"), guidsOf("b")], [[], ["r"]]);
});

for (const count of [3, 7]) {
  test(`${count} accounts share two connections, and a list is ten seconds old at most`, async () => {
    const devices = Array.from({ length: count }, (_, index) => `device-${index}`);
    add(...devices);
    follow();
    await settle();
    assert.deepEqual(service.streams, ["device-0"]);
    assert.deepEqual(pauses.map(({ milliseconds }) => milliseconds), Array(count - 1).fill(10_000));
    for (const device of devices) service.set(device, `request-of-${device}`);
    await wakeAll();
    for (const device of devices) assert.deepEqual(guidsOf(device), [`request-of-${device}`]);
    assert.equal(service.mostOpen, 2);
  });
}

test("an account that was added has the stream, and gives it up when it is removed", async () => {
  add("a", "b");
  follow();
  await settle();
  add("c");
  follow();
  await settle();
  assert.deepEqual(service.streams, ["c"]);
  accounts.delete("c");
  follow();
  await settle();
  assert.deepEqual(service.streams.toSorted(), ["a", "b"]);
  assert.equal(service.mostOpen, 2);
});

test("a refused account gives its stream to another, and is asked again after half a minute", async () => {
  add("a", "b", "c");
  accounts.get("a").failure = refusal("suspended");
  follow();
  await settle();
  assert.deepEqual(service.streams, ["b"]);
  const pause = Math.max(...pauses.map(({ milliseconds }) => milliseconds));
  assert.ok(pause > 10_000 && pause <= 30_000, String(pause));
  assert.match(lists.problemOf("a").text, /suspended|cannot/i);
  accounts.get("a").failure = null;
  await wakeAll();
  assert.deepEqual(guidsOf("a"), []);
  assert.deepEqual(service.streams, ["a"]);
});

test("a revoked account is asked no more, and takes no connection", async () => {
  add("a", "b", "c");
  const revoked = accounts.get("a");
  revoked.failure = refusal("revoked");
  follow();
  revoked.state = "REVOKED";
  await settle();
  assert.deepEqual(service.streams.toSorted(), ["b", "c"]);
  const { length } = revoked.calls;
  await wakeAll();
  follow();
  await settle();
  assert.equal(revoked.calls.length, length);
});

test("an account that was confirmed is asked at once", async () => {
  add("a");
  const account = accounts.get("a");
  account.failure = refusal("unconfirmed");
  follow();
  await settle();
  assert.equal(pauses.length, 1);
  account.failure = null;
  watches.wake("a");
  await settle();
  assert.deepEqual(guidsOf("a"), []);
});

test("pauses after failures grow to a minute, and end when the page is shown or online", async () => {
  add("a");
  accounts.get("a").failure = new TypeError("fails");
  follow();
  const lengths = [];
  for (let count = 0; count < 8; count += 1) {
    await settle();
    assert.equal(pauses.length, 1);
    lengths.push(pauses[0].milliseconds);
    await wakeAll();
  }
  assert.ok(lengths[0] >= 5000 && lengths[0] <= 10_000, String(lengths));
  assert.ok(lengths.every((length) => length <= 60_000), String(lengths));
  assert.ok(lengths.at(-1) >= 30_000, String(lengths));
  const { calls } = accounts.get("a");
  for (const look of [() => browser.document.show(true), () => browser.window.dispatchEvent(new Event("online"))]) {
    const { length } = calls;
    look();
    await settle();
    assert.ok(calls.length > length);
  }
});

test("a stream that is held back is replaced by calls that wait", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  add("a", "b");
  for (const device of ["a", "b"]) service.heldBack.add(device);
  service.set("a", "r1");
  follow();
  await settle();
  assert.equal(guidsOf("a"), undefined);
  context.mock.timers.tick(5000);
  await until(() => guidsOf("a") && guidsOf("b"), "both lists are there");
  assert.deepEqual(guidsOf("a"), ["r1"]);
  service.set("a", "r1", "r2");
  await settle();
  assert.deepEqual(guidsOf("a"), ["r1", "r2"]);
  assert.deepEqual(accounts.get("a").calls, ["watch", "pending", "wait", "wait"]);
  assert.deepEqual([service.streams, service.mostOpen], [[], 2]);
});

test("a stream is tried again where the service was not there", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  add("a");
  const account = accounts.get("a");
  service.heldBack.add("a");
  follow();
  await settle();
  account.failure = new TypeError("fails");
  context.mock.timers.tick(5000);
  await until(() => lists.problemOf("a"), "the call has failed");
  account.failure = null;
  service.heldBack.clear();
  await wakeAll();
  assert.deepEqual(account.calls, ["watch", "pending", "watch"]);
  assert.deepEqual(guidsOf("a"), []);
});
