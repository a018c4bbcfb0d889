// Lists: what is told of each change, and what another tab makes of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { installBrowser } from "./fake_browser.js";

installBrowser();
await import("./words.js");
const { Lists } = await import("../../src/counterseal_pwa/static/lists.js");
const { ReplyLost } = await import("../../../counterseal-js/device/index.js");

const REQUEST = { guid: "r", issuedAt: "", expiresAt: "" };

/** Return the lists, and the events that they tell from now on. */
function listen() {
  const lists = new Lists();
  const told = [];
  for (const type of ["requests", "problems", "connection"]) lists.addEventListener(type, () => told.push(type));
  return { lists, told };
}

test("a list that comes says that the service is reached again, however it was learned", () => {
  const { lists, told } = listen();
  lists.noteReached("d", false);
  assert.deepEqual([lists.isUnreached, told.splice(0)], [true, ["connection"]]);
  lists.set("d", [REQUEST]);
  assert.deepEqual([lists.isUnreached, told.splice(0)], [false, ["requests", "connection"]]);
  lists.fail("d", new ReplyLost());
  assert.deepEqual([lists.isUnreached, lists.requestsOf("d")], [true, undefined]);
  told.splice(0);
  lists.set("d", []);
  assert.deepEqual([lists.isUnreached, told], [false, ["requests", "problems", "connection"]]);
});

test("another tab has the same lists", () => {
  const { lists } = listen();
  lists.set("d", [REQUEST]);
  lists.fail("e", new ReplyLost());
  lists.noteReached("f", false);
  const { lists: other, told } = listen();
  other.adopt(structuredClone(lists.snapshot()));
  assert.deepEqual(other.snapshot(), lists.snapshot());
  assert.deepEqual(told, ["requests", "problems", "connection"]);
  other.keepOnly(["e"]);
  assert.deepEqual([other.requestsOf("d"), other.isOpen("d", "r")], [undefined, false]);
  assert.equal(other.problemOf("e").isUnreached, true);
});
