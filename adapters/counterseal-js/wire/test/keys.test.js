import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import {
  base64url,
  readBase64url,
  readNumber,
  systemRandom,
  utf8,
  writeNumber,
} from "../bytes.js";
import { isOnEd25519, P256_ORDER, p256PublicKey, withLowS } from "../curves.js";
import { keySigner, readToken, signToken, verifyToken } from "../jws.js";
import { isUnsupported, KINDS, readPublicKey } from "../keys.js";
import { hasRocaFingerprint } from "../roca.js";

const ALGORITHMS = Object.keys(KINDS);
/** Those that this runtime's WebCrypto has: Node has ML-DSA-44 from 24.7 on. */
const available = new Set(ALGORITHMS);
await crypto.subtle
  .generateKey({ name: "ML-DSA-44" }, false, ["sign", "verify"])
  .catch((error) => isUnsupported(error) && available.delete("ML-DSA-44"));
const RSA = { modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };

async function newKey(alg, kid = "key") {
  const { importing } = KINDS[alg];
  const pair = await crypto.subtle.generateKey({ ...RSA, ...importing }, true, ["sign", "verify"]);
  const exported = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const jwk = Object.fromEntries(KINDS[alg].members.map((name) => [name, exported[name]]));
  return {
    signer: keySigner({ kid, alg, key: pair.privateKey }),
    key: await readPublicKey({ ...jwk, kid, alg }),
  };
}

for (const alg of ALGORITHMS) {
  const skip = !available.has(alg);
  test(`a token of ${alg} is verified, and no other`, { skip }, async () => {
    const { signer, key } = await newKey(alg);
    const text = await signToken(signer, "kind", { n: 1 });
    assert.deepEqual(await verifyToken(readToken(text), key, "kind"), { n: 1 });
    const [first, second, third] = text.split(".");
    const shorter = base64url(readBase64url(third).slice(1));
    const { signer: other } = await newKey(alg);
    const forged = (await signToken(other, "kind", { n: 1 })).split(".")[2];
    for (const [token, against, code] of [
      [text, undefined, "wrong_key"],
      [text, { ...key, kid: "another" }, "wrong_key"],
      [text, { ...key, alg: "another" }, "wrong_algorithm"],
      [`${first}.${second}.${forged}`, key, "wrong_signature"],
      [`${first}.${second}.${shorter}`, key, "wrong_signature"],
    ]) {
      await assert.rejects(verifyToken(readToken(token), against, "kind"), { code });
    }
    await assert.rejects(verifyToken(readToken(text), key, "other"), { code: "wrong_type" });
  });
}

test("the public key of P-256 is that of OpenSSL", () => {
  for (let round = 0; round < 4; round += 1) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { d, x, y } = privateKey.export({ format: "jwk" });
    assert.deepEqual(p256PublicKey(readBase64url(d)), [readBase64url(x), readBase64url(y)]);
  }
});

test("the public keys of the smallest and the largest private key", async () => {
  const [x, y] = p256PublicKey(writeNumber(1n, 32));
  const [same, negative] = p256PublicKey(writeNumber(P256_ORDER - 1n, 32));
  assert.deepEqual(same, x);
  assert.equal(readNumber(y) + readNumber(negative), 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n);
});

test("a high s is written as the low one", () => {
  const signature = new Uint8Array(64);
  signature.set(writeNumber(P256_ORDER - 5n, 32), 32);
  assert.equal(readNumber(withLowS(signature).subarray(32)), 5n);
  signature.set(writeNumber(P256_ORDER / 2n, 32), 32);
  assert.equal(withLowS(signature), signature);
});

test("a modulus that is a power of 65537 has the fingerprint of ROCA, another has not", async () => {
  let product = 1n;
  for (let number = 2n; number <= 167n; number += 1n) {
    let divisor = 2n;
    while (number % divisor) divisor += 1n;
    if (divisor === number) product *= number;
  }
  const modulus = (65537n ** 321n % product) + product * (2n ** 2048n / product);
  assert.ok(hasRocaFingerprint(modulus));
  const n = base64url(writeNumber(modulus, Math.ceil(modulus.toString(16).length / 2)));
  const jwk = { kty: "RSA", n, e: "AQAB", kid: "key", alg: "RS256" };
  await assert.rejects(readPublicKey(jwk), { code: "unfit_key" });
  const next = base64url(writeNumber(modulus + 2n, readBase64url(n).length));
  await readPublicKey({ ...jwk, n: next });
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const other = readNumber(readBase64url(publicKey.export({ format: "jwk" }).n));
  assert.equal(hasRocaFingerprint(other), false);
});

test("keys of Ed25519 that OpenSSL makes are on the curve, random bytes rarely", () => {
  let points = 0;
  for (let round = 0; round < 40; round += 1) {
    const { publicKey } = generateKeyPairSync("ed25519");
    assert.ok(isOnEd25519(readBase64url(publicKey.export({ format: "jwk" }).x)));
    points += Number(isOnEd25519(systemRandom(32)));
  }
  assert.ok(points < 40);
});

test("a token's first part has 512 characters at most", () => {
  const long = Buffer.from(JSON.stringify({ alg: "x", typ: "y", kid: "z".repeat(400) }));
  assert.throws(() => readToken(`${long.toString("base64url")}.e30.AA`), { code: "malformed_token" });
  assert.deepEqual(utf8("ä"), Uint8Array.of(0xc3, 0xa4));
});
