// ML-DSA-44 (RFC 9964), which Node has from 24.7 on; elsewhere its keys are refused.

import assert from "node:assert/strict";
import { test } from "node:test";

import { readToken, verifyToken } from "../jws.js";
import { isUnsupported, readPublicKey, thumbprintOf } from "../keys.js";
import { verifyReceipt } from "../receipt.js";
import { refuses } from "./refuses.js";
import { demandAllRead, readVectors } from "./vectors.js";

const { keys, valid, refused, unfit } = readVectors("ml-dsa");
const jwkOf = (name) => Array.from(keys.slice()).find((key) => key.name === name).public;

const isHere = await crypto.subtle.generateKey({ name: "ML-DSA-44" }, false, ["sign", "verify"]).then(
  () => true,
  (error) => !isUnsupported(error),
);

/** Run *body* where WebCrypto does not know ML-DSA-44. */
async function withoutIt(body) {
  const { subtle } = crypto;
  const importKey = subtle.importKey.bind(subtle);
  subtle.importKey = async (format, key, kind, ...more) => {
    if (kind.name === "ML-DSA-44") throw new DOMException("unknown", "NotSupportedError");
    return importKey(format, key, kind, ...more);
  };
  try {
    await body();
  } finally {
    delete subtle.importKey;
  }
}

test("keys of ML-DSA-44 and their thumbprints, over the algorithm too", async () => {
  for (const { name, public: jwk, thumbprint } of keys) {
    assert.equal(await thumbprintOf(jwk), thumbprint, name);
    if (isHere) assert.equal((await readPublicKey(jwk)).thumbprint, thumbprint, name);
  }
});

test("keys of ML-DSA-44 that are refused", async () => {
  for (const { why, jwk, code } of unfit) await refuses(() => readPublicKey(jwk), code, why);
});

test("tokens of ML-DSA-44", async () => {
  for (const { about, key, typ, claims, token } of valid) {
    if (!isHere) continue;
    const verified = await verifyToken(readToken(token), await readPublicKey(jwkOf(key)), typ);
    assert.deepEqual(verified, claims, about);
  }
  for (const { why, key, typ, token, code } of refused) {
    if (!isHere) continue;
    const publicKey = await readPublicKey(jwkOf(key));
    await refuses(() => verifyToken(readToken(token), publicKey, typ), code, why);
  }
});

test("where WebCrypto has no ML-DSA-44, a key is refused with this reason", async () => {
  const reason = { code: "unfit_key", message: /WebCrypto has no ML-DSA-44 here/ };
  await withoutIt(async () => {
    for (const { public: jwk } of keys) await assert.rejects(readPublicKey(jwk), reason);
  });
});

test("a receipt says why it is refused", async () => {
  const [{ token }] = readVectors("receipt").valid;
  const changed = { code: "receipt_changed", message: /malformed_token/ };
  await assert.rejects(verifyReceipt(`${token}.`, { thumbprint: "" }), changed);
});

test("every vector of ML-DSA-44 was read", (context) => {
  demandAllRead({ "ml-dsa": ["keys", "valid", "refused", "unfit"] }, context);
});
