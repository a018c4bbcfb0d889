// Displays: what is asked where its service does not say it at first.

import assert from "node:assert/strict";
import { test } from "node:test";
import { installBrowser, settle } from "./fake_browser.js";

installBrowser();
await import("./words.js");
const { Displays } = await import("../../src/counterseal_pwa/static/displays.js");
const { Lists } = await import("../../src/counterseal_pwa/static/lists.js");
const { NotSent, Refused } = await import("../../../counterseal-js/device/index.js");

const REQUEST = { guid: "r", issuedAt: "", expiresAt: "" };
const LATER = 60_000;

/** Return what one account asks, and how to let its service fail. */
async function follow(context) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const lists = new Lists();
  const displays = new Displays(lists);
  const service = { failure: new NotSent(), calls: 0 };
  const account = {
    device: "d",
    show: async () => {
      service.calls += 1;
      if (service.failure) throw service.failure;
      return { display: {} };
    },
  };
  const controller = new AbortController();
  lists.set("d", [REQUEST]);
  displays.follow(() => [account], controller.signal);
  await settle();
  const isLoaded = () => displays.of(account, REQUEST) !== undefined;
  return { lists, service, isLoaded, leave: () => controller.abort() };
}

test("what was not loaded is loaded once its service is reached again", async (context) => {
  const { lists, service, isLoaded } = await follow(context);
  service.failure = null;
  lists.noteReached("d", true);
  await settle();
  assert.ok(isLoaded());
});

test("what was not loaded is loaded some time later, while the view is shown", async (context) => {
  const { service, isLoaded, leave } = await follow(context);
  context.mock.timers.tick(LATER);
  await settle();
  assert.deepEqual([isLoaded(), service.calls], [false, 2]);
  service.failure = null;
  context.mock.timers.tick(LATER);
  await settle();
  assert.deepEqual([isLoaded(), service.calls], [true, 3]);
  leave();
});

test("a view that was left asks for nothing, and nobody asks for what was refused", async (context) => {
  const { lists, service, leave } = await follow(context);
  service.failure = new Refused("display_changed");
  context.mock.timers.tick(LATER);
  await settle();
  context.mock.timers.tick(LATER);
  await settle();
  assert.equal(service.calls, 2);
  service.failure = new NotSent();
  lists.set("d", [REQUEST]);
  await settle();
  leave();
  context.mock.timers.tick(LATER);
  lists.set("d", [REQUEST]);
  await settle();
  assert.equal(service.calls, 3);
});
