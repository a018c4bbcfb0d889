// Tabs: one leads, the others hear, and what changes in one is in all.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { collectRejections, installBrowser, settle, until } from "./fake_browser.js";
import { FakeChannel, FakeLocks } from "./fake_tabs.js";
import { FakeAccount, FakeService, FakeWallet } from "./fake_wallet.js";

const browser = installBrowser();
const rejections = collectRejections();
await import("./words.js");
const { Session } = await import("../../src/counterseal_pwa/static/session.js");

let locks, channel, service, store, tabs;

beforeEach(() => {
  locks = new FakeLocks();
  channel = new FakeChannel();
  service = new FakeService();
  store = new Map();
  tabs = [];
  browser.document.hidden = false;
});

afterEach(async () => {
  for (const tab of tabs) tab.close();
  await settle();
  assert.deepEqual(rejections, []);
});

const add = (device) => store.set(device, new FakeAccount(service, device));

/** Open a tab of the app; `close` ends it as a browser does. */
async function openTab() {
  const wallet = new FakeWallet(store);
  const ownLocks = locks.open();
  const ownChannel = channel.open();
  const session = new Session(wallet, Promise.resolve(undefined), { locks: ownLocks, channel: ownChannel });
  await session.start();
  await settle();
  const tab = {
    session,
    wallet,
    channel: ownChannel,
    isLeading: () => ownLocks.has(),
    close() {
      ownChannel.close();
      ownLocks.close();
    },
  };
  tabs.push(tab);
  return tab;
}

const guidsOf = ({ session }, device) => session.lists.requestsOf(device)?.map(({ guid }) => guid);
const leaders = () => tabs.filter(({ isLeading }) => isLeading()).length;

test("one tab has the streams, and all have the lists", async () => {
  add("a");
  add("b");
  for (let count = 0; count < 3; count += 1) await openTab();
  assert.deepEqual([leaders(), service.streams], [1, ["a", "b"]]);
  service.set("a", "r");
  await settle();
  for (const tab of tabs) assert.deepEqual([guidsOf(tab, "a"), guidsOf(tab, "b")], [["r"], []]);
  assert.equal(service.mostOpen, 2);
});

test("when the tab that leads closes, another one leads", async () => {
  add("a");
  const first = await openTab();
  const second = await openTab();
  first.close();
  await settle();
  assert.deepEqual([second.isLeading(), service.streams], [true, ["a"]]);
  service.set("a", "r");
  await settle();
  assert.deepEqual(guidsOf(second, "a"), ["r"]);
});

test("a tab that hears twice at once that the leading one is hidden leads, and goes on", async () => {
  add("a");
  const first = await openTab();
  const second = await openTab();
  const told = { type: "lists", lists: first.session.lists.snapshot(), isHidden: true };
  first.channel.postMessage(told);
  first.channel.postMessage(told);
  await settle();
  assert.deepEqual([second.isLeading(), service.streams], [true, ["a"]]);
  service.set("a", "r");
  await settle();
  assert.deepEqual([guidsOf(first, "a"), guidsOf(second, "a")], [["r"], ["r"]]);
});

test("an account that is added, renamed or removed in one tab is so in the others", async () => {
  add("a");
  const first = await openTab();
  const second = await openTab();
  const devicesOf = ({ session }) => session.accounts.map(({ device }) => device);
  second.wallet.add(new FakeAccount(service, "b"));
  await settle();
  assert.deepEqual([devicesOf(first), devicesOf(second)], [["a", "b"], ["a", "b"]]);
  service.set("b", "r");
  await settle();
  assert.deepEqual([guidsOf(first, "b"), guidsOf(second, "b")], [["r"], ["r"]]);
  let told = 0;
  first.session.addEventListener("accounts", () => (told += 1));
  second.wallet.change("renamed", "a");
  await settle();
  assert.ok(told > 0);
  second.wallet.remove("b");
  await settle();
  assert.deepEqual([devicesOf(first), devicesOf(second)], [["a"], ["a"]]);
  assert.deepEqual(service.streams, ["a"]);
  assert.deepEqual([first.session.hasEnded("b", "r"), second.session.hasEnded("b", "r")], [true, true]);
});

test("a tab that is shown leads in the place of one that does not answer", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  add("a");
  await openTab();
  // As a system stops the tabs that it does not show: it keeps the lock, and hears nothing.
  for (const end of [...channel.ends]) channel.mute(end);
  const shown = await openTab();
  assert.equal(shown.isLeading(), false);
  context.mock.timers.tick(1000);
  await until(() => shown.isLeading(), "the tab leads");
  await until(() => guidsOf(shown, "a"), "it has the list");
  assert.equal(leaders(), 1);
});

test("a tab that is shown leads in the place of a hidden one, which leads again later", async () => {
  add("a");
  const first = await openTab();
  channel.alter = (message) =>
    message.type === "lists" && first.isLeading() ? { ...message, isHidden: true } : message;
  const second = await openTab();
  assert.deepEqual([first.isLeading(), second.isLeading()], [false, true]);
  assert.deepEqual(service.streams, ["a"]);
  channel.alter = (message) => message;
  second.close();
  await settle();
  assert.deepEqual([first.isLeading(), service.streams], [true, ["a"]]);
});

test("why a list cannot be read is the same in all tabs", async () => {
  add("a");
  store.get("a").failure = new TypeError("fails");
  const tab = await openTab();
  const other = await openTab();
  const { text } = tab.session.lists.problemOf("a");
  assert.equal(other.session.lists.problemOf("a").text, text);
});

test("without Web Locks, or where they are refused, each tab leads", async () => {
  add("a");
  const refusing = { request: () => Promise.reject(new DOMException("", "SecurityError")), close: () => undefined };
  for (const own of [{ locks: undefined, channel: undefined }, { locks: refusing, channel: channel.open() }]) {
    const session = new Session(new FakeWallet(store), Promise.resolve(undefined), own);
    await session.start();
    await settle();
    assert.deepEqual(session.lists.requestsOf("a"), []);
  }
});
