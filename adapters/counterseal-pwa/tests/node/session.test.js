// The session, where the browser lacks something, or the store fails.

import assert from "node:assert/strict";
import { test } from "node:test";
import { collectRejections, installBrowser, settle, until } from "./fake_browser.js";

const browser = installBrowser();
const rejections = collectRejections();
await import("./words.js");
const { Session } = await import("../../src/counterseal_pwa/static/session.js");
const { Notifications } = await import("../../src/counterseal_pwa/static/notifications.js");

const REQUESTS = [{ guid: "r", issuedAt: "", expiresAt: "" }];
const pushManager = { getSubscription: async () => null };
const none = Promise.resolve(undefined);

/** A wallet of the accounts that a test says. */
class FakeWallet extends EventTarget {
  list = [];
  accounts = async () => this.list;
  resume = async () => undefined;
  change(type, device = "d") {
    this.dispatchEvent(new CustomEvent("change", { detail: { type, device } }));
  }
}

/** An account whose list is open until it is aborted. */
class FakeAccount {
  device = "d";
  state = "ACTIVE";
  watched = 0;
  status = async () => ({});
  newDevices = async () => [];
  async *watch({ signal }) {
    this.watched += 1;
    yield REQUESTS;
    await new Promise((resolve) => {
      signal.addEventListener("abort", resolve);
    });
  }
}

for (const [how, registration] of [
  ["lacks `getNotifications`", {}],
  ["rejects it", { getNotifications: () => Promise.reject(new TypeError("not here")) }],
]) {
  test(`a browser that ${how} keeps its list`, async () => {
    browser.navigator.serviceWorker = { getRegistration: async () => registration };
    const wallet = new FakeWallet();
    wallet.list = [new FakeAccount()];
    const session = new Session(wallet, none);
    await session.start();
    await until(() => session.lists.requestsOf("d"), "the list is there");
    await settle();
    assert.deepEqual(session.lists.requestsOf("d"), REQUESTS);
    assert.equal(session.lists.problemOf("d"), undefined);
    assert.deepEqual(rejections, []);
  });
}

test("an account is watched again after its watch and the store have failed", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const wallet = new FakeWallet();
  const account = new FakeAccount();
  wallet.list = [account];
  const { watch } = account;
  const next = () => Promise.reject(new Error("the watch fails"));
  account.watch = () => ({ [Symbol.asyncIterator]: () => ({ next }) });
  const session = new Session(wallet, none);
  await session.start();
  await until(() => session.lists.problemOf("d"), "the watch has failed");
  wallet.accounts = async () => {
    throw new DOMException("", "InvalidStateError");
  };
  await settle();
  context.mock.timers.tick(60_000);
  await settle();
  assert.deepEqual(rejections, []);
  account.watch = watch;
  wallet.accounts = async () => wallet.list;
  for (let count = 0; count < 3; count += 1) {
    await settle();
    context.mock.timers.tick(60_000);
  }
  await until(() => session.lists.requestsOf("d"), "the list is there again");
});

test("a revoked account does not keep notifications on", async () => {
  const addresses = [];
  const refused = Object.assign(new Error("revoked"), { name: "ServiceRefused" });
  const revoked = {
    device: "a",
    state: "REVOKED",
    setAddresses: async () => {
      throw refused;
    },
  };
  const active = { device: "b", state: "ACTIVE", setAddresses: async (list) => addresses.push(list) };
  const wallet = new FakeWallet();
  wallet.list = [revoked, active];
  await new Notifications(wallet, Promise.resolve({ pushManager })).turnOff();
  assert.deepEqual(addresses, [[]]);
});

test("nobody is offered notifications before the service has said that it sends any", async () => {
  browser.window.Notification = { permission: "default" };
  globalThis.Notification = browser.window.Notification;
  let isReached = false;
  let webPushKey = null;
  const status = async () => {
    if (!isReached) throw new TypeError("not reached");
    return { addresses: 0, webPushKey };
  };
  const wallet = new FakeWallet();
  wallet.list = [{ device: "a", state: "ACTIVE", status }];
  const states = [];
  for (const key of [null, "AAAA"]) {
    const notifications = new Notifications(wallet, Promise.resolve({ pushManager }));
    isReached = false;
    states.push(await notifications.state());
    isReached = true;
    webPushKey = key;
    states.push(await notifications.state());
  }
  assert.deepEqual(states, ["unknown", "unserved", "unknown", "off"]);
});

test("what is noted of the subscription may be damaged, and one account refused", async () => {
  const endpoint = "https://push.example/1";
  const subscription = { endpoint, options: {}, unsubscribe: async () => undefined };
  browser.window.Notification = { permission: "granted" };
  globalThis.Notification = browser.window.Notification;
  localStorage.setItem("push", "no JSON");
  const told = [];
  const accountOf = (device, setAddresses) => ({
    device,
    state: "ACTIVE",
    status: async () => ({ addresses: 0, webPushKey: "AAAA" }),
    setAddresses,
  });
  const refuse = async () => {
    throw new TypeError("refused");
  };
  const wallet = new FakeWallet();
  wallet.list = [accountOf("a", refuse), accountOf("b", async () => told.push("b"))];
  const manager = { getSubscription: async () => null, subscribe: async () => subscription };
  const notifications = new Notifications(wallet, Promise.resolve({ pushManager: manager }));
  await assert.rejects(notifications.refresh(), /refused/);
  assert.deepEqual(told, ["b"]);
  assert.deepEqual(JSON.parse(localStorage.getItem("push")), { b: endpoint });
});
