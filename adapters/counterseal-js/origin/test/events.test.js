import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, verifyEvent } from "../index.js";

const NAMES = {
  guid: "97536725-7d24-8347-8a65-2c7634d21950",
  account: "9776d5e6-7b6c-881b-86bd-89e71800ca35",
  appSpace: "072474e9-82a3-8ce6-891d-30696cf80f68",
  origin: "0714f396-3a94-880b-a13b-9d08e89cca43",
};
const DOCUMENT = {
  type: "locked",
  guid: NAMES.guid,
  at: "2026-03-01T12:00:00.000Z",
  sequence: 3,
  privakeyId: NAMES.account,
  accountId: "user-7",
  appSpaceGuid: NAMES.appSpace,
  deviceGuid: null,
  requestGuid: null,
};
const EVENT = {
  type: "locked",
  guid: NAMES.guid,
  at: "2026-03-01T12:00:00.000Z",
  sequence: 3,
  account: NAMES.account,
  accountId: "user-7",
  appSpace: NAMES.appSpace,
  device: null,
  request: null,
};
const SECRET = new Uint8Array(32).fill(1);
const SECRET_TEXT = `whsec_${Buffer.from(SECRET).toString("base64")}`;
const NOW = Date.parse("2026-03-01T12:00:00.000Z");

async function signed(body, id) {
  const seconds = String(NOW / 1000);
  const key = await crypto.subtle.importKey("raw", SECRET, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  const bytes = new TextEncoder().encode(`${id}.${seconds}.${body}`);
  const signature = Buffer.from(await crypto.subtle.sign("HMAC", key, bytes)).toString("base64");
  return { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": `v1,${signature}` };
}

async function verified(document, id = NAMES.guid) {
  const body = JSON.stringify(document);
  const headers = await signed(body, id);
  return verifyEvent(headers, new TextEncoder().encode(body), SECRET_TEXT, { now: NOW });
}

/** A client whose service answers with each of *pages*, and the addresses that it called. */
function clientOf(pages, settings = {}) {
  const calls = [];
  const client = new Client({
    url: "https://auth.example.com",
    origin: NAMES.origin,
    key: "a-secret-that-no-reply-and-no-log-may-have",
    fetch: async (uri) => {
      calls.push(String(uri));
      return Response.json(pages.shift());
    },
    ...settings,
  });
  return { client, calls };
}

const page = (next, more, gap = false) => ({ events: [DOCUMENT], next, more, gap });

test("an event is read and its signature verified", async () => {
  assert.deepEqual(await verified(DOCUMENT), EVENT);
  assert.equal((await verified({ ...DOCUMENT, type: "of a newer service" })).type, "of a newer service");
  assert.equal((await verified({ ...DOCUMENT, accountId: null })).accountId, null);
});

test("what is no event, or of another id, is refused", async () => {
  const refused = { code: "callback_refused" };
  await assert.rejects(() => verified({ ...DOCUMENT, sequence: "3" }), refused);
  await assert.rejects(() => verified(DOCUMENT, NAMES.account), refused);
  const body = new TextEncoder().encode(JSON.stringify(DOCUMENT));
  const headers = await signed("another body", NAMES.guid);
  await assert.rejects(() => verifyEvent(headers, body, SECRET_TEXT, { now: NOW }), refused);
});

test("events are read page by page, to the end", async () => {
  const { client, calls } = clientOf([page("a", true), page("b", false, true)]);
  const pages = [];
  for await (const each of client.events("start", { limit: 1 })) pages.push(each);
  assert.deepEqual(pages, [
    { events: [EVENT], next: "a", more: true, gap: false },
    { events: [EVENT], next: "b", more: false, gap: true },
  ]);
  assert.deepEqual(
    calls.map((uri) => uri.replace("https://auth.example.com/", "")),
    ["api/events?limit=1&after=start", "api/events?limit=1&after=a"],
  );
});

test("events of another App Space are refused, and so is what is no cursor", async () => {
  const { client } = clientOf([page("a", false)], { appSpace: NAMES.origin });
  await assert.rejects(() => client.events().next(), { code: "bad_reply" });
  await assert.rejects(() => client.events(7).next(), { code: "client_unfit" });
  await assert.rejects(() => client.events("a", { limit: "7" }).next(), { code: "client_unfit" });
});
