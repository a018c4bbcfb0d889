import assert from "node:assert/strict";
import { test } from "node:test";

import { concatenate, utf8 } from "../../wire/bytes.js";
import { demandAllRead, readVectors } from "../../wire/test/vectors.js";
import { BODY_LIMIT, verifyCallback, verifyEvent } from "../callback.js";
import { Credential, writeCx1 } from "../credential.js";

const attempt = { method: "POST", uri: "", headers: [], body: "", now: 0, nonce: "" };

test("basic", async () => {
  const { guid, secret, header } = readVectors("basic");
  const headers = await new Credential(guid, secret, "basic").headers(attempt);
  assert.deepEqual(headers, [["authorization", `Basic ${header.slice("Basic ".length)}`]]);
});

test("CX1", async () => {
  const { guid, secret_text: secret, timestamp_ms: milliseconds, valid, invalid } = readVectors("cx1-hmac");
  for (const { method, uri, body, signature } of valid) {
    const header = await writeCx1(secret, guid, { method, uri, body, milliseconds });
    assert.equal(header, `CX1-HMAC-SHA256,${guid}/${milliseconds},${signature}`);
  }
  for (const { why, method, uri, body, signature } of invalid) {
    const header = await writeCx1(secret, guid, { method, uri, body, milliseconds });
    assert.ok(!header.endsWith(signature), why);
  }
});

test("two attempts with CX1 in one millisecond differ", async () => {
  const credential = new Credential("0714f396-3a94-880b-a13b-9d08e89cca43", "0123456789abcdef", "hmac");
  const [[[, one]], [[, other]]] = [await credential.headers(attempt), await credential.headers(attempt)];
  assert.notEqual(one, other);
});

test("message signatures", async () => {
  const { guid, secret, created, valid } = readVectors("signature");
  for (const { about, method, uri, headers, body, nonce } of valid) {
    const own = headers.slice(0, -3).map(([name, value]) => [name.toLowerCase(), value.trim()]);
    const signed = { method, uri, headers: own, body, now: created * 1000, nonce };
    const made = await new Credential(guid, secret, "signature").headers(signed);
    assert.deepEqual(made, headers.slice(-3), about);
  }
});

const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const secretOf = (size, byte) => `whsec_${base64(new Uint8Array(size).fill(byte))}`;

async function standardHeaders(bytes, id, timestamp, body) {
  const kind = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes, kind, false, ["sign"]);
  const signed = concatenate(utf8(`${id}.${timestamp}.`), body);
  const mac = base64(new Uint8Array(await crypto.subtle.sign("HMAC", key, signed)));
  return { "webhook-id": id, "Webhook-Timestamp": timestamp, "webhook-signature": `v1,${mac}` };
}

async function hmacHeader(secret, text) {
  const bytes = Uint8Array.from(atob(secret.slice("whsec_".length)), (each) => each.charCodeAt(0));
  const kind = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes, kind, false, ["sign"]);
  return `v1,${base64(new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(text))))}`;
}

test("callbacks: the vectors' signatures hold", async () => {
  const { id, timestamp, body, valid, asymmetric } = readVectors("webhook");
  const now = Number(timestamp) * 1000;
  const bytes = new TextEncoder().encode(body);
  for (const { about, secrets, headers } of valid) {
    for (const each of secrets) {
      const callback = await verifyCallback(headers, bytes, each, { now });
      assert.equal(callback.request.state, JSON.parse(body).state, about);
    }
    if (secrets.length > 0) await verifyCallback(headers, bytes, secrets, { now });
  }
  const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": asymmetric.signature };
  await verifyCallback(headers, bytes, asymmetric.public, { now });
});

test("events: the body of each type, and its signatures", async () => {
  const { timestamp, secret, olderSecret, valid, invalid } = readVectors("event");
  const now = Number(timestamp) * 1000;
  for (const { about, event, headers, body } of valid) {
    const read = await verifyEvent(headers, utf8(body), secret, { now });
    // The members in the order in which the service writes them.
    const { type, guid, at, sequence, account, accountId, appSpace, device, request } = read;
    const ids = { privakeyId: account, accountId, appSpaceGuid: appSpace };
    const own = { type, guid, at, sequence, ...ids, deviceGuid: device, requestGuid: request };
    assert.equal(JSON.stringify(own), body, about);
    assert.deepEqual(own, event, about);
    const mac = await hmacHeader(secret, `${guid}.${timestamp}.${JSON.stringify(own)}`);
    assert.ok(headers["webhook-signature"].split(" ").includes(mac), about);
    if (headers["webhook-signature"].includes(" ")) {
      assert.deepEqual(await verifyEvent(headers, utf8(body), olderSecret, { now }), read, about);
    }
  }
  for (const { why, headers, body } of invalid) {
    const refused = { code: "callback_refused" };
    await assert.rejects(verifyEvent(headers, utf8(body), secret, { now }), refused, why);
  }
});

test("callbacks: what is changed is refused", async () => {
  const secret = secretOf(32, 7);
  const other = secretOf(32, 8);
  const { body } = readVectors("webhook");
  const bytes = utf8(body);
  const headers = await standardHeaders(new Uint8Array(32).fill(7), "id-1", "1772366420", bytes);
  const now = 1772366420_000;
  const callback = await verifyCallback(headers, bytes, [other, secret], { now });
  assert.equal(callback.id, "id-1");
  assert.equal(callback.sentAt, now);
  assert.equal(callback.request.state, "EXPIRED");
  assert.equal((await verifyCallback(new Headers(headers), bytes, secret, { now })).id, "id-1");
  const refused = { code: "callback_refused" };
  for (const [changed, content, secrets, at] of [
    [headers, utf8(body.replace("EXPIRED", "CANCELLED")), secret, now],
    [headers, bytes, other, now],
    [headers, bytes, secret, now + 300_001],
    [headers, bytes, secret, now - 300_001],
    [{ ...headers, "webhook-id": "id-2" }, bytes, secret, now],
    [{ ...headers, "Webhook-Timestamp": "1772366421" }, bytes, secret, now],
    [{ ...headers, "webhook-signature": undefined }, bytes, secret, now],
    [{ ...headers, "webhook-signature": headers["webhook-signature"].replace("v1,", "v1a,") }, bytes, secret, now],
    [[...Object.entries(headers), ["Webhook-Id", "id-1"]], bytes, secret, now],
    [{ ...headers, "webhook-signature": Array(17).fill(headers["webhook-signature"]).join(" ") }, bytes, secret, now],
  ]) {
    await assert.rejects(verifyCallback(changed, content, secrets, { now: at }), refused);
  }
  const longest = concatenate(bytes, utf8(" ".repeat(BODY_LIMIT - bytes.length)));
  const itsHeaders = await standardHeaders(new Uint8Array(32).fill(7), "id-1", "1772366420", longest);
  assert.equal((await verifyCallback(itsHeaders, longest, secret, { now })).id, "id-1");
  const tooLong = concatenate(longest, utf8(" "));
  const tooLarge = { ...refused, message: /too large/ };
  await assert.rejects(verifyCallback(itsHeaders, tooLong, secret, { now }), tooLarge);
  const unfit = { code: "client_unfit" };
  for (const secrets of [[], "whsec_", "secret", "whpk_AAAA", secretOf(23, 0)]) {
    await assert.rejects(verifyCallback(headers, bytes, secrets, { now }), unfit);
  }
  await assert.rejects(verifyCallback(headers, body, secret, { now }), unfit);
  for (const how of [
    { now, toleranceSeconds: NaN },
    { now, toleranceSeconds: Infinity },
    { now, toleranceSeconds: -1 },
    { now, toleranceSeconds: "300 s" },
    { now, toleranceSeconds: null },
    { now: NaN },
    { now: "2026-03-01" },
    { now: new Date(now) },
  ]) {
    await assert.rejects(verifyCallback(headers, bytes, secret, how), unfit);
  }
  assert.equal((await verifyCallback(headers, bytes, secret, { now, toleranceSeconds: 0 })).id, "id-1");
});

test("every vector that an origin makes or verifies was read", (context) => {
  const lists = {
    "cx1-hmac": undefined,
    event: ["valid", "invalid"],
    signature: ["valid"],
    webhook: undefined,
  };
  demandAllRead(lists, context);
});
