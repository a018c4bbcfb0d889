import assert from "node:assert/strict";
import { test } from "node:test";

import { ANSWER } from "../answer.js";
import { digest } from "../bytes.js";
import { readToken } from "../jws.js";
import { readKeySet, readPublicKey } from "../keys.js";
import { verifyAssertion } from "../passkeys.js";
import { verifyReceipt } from "../receipt.js";
import { refuses } from "./refuses.js";
import { checkAnswer, checkBind } from "./service.js";
import { demandAllRead, readVectors, serviceWith } from "./vectors.js";

const { context, scope, keys, binds, valid, invalid, receipts } = readVectors("passkey");

async function keyOf(name) {
  const { public: jwk, backupEligible } = keys.find((each) => each.name === name);
  const rpIdHash = await digest(scope.rpId);
  return readPublicKey(jwk, { rpIdHash, origins: scope.origins, backupEligible });
}

async function serviceFor(name) {
  const service = await serviceWith(context, "ES256");
  const device = service.keys.find(({ role }) => role === "device");
  return { ...service, keys: [device, { role: "strong", ...(await keyOf(name)) }] };
}

test("keys of passkeys", async () => {
  for (const { name, public: jwk, thumbprint } of keys) {
    assert.equal((await keyOf(name)).thumbprint, thumbprint, name);
    await refuses(() => readPublicKey(jwk), "unfit_key", name);
  }
});

test("binds of passkeys", async () => {
  for (const { about, claims, body } of binds) {
    const service = { token: body.token, appSpace: context.appSpace.guid, scope };
    assert.deepEqual(await checkBind(body, service), claims, about);
    await refuses(() => checkBind(body, { ...service, scope: undefined }), "unfit_key", about);
  }
});

test("answers and disowns by passkeys", async () => {
  for (const { about, key, header, claims, token, assertion } of valid) {
    const checked = await checkAnswer(token, header.typ, await serviceFor(key));
    assert.deepEqual(checked.claims, claims, about);
    assert.deepEqual(await verifyAssertion(readToken(token), await keyOf(key)), assertion, about);
  }
});

test("answers by passkeys that are refused", async () => {
  for (const { why, key, token, code } of invalid) {
    const service = await serviceFor(key);
    await refuses(() => checkAnswer(token, ANSWER, service), code, why);
  }
});

test("receipts of answers by passkeys", async () => {
  const trusted = { keys: await readKeySet(readVectors("receipt").trusted) };
  for (const { about, token, hash, claims } of receipts) {
    const receipt = await verifyReceipt(token, trusted);
    assert.deepEqual([receipt.hash, receipt.approved], [hash, claims.approved], about);
    assert.equal(receipt.backupEligible, claims.passkey.backupEligible, about);
    assert.deepEqual(receipt.factors, ["possession", "knowledge-or-inherence"], about);
  }
});

test("an assertion that is changed in any byte of any part is refused", async () => {
  const [{ key: name, token }] = valid;
  const key = await keyOf(name);
  const [header, claims, third] = token.split(".");
  const bytes = Uint8Array.from(atob(third.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  for (let at = 0; at < bytes.length; at += 1) {
    const signature = bytes.slice();
    signature[at] ^= 1;
    const changed = { signedText: `${header}.${claims}`, signature };
    await assert.rejects(verifyAssertion(changed, key), ({ code }) => typeof code === "string");
  }
});

test("every vector of passkeys was read", (run) => demandAllRead({ passkey: undefined }, run));
