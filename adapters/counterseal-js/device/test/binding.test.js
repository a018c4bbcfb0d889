// A program that ends while it binds leaves no device at the service whose keys nobody has.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { comparisonCode } from "../../wire/confirmation.js";
import { writeLink } from "../../wire/link.js";
import { deviceOnlyKeys, memoryStore, passkeys, pinKeys, Wallet } from "../index.js";
import { Authenticator } from "./authenticator.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "./fake_service.js";

let service;
let store;
let authenticator;

beforeEach(async () => {
  service = await FakeService.make();
  service.scope = { rpId: "localhost", origins: ["http://localhost"] };
  authenticator = new Authenticator();
  store = memoryStore();
});

/** A new program on the same store. */
const open = () => {
  const strongKeys = [
    deviceOnlyKeys(),
    pinKeys({ askPin: async () => "1379", cost: 2 }),
    passkeys({ rpId: "localhost", credentials: authenticator }),
  ];
  return new Wallet({ store, strongKeys, ...service.world });
};
const link = (more = {}) =>
  writeLink({
    token: service.token,
    appSpace: NAMES.appSpace,
    appSpaceName: "Bank",
    account: NAMES.account,
    ...more,
  });
const bind = (wallet, more = {}) =>
  wallet.bind({ url: URL_OF_SERVICE, link: link(), name: "A phone", ...more });

/** Begin a bind in a program that ends before the reply comes. */
async function bindAndEnd(more) {
  service.script = Array(3).fill("lost");
  await assert.rejects(bind(open(), more), { code: "reply_lost" });
}

for (const strongKey of ["device-only", "passkey"]) {
  test(`a bind that a program left is finished at the next start (${strongKey})`, async () => {
    await bindAndEnd({ strongKey });
    const next = open();
    const changes = [];
    next.addEventListener("change", ({ detail }) => changes.push(detail));
    await next.resume();
    const [account] = await next.accounts();
    assert.deepEqual(changes, [{ type: "bound", device: NAMES.device }]);
    assert.equal(account.name, "A phone");
    const outcome = await account.answer(await account.show(service.challenge), { button: 0 });
    assert.equal(outcome.approved, true);
    assert.deepEqual(await store.list("binds"), []);
  });
}

test("the keys are stored before the service learns of them", async () => {
  const { commit } = store;
  store.commit = async () => Promise.reject(new DOMException("", "QuotaExceededError"));
  const wallet = open();
  await assert.rejects(bind(wallet), { code: "store_failed" });
  assert.deepEqual(service.requests, []);
  store.commit = commit;
  await bind(wallet);
  assert.deepEqual(await store.list("binds"), []);
});

test("a bind whose account could not be stored is finished by the same call, or at the next start", async () => {
  const { commit } = store;
  for (const finish of [bind, (wallet) => open().resume().then(() => wallet)]) {
    store.commit = async (changes) => {
      if (changes.some(({ collection }) => collection === "accounts")) {
        throw new DOMException("", "UnknownError");
      }
      await commit(changes);
    };
    const wallet = open();
    await assert.rejects(bind(wallet), { code: "store_failed" });
    store.commit = commit;
    await finish(wallet);
    assert.equal((await open().accounts()).length, 1);
    await wallet.forget(NAMES.device);
    service.keys = [];
  }
});

test("the same link finishes the bind that another program left", async () => {
  await bindAndEnd();
  const account = await bind(open());
  assert.equal(account.device, NAMES.device);
  assert.equal((await account.status()).state, "ACTIVE");
});

test("a new device that waits to be confirmed has its code after a restart, too", async () => {
  service.confirmBy = "2026-03-01T12:10:00.000Z";
  await bindAndEnd();
  const next = open();
  await next.resume();
  const [account] = await next.accounts();
  const thumbprints = Object.fromEntries(
    service.keys.map(({ role, thumbprint }) => [role, [thumbprint]]),
  );
  const code = await comparisonCode(NAMES.account, NAMES.device, thumbprints);
  assert.deepEqual(account.comparison, { code, confirmBy: service.confirmBy });
});

test("what the service refuses is not tried again, and its token and keys are dropped", async () => {
  const wallet = open();
  service.script = [() => Response.json({ code: "denied" }, { status: 403 })];
  await assert.rejects(bind(wallet), { problem: "denied" });
  assert.deepEqual(await store.list("binds"), []);
  const sent = () => JSON.parse(service.requests.at(-1).body).keys.map(({ jwk }) => jwk.kid);
  const first = sent();
  service.keys = [];
  await bind(wallet);
  assert.notDeepEqual(sent(), first);
});

test("where a device has to be replaced, the same keys are bound in its place", async () => {
  const wallet = open();
  service.script = [() => Response.json({ code: "too_many_bindings" }, { status: 403 })];
  await assert.rejects(bind(wallet), { problem: "too_many_bindings" });
  assert.deepEqual(await store.list("binds"), []);
  const kids = () => JSON.parse(service.requests.at(-1).body).keys.map(({ jwk }) => jwk.kid);
  const first = kids();
  await bind(wallet);
  assert.deepEqual(kids(), first);
});

test("of a bind under a PIN nothing is stored that tells the PIN, and its device is revoked", async () => {
  await bindAndEnd({ strongKey: "pin" });
  const stored = JSON.stringify(await store.list("binds"));
  const { keys, token } = JSON.parse(service.requests.at(-1).body);
  assert.ok(!stored.includes(token));
  for (const { jwk, proof, role } of keys) {
    if (role === "strong") for (const text of [jwk.x, proof]) assert.ok(!stored.includes(text));
  }
  // The person may try again where they began.
  await open().resume();
  assert.equal(service.state, "ACTIVE");
  service.now += 600_001;
  await open().resume();
  assert.equal(service.state, "REVOKED");
  assert.deepEqual([await store.list("binds"), await open().accounts()], [[], []]);
});

test("a bind under a PIN by the session token alone leaves no device either", async () => {
  const wallet = open();
  const bindAlone = () => wallet.bind({ url: URL_OF_SERVICE, link: service.token, strongKey: "pin" });
  // The service names the account only until it has bound the device.
  for (let call = 0; call < 2; call += 1) {
    service.script = [undefined, ...Array(3).fill("lost")];
    await assert.rejects(bindAlone(), { code: "reply_lost" });
  }
  service.now += 600_001;
  await open().resume();
  assert.equal(service.state, "REVOKED");
  assert.deepEqual(await store.list("binds"), []);
});

test("what cannot be finished now is finished at a later start", async () => {
  await bindAndEnd();
  service.script = ["unreached"];
  await open().resume();
  assert.equal((await store.list("binds")).length, 1);
  service.script = [() => Response.json({ code: "too_often" }, { status: 429 })];
  await open().resume();
  const last = open();
  await last.resume();
  assert.equal((await last.accounts()).length, 1);
});

test("a bind that cannot be read keeps no other from being finished", async () => {
  await store.commit([{ collection: "binds", id: "", record: { version: 2 } }]);
  await bindAndEnd();
  const next = open();
  await next.resume();
  assert.equal((await next.accounts()).length, 1);
  assert.equal((await store.list("binds")).length, 1);
});
