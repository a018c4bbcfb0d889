import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { concatenate } from "../../wire/bytes.js";
import { writeLink } from "../../wire/link.js";
import { AuthenticatorFailed, memoryStore, Misuse, NotUnlocked, passkeys, Wallet } from "../index.js";
import { identifyError } from "../webauthn_errors.js";
import { Authenticator } from "./authenticator.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "./fake_service.js";

let service;
let authenticator;
let wallet;

beforeEach(async () => {
  service = await FakeService.make();
  service.scope = { rpId: "localhost", origins: ["http://localhost"] };
  authenticator = new Authenticator();
  const kind = passkeys({ rpId: "localhost", credentials: authenticator });
  wallet = new Wallet({ store: memoryStore(), strongKeys: [kind], ...service.world });
});

const bind = () => {
  const link = { token: service.token, appSpace: NAMES.appSpace, appSpaceName: "Bank" };
  return wallet.bind({ url: URL_OF_SERVICE, link: writeLink(link) });
};

async function approve(account) {
  const [request] = await account.pending();
  return account.answer(await account.show(request.guid), { button: 0 });
}

test("a passkey that may be copied answers beside the device key", async () => {
  const { receipt } = await approve(await bind());
  assert.deepEqual([receipt.role, receipt.key.alg, receipt.backupEligible], ["strong", "WA-ES256", true]);
  assert.equal(receipt.answer.deviceKey, service.keys[0].thumbprint);
});

test("a passkey that may not be copied", async () => {
  authenticator.flags = 5;
  const { receipt } = await approve(await bind());
  assert.equal(receipt.backupEligible, false);
});

for (const [what, changes] of [
  ["the person was not verified", { userVerified: false }],
  ["an origin is no text", { origins: ["http://localhost", 7] }],
]) {
  test(`a receipt of a passkey is refused: ${what}`, async () => {
    const account = await bind();
    const receipt = service.receipt.bind(service);
    service.receipt = (answer, facts) => {
      const passkey = { ...facts.key.passkey, ...changes };
      return receipt(answer, { ...facts, key: { ...facts.key, passkey } });
    };
    await assert.rejects(approve(account), { code: "receipt_changed" });
  });
}

for (const [what, change] of [
  ["the person was not verified", { flags: 9 }],
  ["nobody was present", { flags: 12 }],
  ["it may not be copied any more", { flags: 5 }],
  ["it was used on another web origin", { origin: "http://localhost:1" }],
]) {
  test(`an answer is refused: ${what}`, async () => {
    const account = await bind();
    Object.assign(authenticator, change);
    await assert.rejects(approve(account), { code: "service_refused" });
  });
}

const integer = (signature, at) => signature.subarray(at, at + 2 + signature[at + 1]);
const sequence = (...pieces) => {
  const body = concatenate(...pieces);
  return concatenate(Uint8Array.of(0x30, body.length), body);
};

for (const [what, change] of [
  ["r with a zero too many", (r, s) => sequence(Uint8Array.of(2, r[1] + 1, 0), r.subarray(2), s)],
  ["something after s", (r, s) => sequence(r, s, Uint8Array.of(0))],
  ["something after the sequence", (r, s) => concatenate(sequence(r, s), Uint8Array.of(0))],
  ["another tag", (r, s) => sequence(Uint8Array.of(3), r.subarray(1), s)],
  ["nothing as s", (r) => sequence(r, Uint8Array.of(2, 0))],
]) {
  test(`a signature is refused: ${what}`, async () => {
    const account = await bind();
    authenticator.change = (signature) => {
      const r = integer(signature, 2);
      return change(r, integer(signature, 2 + r.length));
    };
    await assert.rejects(approve(account), { problem: "strong_key_missed" });
  });
}

test("a person who does not unlock the passkey has not answered", async () => {
  const account = await bind();
  authenticator.absent = true;
  await assert.rejects(approve(account), { code: "not_unlocked" });
  authenticator.absent = false;
  assert.equal((await approve(account)).approved, true);
});

test("passkeys need a browser, or what is given in its place", () => {
  assert.throws(() => passkeys({ rpId: "localhost", credentials: null }), { code: "client_unfit" });
});

const CASES = [
  ["NotAllowedError", NotUnlocked, "not_unlocked"],
  ["AbortError", NotUnlocked, "not_unlocked"],
  ["SecurityError", Misuse, "passkey_rp_id"],
  ["ConstraintError", AuthenticatorFailed, "authenticator_unfit"],
  ["NotSupportedError", AuthenticatorFailed, "authenticator_unfit"],
  ["InvalidStateError", AuthenticatorFailed, "authenticator_unfit"],
  ["DataError", Misuse, "client_unfit"],
  ["UnknownError", AuthenticatorFailed, "authenticator_failed"],
  ["OtherError", AuthenticatorFailed, "authenticator_failed"],
];

for (const [name, family, code] of CASES) {
  test(`${name} of WebAuthn is ${code}, and is the cause`, () => {
    const cause = new DOMException("", name);
    const where = { rpId: "example.org", hostname: "app.example.com" };
    const error = identifyError(cause, where);
    assert.ok(error instanceof family);
    assert.deepEqual([error.code, error.cause === cause], [code, true]);
  });
}

test("a page at an address that is no domain has no passkeys", () => {
  for (const hostname of ["127.0.0.1", "[::1]", "10.0.0.7", undefined, ""]) {
    const cause = new DOMException("", "SecurityError");
    assert.equal(identifyError(cause, { rpId: "x", hostname }).code, "passkey_domain");
  }
  assert.equal(identifyError(new TypeError(), { rpId: "x", hostname: "localhost" }).code, "client_unfit");
  assert.equal(identifyError("x", { rpId: "x", hostname: "localhost" }).code, "authenticator_failed");
});

test("a wrong relying party id is not a person who does not unlock", async () => {
  authenticator.create = async () => Promise.reject(new DOMException("", "SecurityError"));
  await assert.rejects(bind(), (error) => error instanceof Misuse && error.cause.name === "SecurityError");
});

test("a browser that does not return the public key of a passkey is told apart", async () => {
  const { create } = authenticator;
  authenticator.create = async (options) => {
    const credential = await create.call(authenticator, options);
    return { ...credential, response: {} };
  };
  await assert.rejects(bind(), { code: "authenticator_unfit" });
});
