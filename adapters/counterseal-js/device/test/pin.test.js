import assert from "node:assert/strict";
import { test } from "node:test";

import {
  base64url,
  readBase64url,
  readNumber,
  systemRandom,
  utf8,
  writeNumber,
} from "../../wire/bytes.js";
import { P256_ORDER } from "../../wire/curves.js";
import { readToken, signToken, verifyToken } from "../../wire/jws.js";
import { readPublicKey } from "../../wire/keys.js";
import { demandAllRead, KEYS, readVectors } from "../../wire/test/vectors.js";
import { importSecret, newSecret, readWrappedKey, unwrap, wrap } from "../pin.js";
import { scrypt } from "../scrypt.js";
import { pinKeys } from "../strong_keys.js";

// RFC 7914, section 12.
const SCRYPT = [
  ["", "", { n: 16, r: 1, p: 1 }, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"],
  ["pleaseletmein", "SodiumChloride", { n: 16384, r: 8, p: 1 }, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"],
];

// ML-DSA-44 where WebCrypto has it.
const ALGORITHMS = await crypto.subtle
  .generateKey({ name: "ML-DSA-44" }, false, ["sign", "verify"])
  .then(
    () => ["ES256", "EdDSA", "ML-DSA-44"],
    () => ["ES256", "EdDSA"],
  );

for (const [password, salt, cost, expected] of SCRYPT) {
  test(`scrypt with N = ${cost.n}`, async () => {
    const stretched = await scrypt(password, utf8(salt), cost, 64);
    assert.equal(readNumber(stretched), BigInt(`0x${expected}`));
  });
}

for (const { about, key, pin, wrapped } of readVectors("pin").valid) {
  test(`a key under a PIN: ${about}`, async () => {
    const secret = readBase64url(KEYS[key].private.d);
    const { kid, algorithm, cost, salt } = wrapped;
    assert.deepEqual(await unwrap(readWrappedKey(wrapped), pin), secret);
    const same = await wrap({ kid, algorithm, secret }, pin, () => readBase64url(salt), cost);
    assert.deepEqual(same, wrapped);
  });
}

for (const { key, pin, wrapped } of readVectors("ml-dsa").pin) {
  test(`a key of ML-DSA-44 under a PIN: ${key}`, async () => {
    const { private: jwk } = readVectors("ml-dsa").keys.find(({ name }) => name === key);
    const { kid, algorithm, cost, salt } = wrapped;
    const secret = readBase64url(jwk.priv);
    assert.deepEqual(await unwrap(readWrappedKey(wrapped), pin), secret);
    const same = await wrap({ kid, algorithm, secret }, pin, () => readBase64url(salt), cost);
    assert.deepEqual(same, wrapped);
    if (!ALGORITHMS.includes(algorithm)) return;
    const imported = await importSecret(algorithm, secret, { extractable: true });
    assert.equal((await crypto.subtle.exportKey("jwk", imported)).pub, jwk.pub);
  });
}

for (const { about, pin, wrapped, secret } of readVectors("pin").other) {
  test(`another PIN gives another key: ${about}`, async () => {
    assert.equal(base64url(await unwrap(readWrappedKey(wrapped), pin)), secret);
    await importSecret(wrapped.algorithm, readBase64url(secret));
  });
}

for (const algorithm of ALGORITHMS) {
  test(`a strong key of ${algorithm} signs with its PIN, and another key with another`, async () => {
    let pin = "1379";
    const asked = [];
    const keys = pinKeys({
      algorithm,
      cost: 2,
      askPin: async (about) => {
        asked.push(about.purpose);
        return pin;
      },
    });
    const { jwk, record, signer } = await keys.create({ accountName: "Bank" });
    const key = await readPublicKey(jwk);
    const isValid = async (by) => {
      const token = readToken(await signToken(by, "kind", { n: 1 }));
      return verifyToken(token, key, "kind").then(
        () => true,
        (error) => error.code,
      );
    };
    assert.equal(await isValid(signer), true);
    const use = { purpose: "replace" };
    assert.equal(await isValid(await keys.open(record, use)), true);
    pin = "9731";
    assert.equal(await isValid(await keys.open(record, use)), "wrong_signature");
    assert.deepEqual(asked, ["create", "replace", "replace"]);
    const stored = JSON.stringify(record);
    for (const name of ["x", "y"]) assert.ok(!jwk[name] || !stored.includes(jwk[name]));
    pin = null;
    await assert.rejects(keys.open(record, use), { code: "not_unlocked" });
  });
}

for (const algorithm of ALGORITHMS) {
  test(`the secret of a key of ${algorithm} is wiped once the browser has the key`, async () => {
    const secrets = [];
    const random = (size) => {
      const bytes = systemRandom(size);
      if (size === 32) secrets.push(bytes);
      return bytes;
    };
    const keys = pinKeys({ algorithm, cost: 2, random, askPin: async () => "1379" });
    await keys.create({ accountName: "Bank" });
    assert.ok(secrets.length > 0);
    assert.ok(secrets.at(-1).every((byte) => byte === 0));
  });
}

test("a secret of P-256 is one", () => {
  const numbers = [0n, P256_ORDER, P256_ORDER - 1n];
  const secret = newSecret("ES256", () => writeNumber(numbers.shift(), 32));
  assert.equal(readNumber(secret), P256_ORDER - 1n);
  assert.equal(newSecret("EdDSA", systemRandom).length, 32);
});

test("what was not written by `wrap` is refused", async () => {
  const [{ wrapped, pin }] = readVectors("pin").valid;
  for (const change of [{ wrapping: "sealed" }, { algorithm: "RS256" }, { salt: "AA" }, { wrapped: "AA" }, { kid: "" }]) {
    assert.throws(() => readWrappedKey({ ...wrapped, ...change }), { code: "invalid_field" });
  }
  for (const cost of [1, 3, 2 ** 17, 2.5]) {
    await assert.rejects(unwrap({ ...wrapped, cost }, pin), { code: "client_unfit" });
  }
});

test("every vector of PINs was read", (context) => {
  demandAllRead({ pin: undefined, "ml-dsa": ["pin"] }, context);
});
