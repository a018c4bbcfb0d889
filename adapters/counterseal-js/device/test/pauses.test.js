// Loops of a device: how long they pause, what ends a pause, and by which clock they wait.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { writeLink } from "../../wire/link.js";
import { deviceOnlyKeys, memoryStore, Wallet } from "../index.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "./fake_service.js";

const DAY = 86_400_000;

let service;
let store;
/** The lengths of all pauses. */
let pauses;

/** Let so many turns of the event loop pass. */
async function pass(turns) {
  for (let turn = 0; turn < turns; turn += 1) {
    await new Promise((resolve) => {
      setTimeout(resolve, 0);
    });
  }
}

const open = (more = {}) => {
  const sleep = async (milliseconds, signal) => {
    signal?.throwIfAborted();
    pauses.push(milliseconds);
    await service.world.sleep(milliseconds);
    if (pauses.length > 40) throw new Error("too many pauses");
  };
  return new Wallet({ store, strongKeys: [deviceOnlyKeys()], ...service.world, sleep, ...more });
};
const link = () =>
  writeLink({ token: service.token, appSpace: NAMES.appSpace, appSpaceName: "Bank" });
const bind = async (wallet) => wallet.bind({ url: URL_OF_SERVICE, link: link() });

beforeEach(async () => {
  service = await FakeService.make();
  store = memoryStore();
  pauses = [];
});

const busy = (seconds) => () =>
  new Response("", { status: 503, headers: { "retry-after": String(seconds) } });

test("`watch` pauses for a day at most, and for no less where the service asks for more", async () => {
  const account = await bind(open());
  const controller = new AbortController();
  service.script = Array(3).fill(busy(2_592_000));
  const events = "event: requests\ndata: {\"requests\": []}\n\n";
  const headers = { "content-type": "text/event-stream" };
  service.script.push(() => new Response(events, { headers }));
  assert.deepEqual((await account.watch({ signal: controller.signal }).next()).value, []);
  assert.deepEqual(pauses, [DAY, DAY, DAY]);
});

test("`watch` pauses longer after each failure, a minute at most, and spreads the pauses", async () => {
  const account = await bind(open({ random: (size) => new Uint8Array(size) }));
  service.script = Array(10).fill("unreached");
  const headers = { "content-type": "text/event-stream" };
  const events = "event: requests\ndata: {\"requests\": []}\n\n";
  service.script.push(() => new Response(events, { headers }));
  await account.watch().next();
  const halves = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60].map((seconds) => seconds * 500);
  assert.deepEqual(pauses, halves);
});

for (const loop of ["watch", "wait", "answer"]) {
  test(`an abort ends a pause: ${loop}`, async () => {
    const account = await bind(open());
    const request = await account.show(service.challenge);
    const [reopened] = await open({ sleep: undefined }).accounts();
    const again = await reopened.show(request.guid);
    service.open = false;
    service.script = Array(50).fill(busy(8));
    const later = () => Response.json({ requests: [] }, { headers: { "retry-after": "8" } });
    if (loop === "wait") service.script = Array(50).fill(later);
    const controller = new AbortController();
    const { signal } = controller;
    const calls = {
      watch: () => reopened.watch({ signal }).next().then(({ done }) => done),
      wait: () => reopened.wait({ timeoutSeconds: 60, signal }),
      answer: () => reopened.answer(again, { button: 0, signal }),
    };
    service.requests = [];
    const start = performance.now();
    const ended = calls[loop]().catch((error) => error.name);
    // The pause has begun once the reply has come.
    await pass(50);
    controller.abort();
    assert.equal(await ended, loop === "watch" ? true : "AbortError");
    assert.ok(performance.now() - start < 5000);
  });
}

test("a repeated call comes back when the service says, and not at all if that is long", async () => {
  const wallet = open();
  service.script = [busy(5), busy(5)];
  await bind(wallet);
  assert.equal(pauses.length, 2);
  assert.ok(pauses.every((pause) => pause >= 5000 && pause < 10_000), String(pauses));
  await wallet.forget(NAMES.device);
  service.keys = [];
  pauses = [];
  service.script = [busy(60)];
  await assert.rejects(bind(wallet), { code: "service_unavailable", retryAfter: 60_000 });
  assert.deepEqual(pauses, []);
});

test("`wait` ends in time where the clock of the machine is set back", async () => {
  service.open = false;
  let elapsed = 0;
  const sleep = async (milliseconds) => {
    pauses.push(milliseconds);
    elapsed += milliseconds;
    service.ahead -= 3_600_000;
    if (pauses.length > 40) throw new Error("too many pauses");
  };
  const account = await bind(open({ sleep, monotonic: () => elapsed }));
  assert.deepEqual(await account.wait({ timeoutSeconds: 5 }), []);
  assert.ok(pauses.length < 10);
});

test("what one account has learned of a service's clock, others of the service know", async () => {
  await bind(open());
  const [{ record }] = await store.list("accounts");
  const device = "97a7e1e1-c222-87e5-be48-cb4abb3dd880";
  await store.commit([{ collection: "accounts", id: device, record: { ...record, device } }]);
  const wallet = open();
  const [first, second] = await wallet.accounts();
  service.ahead = 3_600_000;
  await first.pending();
  assert.equal(second.now(), service.now);
});

test("an account that is removed while its store fails again leaves no rejection", async () => {
  const wallet = open();
  const account = await bind(wallet);
  const request = await account.show(service.challenge);
  const { commit, get } = store;
  store.commit = async () => Promise.reject(new DOMException("", "UnknownError"));
  assert.equal((await account.answer(request, { button: 0 })).kept, false);
  store.get = async () => Promise.reject(new DOMException("", "UnknownError"));
  await account.pending();
  await pass(5);
  store.get = get;
  store.commit = commit;
  await wallet.forget(account.device);
  await account.pending();
  await pass(5);
});
