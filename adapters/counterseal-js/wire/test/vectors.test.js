import assert from "node:assert/strict";
import { test } from "node:test";

import { ANSWER, DISOWN } from "../answer.js";
import { digest } from "../bytes.js";
import { comparisonCode } from "../confirmation.js";
import { readDisplay } from "../display.js";
import { canonical, readJson } from "../ijson.js";
import { readKeySet, readPublicKey } from "../keys.js";
import { verifyKeySet } from "../keyset.js";
import { readLink, writeLink } from "../link.js";
import { areAlike, skeletons } from "../lookalikes.js";
import { verifyReceipt } from "../receipt.js";
import { verifyUseReceipt } from "../use_receipt.js";
import {
  checkAnswer,
  checkBind,
  checkConfirmation,
  checkProof,
  checkRotation,
  checkUpdate,
  typedCode,
} from "./service.js";
import { refuses } from "./refuses.js";
import { demandAllRead, readVectors, serviceWith } from "./vectors.js";

const displays = readVectors("display");

test("keys and their thumbprints", async () => {
  for (const { name, public: jwk, thumbprint } of readVectors("keys").keys) {
    assert.equal((await readPublicKey(jwk)).thumbprint, thumbprint, name);
  }
});

test("keys that are refused, and those that only look odd", async () => {
  const { valid, invalid } = readVectors("unfit-keys");
  for (const { about, jwk, thumbprint } of valid) {
    assert.equal((await readPublicKey(jwk)).thumbprint, thumbprint, about);
  }
  for (const { why, jwk, code } of invalid) await refuses(() => readPublicKey(jwk), code, why);
});

test("JSON and its canonical form", async () => {
  for (const { about, document, canonical: text, hash } of displays.valid) {
    assert.equal(canonical(document), text, about);
    assert.equal(canonical(readJson(text)), text, about);
    assert.equal(await digest(text), hash, about);
  }
  for (const { why, json, code } of displays.invalid) await refuses(() => readJson(json), code, why);
  for (const { about, json, canonical: text } of displays.readable) {
    assert.equal(canonical(readJson(json)), text, about);
  }
});

test("actions: their documents and digests", async () => {
  for (const { about, document, canonical: text, digest: hash } of readVectors("action").valid) {
    assert.equal(canonical(document), text, about);
    assert.equal(canonical(readJson(text)), text, about);
    assert.equal(await digest(text), hash, about);
  }
});

test("display documents", async () => {
  const { appSpace, account } = displays.context;
  const device = { appSpace: appSpace.guid, account: account.guid };
  for (const { about, document, canonical: text } of [...displays.valid, ...displays.actions]) {
    assert.equal(canonical(readDisplay(text, device)), canonical(document), about);
  }
  for (const { why, text, code } of displays.unshowable) {
    await refuses(() => readDisplay(text, device), code, why);
  }
});

for (const [name, typ] of [["answer", ANSWER], ["disown", DISOWN]]) {
  test(`tokens: ${name}`, async () => {
    const { context, valid, invalid } = readVectors(name);
    for (const { about, header, claims, token, display } of valid) {
      const checked = await checkAnswer(token, typ, await serviceWith(context, header.alg));
      const { buttons } = displays.valid.find((each) => each.about === display).document;
      assert.deepEqual(checked.claims, claims, about);
      assert.equal(checked.approved, buttons[claims.button]?.approves === true, about);
    }
    for (const { why, device, token, code } of invalid) {
      const service = await serviceWith(context, device);
      await refuses(() => checkAnswer(token, typ, service), code, why);
    }
  });
}

test("confirmations of new devices", async () => {
  const { context, valid, invalid } = readVectors("confirmation");
  const serviceOf = async (device, waiting) => ({
    ...(await serviceWith(context, device)),
    waiting: await serviceWith(context, waiting),
  });
  for (const { about, device, new: waiting, claims, token, status } of valid) {
    const checked = await checkConfirmation(token, await serviceOf(device, waiting));
    assert.deepEqual(checked, { claims, status }, about);
  }
  for (const { why, device, new: waiting, token, code } of invalid) {
    const service = await serviceOf(device, waiting);
    await refuses(() => checkConfirmation(token, service), code, why);
  }
});

test("comparison codes", async () => {
  const { codes, typed } = readVectors("confirmation");
  for (const { about, account, binding, thumbprints, code } of codes) {
    assert.equal(await comparisonCode(account, binding, thumbprints), code, about);
  }
  for (const { about, typed: text, code } of typed) assert.equal(typedCode(text), code, about);
});

test("proofs", async () => {
  const { context, valid, invalid } = readVectors("proof");
  for (const vector of valid) {
    const service = await serviceWith(context, vector.header.alg);
    assert.deepEqual(await checkProof(vector, service), vector.claims, vector.about);
  }
  const service = await serviceWith(context, "ES256");
  for (const vector of invalid) await refuses(() => checkProof(vector, service), vector.code, vector.why);
});

test("binds", async () => {
  const { context, replaced, valid, invalid } = readVectors("bind");
  const service = (token) => ({ token, appSpace: context.appSpace.guid, bound: [replaced] });
  for (const { about, claims, body } of valid) {
    const expected = await checkBind(body, service(body.token));
    assert.deepEqual(expected, claims, about);
  }
  const [{ body: first }] = valid;
  for (const { why, body, code } of invalid) {
    await refuses(() => checkBind(body, service(first.token)), code, why);
  }
});

test("languages", async () => {
  const { context, binds, updates, invalid, displays: actions } = readVectors("language");
  const device = { appSpace: context.appSpace.guid, account: context.account.guid };
  const service = (token) => ({ token, appSpace: device.appSpace, bound: [] });
  for (const { about, claims, body } of binds) {
    assert.deepEqual(await checkBind(body, service(body.token)), claims, about);
  }
  for (const { body } of updates) checkUpdate(body);
  const [{ body: bind }] = binds;
  for (const { why, language, code } of invalid) {
    await refuses(() => checkBind({ ...bind, language }, service(bind.token)), code, why);
    await refuses(() => checkUpdate({ language }), code, why);
  }
  for (const { about, language, document, canonical: text, hash } of actions) {
    assert.equal(canonical(document), text, about);
    assert.equal(await digest(text), hash, about);
    assert.equal(readDisplay(text, device).action.language, language, about);
  }
});

test("rotations", async () => {
  const { context, valid, invalid } = readVectors("rotation");
  const service = await serviceWith(context, "ES256");
  for (const { about, claims, body } of valid) {
    assert.deepEqual(await checkRotation(body, service), claims, about);
  }
  for (const { why, body, code } of invalid) {
    await refuses(() => checkRotation(body, service), code, why);
  }
});

test("receipts", async () => {
  const { trusted, thumbprint, valid, invalid } = readVectors("receipt");
  const keys = await readKeySet(trusted);
  for (const { about, token, hash, claims } of valid) {
    const receipt = await verifyReceipt(token, { keys });
    assert.equal(receipt.hash, hash, about);
    assert.equal(receipt.approved, claims.approved, about);
    assert.equal(receipt.answerToken, claims.answer, about);
    const second = claims.role === "strong" ? ["knowledge-or-inherence"] : [];
    assert.deepEqual(receipt.factors, ["possession", ...second], about);
    if ("factors" in claims) assert.deepEqual(receipt.factors, claims.factors, about);
  }
  const [{ token: first, hash }] = valid;
  assert.equal((await verifyReceipt(first, { thumbprint })).hash, hash);
  await refuses(() => verifyReceipt(first, { thumbprint: "x" }), "issuer_untrusted");
  for (const { why, token, code } of invalid) {
    await refuses(() => verifyReceipt(token, { keys }), code, why);
  }
});

test("use receipts", async () => {
  const { trusted, thumbprint, valid, invalid } = readVectors("use-receipt");
  const keys = await readKeySet(trusted);
  for (const { about, token, claims } of valid) {
    const { presented, ...receipt } = await verifyUseReceipt(token, { keys });
    const { version: _, issuer, arguments: word, ...others } = claims;
    assert.deepEqual({ ...receipt }, others, about);
    assert.equal(presented, word === "matched", about);
    if ((await readPublicKey(issuer)).thumbprint === thumbprint) {
      assert.equal((await verifyUseReceipt(token, { thumbprint })).at, claims.at, about);
    } else {
      await refuses(() => verifyUseReceipt(token, { thumbprint }), "issuer_untrusted", about);
    }
  }
  for (const { why, token, code } of invalid) {
    await refuses(() => verifyUseReceipt(token, { keys }), code, why);
  }
});

test("endorsed key sets", async () => {
  const { pinned, taken, valid, invalid } = readVectors("keyset");
  const keys = await readKeySet(pinned);
  for (const { about, token, kids } of valid) {
    const verified = await verifyKeySet(token, keys, taken);
    assert.deepEqual(verified.keys.map(({ kid }) => kid), kids, about);
  }
  for (const { why, token, code } of invalid) {
    await refuses(() => verifyKeySet(token, keys, taken), code, why);
  }
});

test("bind links", async () => {
  const { valid, read, invalid } = readVectors("link");
  const fields = (vector) => {
    const { token, appSpaceGuid, appSpaceName, privakeyId, displayName } = vector;
    const names = { token, appSpace: appSpaceGuid, appSpaceName, account: privakeyId, displayName };
    const all = { ...names, app: vector.app, service: vector.service };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
  };
  for (const vector of valid) assert.equal(writeLink(fields(vector)), vector.link, vector.about);
  for (const vector of [...valid, ...read]) {
    assert.deepEqual(readLink(vector.link), fields(vector), vector.about);
  }
  for (const { why, link, code } of invalid) await refuses(() => readLink(link), code, why);
});

test("look-alikes", () => {
  const { alike, different } = readVectors("lookalikes");
  assert.deepEqual([alike.length, different.length], [20, 20]);
  for (const { about, names, skeletons: expected } of [...alike, ...different]) {
    assert.deepEqual(names.map(skeletons), expected, about);
  }
  for (const { about, names } of alike) assert.equal(areAlike(names[0], names[1]), true, about);
  for (const { about, names } of different) assert.equal(areAlike(names[0], names[1]), false, about);
});

test("every vector was read", (context) => {
  const names = ["keys", "unfit-keys", "display", "answer", "disown", "proof", "bind", "rotation"];
  const others = ["confirmation", "receipt", "use-receipt", "keyset", "language", "link", "lookalikes"];
  const files = [...names, ...others].map((name) => [name, undefined]);
  demandAllRead({ ...Object.fromEntries(files), action: ["valid"] }, context);
});
