import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { comparisonCode } from "../../wire/confirmation.js";
import { writeLink } from "../../wire/link.js";
import { deviceOnlyKeys, memoryStore, pinKeys, Wallet } from "../index.js";
import { generateKey } from "../strong_keys.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "./fake_service.js";

const NEW_DEVICE = "97a7e1e1-c222-87e5-be48-cb4abb3dd87f";
const CONFIRM_BY = "2026-03-01T12:10:00.000Z";
const random = (size) => crypto.getRandomValues(new Uint8Array(size));

let service;
let store;

beforeEach(async () => {
  service = await FakeService.make();
  store = memoryStore();
});

async function bind(strongKey) {
  const strongKeys = [deviceOnlyKeys(), pinKeys({ askPin: async () => "1379", cost: 2 })];
  const wallet = new Wallet({ store, strongKeys, ...service.world });
  const changes = [];
  wallet.addEventListener("change", ({ detail }) => changes.push(detail.type));
  const { token } = service;
  const link = writeLink({ token, appSpace: NAMES.appSpace, appSpaceName: "Bank" });
  return { account: await wallet.bind({ url: URL_OF_SERVICE, link, strongKey }), changes };
}

async function listNew() {
  const keys = await Promise.all(
    ["device", "strong"].map(async (role) => ({ role, ...(await generateKey("EdDSA", random)) })),
  );
  service.newDevices = [
    {
      device: NEW_DEVICE,
      name: "New phone",
      expiresAt: CONFIRM_BY,
      keys: keys.map(({ role, jwk }) => ({ role, jwk })),
    },
  ];
}

test("the comparison code is the one of Python", async () => {
  const thumbprints = { strong: ["c", "a"], device: ["b"] };
  const { account, device } = NAMES;
  assert.equal(await comparisonCode(account, device, thumbprints), "KGSAJ-YC73G");
  const others = [{ strong: ["a"], device: ["b"] }, { strong: ["a", "b"], device: ["c"] }];
  for (const other of others) {
    assert.notEqual(await comparisonCode(account, device, other), "KGSAJ-YC73G");
  }
  assert.notEqual(await comparisonCode(device, account, thumbprints), "KGSAJ-YC73G");
});

for (const strongKey of ["device-only", "pin"]) {
  test(`a new device waits to be confirmed, and shows its code (${strongKey})`, async () => {
    service.confirmBy = CONFIRM_BY;
    service.state = "UNCONFIRMED";
    const { account, changes } = await bind(strongKey);
    assert.equal(account.state, "UNCONFIRMED");
    const thumbprints = Object.fromEntries(
      service.keys.map(({ role, thumbprint }) => [role, [thumbprint]]),
    );
    const code = await comparisonCode(NAMES.account, NAMES.device, thumbprints);
    assert.deepEqual(account.comparison, { code, confirmBy: CONFIRM_BY });
    // Beside a key under a PIN, it would tell a right PIN.
    assert.ok(!JSON.stringify(await store.list("accounts")).includes(code));
    await assert.rejects(account.pending(), { problem: "denied", reason: "unconfirmed" });
    service.state = "ACTIVE";
    await account.pending();
    assert.equal(account.state, "ACTIVE");
    assert.deepEqual(changes, ["bound", "confirmed"]);
  });
}

test("a device lists a new one with its code, and signs all of its keys", async () => {
  const { account } = await bind("pin");
  await listNew();
  const [newDevice] = await account.newDevices();
  const { thumbprints, ...listed } = newDevice;
  const code = await comparisonCode(NAMES.account, NEW_DEVICE, thumbprints);
  assert.deepEqual(listed, { device: NEW_DEVICE, name: "New phone", expiresAt: CONFIRM_BY, code });
  service.script = ["lost"];
  const decision = await account.decide(newDevice, "move");
  assert.deepEqual(decision, { device: NEW_DEVICE, status: "ACTIVE" });
  const [first, second] = service.decisions;
  assert.deepEqual(first, second); // the same bytes, after the reply was lost
  const { iat, jti, ...claims } = first;
  assert.equal(iat, Math.floor(service.now / 1000));
  assert.match(jti, /^[\w-]{22}$/);
  assert.deepEqual(claims, {
    iss: NAMES.device,
    sub: NAMES.account,
    aud: NAMES.appSpace,
    binding: NEW_DEVICE,
    ...thumbprints,
    choice: "move",
  });
});

test("a new device whose keys cannot be read is not listed", async () => {
  const { account } = await bind();
  for (const jwk of [undefined, {}, { kty: "EC", crv: "P-256", x: "x" }, { kty: "oct", k: "k" }]) {
    await listNew();
    service.newDevices[0].keys[0].jwk = jwk;
    await assert.rejects(account.newDevices(), { code: "invalid_field" });
  }
});
