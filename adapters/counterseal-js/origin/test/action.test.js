import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { demandAllRead, readVectors } from "../../wire/test/vectors.js";
import { actionDigest } from "../action.js";
import { Client, PendingRequest, Trust, verifyUseReceipt } from "../index.js";

const NAMES = {
  guid: "97536725-7d24-8347-8a65-2c7634d21950",
  account: "9776d5e6-7b6c-881b-86bd-89e71800ca35",
  appSpace: "072474e9-82a3-8ce6-891d-30696cf80f68",
  origin: "0714f396-3a94-880b-a13b-9d08e89cca43",
};
const VALID_UNTIL = "2026-03-01T12:12:00.000Z";
const ACTION = { type: "tool-call", resource: "send_mail", arguments: { to: ["ann"], copies: 2 } };
const STANDARD = [
  { title: "Run the tool", strongAuth: true, style: null, approving: true },
  { title: "Do not run it", strongAuth: false, style: null, approving: false },
];

let script = [];
let requests = [];
const client = () =>
  new Client({
    url: "https://auth.example.com",
    origin: NAMES.origin,
    key: "a-secret-that-no-reply-and-no-log-may-have",
    sleep: async () => {},
    fetch: async (uri, { method, body }) => {
      const text = body ? new TextDecoder().decode(body) : "";
      requests.push({ method, uri: String(uri), body: text });
      const step = script.length > 1 ? script.shift() : script[0];
      if (step instanceof Error) throw step;
      return step.clone();
    },
  });

beforeEach(() => {
  script = [];
  requests = [];
});

async function terms(action = ACTION, validUntil = VALID_UNTIL) {
  const digest = await actionDigest(action, { client: NAMES.origin, validUntil });
  return { type: action.type, digest, validUntil };
}

async function issued(changes = {}) {
  return Response.json({
    guid: NAMES.guid,
    privakeyId: NAMES.account,
    accountId: "user-7",
    appSpaceGuid: NAMES.appSpace,
    requestOriginGuid: NAMES.origin,
    content: { title: "Run a tool", keys: [] },
    action: await terms(),
    buttons: STANDARD,
    showCode: false,
    showNotification: true,
    state: "PENDING",
    issuedAt: "2026-03-01T12:00:00.000Z",
    expiresAt: "2026-03-01T12:02:00.000Z",
    approved: false,
    ...changes,
  });
}

async function known(changes = {}) {
  return Response.json({
    ...(await terms()),
    requestGuid: NAMES.guid,
    state: "USED",
    use: {
      state: "UNKNOWN",
      argumentsPresented: true,
      receipt: "a.b.c",
      detail: null,
      at: "2026-03-01T12:01:00.000Z",
      reportedAt: null,
    },
    ...changes,
  });
}

test("digests of actions", async () => {
  const { valid, client: origin } = readVectors("action");
  for (const { about, action, document, digest } of valid) {
    const { validUntil } = document;
    assert.equal(await actionDigest(action, { client: origin, validUntil }), digest, about);
  }
  // Without a diagnostic: wire/test/vectors.test.js counts the same vectors.
  demandAllRead({ action: ["valid"] });
});

test("an action is sent in place of the content, and its digest compared", async () => {
  script = [await issued()];
  const pending = await client().ask("user-7", { action: { ...ACTION, language: "en" } });
  const { action, content } = JSON.parse(requests[0].body);
  assert.deepEqual([action, content], [{ ...ACTION, language: "en" }, undefined]);
  assert.deepEqual(pending.action, { ...ACTION, language: "en" });
  assert.equal(await pending.actionDigest(), (await terms()).digest);
  const loaded = PendingRequest.load(pending.dump());
  assert.equal(loaded.validUntil, VALID_UNTIL);
  assert.equal(loaded.dump(), pending.dump());
  assert.equal(await loaded.actionDigest(), await pending.actionDigest());
});

test("warnings are read and not stored, and none are there without them", async () => {
  const warning = { code: "document_host", field: "action.arguments.documents[0].url", host: "h" };
  script = [await issued({ warnings: [warning, { code: "new", more: 1 }] }), await issued()];
  const ask = () => client().ask("user-7", { action: ACTION });
  const pending = await ask();
  assert.deepEqual(pending.warnings, [warning, { code: "new", field: null, host: null }]);
  assert.ok(Object.isFrozen(pending.warnings));
  assert.deepEqual(PendingRequest.load(pending.dump()).warnings, []);
  assert.deepEqual((await ask()).warnings, []);
});

test("a question without an action has no digest, and its record no time", async () => {
  script = [await issued({ content: "Pay?", action: undefined })];
  const pending = await client().ask("user-7", "Pay?", { buttons: ownButtons() });
  assert.deepEqual([pending.action, await pending.actionDigest()], [null, null]);
  assert.ok(!pending.dump().includes("validUntil"));
});

test("a reply about another action, or none, is refused", async () => {
  const own = await terms();
  const [approve, decline] = STANDARD;
  for (const [changes, what] of [
    [{ action: null }, "action"],
    [{ action: { ...own, type: "payment" } }, "action.type"],
    [{ action: { ...own, digest: (await terms({ ...ACTION, resource: "x" })).digest } }, "action.digest"],
    [{ action: { ...own, validUntil: "2026-03-01T12:13:00.000Z" } }, "action.digest"],
    [{ buttons: [decline, approve] }, "buttons"],
    [{ buttons: [approve, approve] }, "buttons"],
    [{ buttons: [{ ...approve, strongAuth: false }, decline] }, "buttons"],
    [{ buttons: [...STANDARD, decline] }, "buttons"],
  ]) {
    script = [await issued(changes)];
    const refused = { code: "evidence_refused", what };
    await assert.rejects(client().ask("user-7", { action: ACTION }), refused);
  }
  script = [await issued({ content: "Pay?" })];
  const refused = { code: "evidence_refused", what: "action" };
  await assert.rejects(client().ask("user-7", "Pay?", { buttons: ownButtons() }), refused);
});

const ownButtons = () =>
  STANDARD.map(({ title, strongAuth: strong, approving }) => ({ title, strong, approving }));

test("buttons and a time of the origin's own are compared as they are", async () => {
  const validUntil = "2026-03-01T12:30:00.000Z";
  const action = { ...ACTION, validUntil };
  const options = { buttons: ownButtons() };
  script = [await issued({ action: await terms(action, validUntil) })];
  await client().ask("user-7", { action }, options);
  script = [await issued()];
  const late = { code: "evidence_refused", what: "action.validUntil" };
  await assert.rejects(client().ask("user-7", { action }, options), late);
  const [approve, decline] = STANDARD;
  const buttons = [{ ...approve, title: "Run" }, decline];
  script = [await issued({ action: await terms(action, validUntil), buttons })];
  const other = { code: "evidence_refused", what: "buttons" };
  await assert.rejects(client().ask("user-7", { action }, options), other);
});

test("an approval is used, reported and given back", async () => {
  script = [await issued()];
  const pending = await client().ask("user-7", { action: ACTION });
  requests = [];
  script = [await known()];
  const used = await client().consume(pending, ACTION.arguments);
  assert.deepEqual([used.state, used.use.state, used.use.presented], ["USED", "UNKNOWN", true]);
  await client().report(pending, "executed");
  await client().report(pending, "failed", { detail: "no such mailbox" });
  await client().withdraw(pending);
  await client().action(NAMES.guid);
  const calls = requests.map(({ method, uri, body }) => [
    `${method} ${uri.replace("https://auth.example.com/api/", "")}`,
    body && JSON.parse(body),
  ]);
  assert.deepEqual(calls, [
    ["POST action/consume", { requestGuid: NAMES.guid, arguments: ACTION.arguments }],
    ["POST action/report", { requestGuid: NAMES.guid, outcome: "executed" }],
    ["POST action/report", { requestGuid: NAMES.guid, outcome: "failed", detail: "no such mailbox" }],
    ["POST action/withdraw", { requestGuid: NAMES.guid }],
    [`GET action/${NAMES.guid}`, ""],
  ]);
});

test("a use is sent once, and only a reply about it counts", async () => {
  script = [new TypeError("terminated")];
  await assert.rejects(client().consume(NAMES.guid, {}), { code: "reply_lost" });
  assert.equal(requests.length, 1);
  script = [await issued()];
  const pending = await client().ask("user-7", { action: ACTION });
  for (const [changes, what] of [
    [{ state: "APPROVED", use: null }, "state"],
    [{ requestGuid: NAMES.account }, "requestGuid"],
    [{ digest: (await terms({ ...ACTION, run: "run-8" })).digest }, "digest"],
  ]) {
    script = [await known(changes)];
    const refused = { code: "evidence_refused", what };
    await assert.rejects(client().consume(pending, ACTION.arguments), refused);
  }
  script = [await known({ state: "DONE" })];
  await assert.rejects(client().action(NAMES.guid), { code: "bad_reply" });
});

test("a use receipt is verified with the keys that are trusted", async () => {
  const { trusted, thumbprint, valid, invalid } = readVectors("use-receipt");
  const trust = await Trust.jwks(trusted);
  const [{ token, claims }] = valid;
  assert.equal((await trust.verifyUseReceipt(token)).challenge, claims.challenge);
  const other = Trust.thumbprint(thumbprint.split("").toReversed().join(""));
  const untrusted = { code: "evidence_refused", what: "receipt: issuer_untrusted" };
  await assert.rejects(other.verifyUseReceipt(token), untrusted);
  const changed = { code: "evidence_refused", what: "receipt: receipt_changed" };
  await assert.rejects(trust.verifyUseReceipt(invalid[0].token), changed);
  for (const text of [undefined, null, 7, "", {}]) {
    await assert.rejects(trust.verifyUseReceipt(text), changed);
    await assert.rejects(verifyUseReceipt(text, { thumbprint }), { code: "receipt_changed" });
  }
});

test("mistakes of the program are named, and nothing is sent", async () => {
  const unfit = { code: "client_unfit" };
  for (const action of [
    "send_mail",
    { ...ACTION, type: undefined },
    { ...ACTION, arguments: ["ann"] },
    { ...ACTION, arguments: { to: undefined } },
    { ...ACTION, arguments: { copies: 2n ** 60n } },
    { ...ACTION, agent: 7 },
    { ...ACTION, validUntil: "tomorrow" },
    { ...ACTION, digest: "x" },
  ]) {
    await assert.rejects(client().ask("user-7", { action }), unfit);
  }
  await assert.rejects(client().ask("user-7", { action: ACTION, text: "Run?" }), unfit);
  await assert.rejects(client().consume(NAMES.guid, "{}"), unfit);
  await assert.rejects(client().consume(NAMES.guid, { to: undefined }), unfit);
  await assert.rejects(client().report(NAMES.guid, "done"), unfit);
  await assert.rejects(client().report(NAMES.guid, "failed", { detail: 7 }), unfit);
  assert.equal(requests.length, 0);
});
