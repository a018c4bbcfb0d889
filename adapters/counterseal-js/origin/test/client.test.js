import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Client, PendingRequest, Trust } from "../index.js";

const NAMES = {
  guid: "97536725-7d24-8347-8a65-2c7634d21950",
  account: "9776d5e6-7b6c-881b-86bd-89e71800ca35",
  appSpace: "072474e9-82a3-8ce6-891d-30696cf80f68",
  origin: "0714f396-3a94-880b-a13b-9d08e89cca43",
};
const URL_OF_SERVICE = "https://auth.example.com";
const KEY = "a-secret-that-no-reply-and-no-log-may-have";

/** A service that returns what a test says, and a time that passes only where somebody sleeps. */
class FakeService {
  now = Date.parse("2026-03-01T12:00:00.000Z");
  slept = [];
  requests = [];
  script = [];

  client(settings = {}) {
    return new Client({
      url: URL_OF_SERVICE,
      origin: NAMES.origin,
      key: KEY,
      fetch: (uri, options) => this.fetch(uri, options),
      now: () => this.now,
      monotonic: () => this.now,
      sleep: async (milliseconds) => {
        this.slept.push(milliseconds);
        this.now += milliseconds;
      },
      ...settings,
    });
  }

  async fetch(uri, { method, headers, body, signal }) {
    signal.throwIfAborted();
    const text = body ? new TextDecoder().decode(body) : "";
    const request = { method, uri, headers: Object.fromEntries(headers), body: text };
    this.requests.push(request);
    const step = this.script.length > 1 ? this.script.shift() : this.script[0];
    return step(request);
  }
}

/** With these random bytes, each pause has its whole length. */
const greatest = (size) => new Uint8Array(size).fill(255);
const json = (document, init) => () => Response.json(document, init);
const problem = (code, status, more = {}) => json({ code, ...more }, { status });
const lost = () => {
  throw new TypeError("terminated");
};
const unreached = () => {
  throw new TypeError("fetch failed", { cause: Object.assign(new Error(), { code: "ENOTFOUND" }) });
};

const reply = (changes = {}) => ({
  guid: NAMES.guid,
  privakeyId: NAMES.account,
  accountId: "user-7",
  appSpaceGuid: NAMES.appSpace,
  requestOriginGuid: NAMES.origin,
  transactionId: null,
  content: "Pay?",
  buttons: [
    { title: "Approve", strongAuth: true, style: null, approving: true },
    { title: "Reject", strongAuth: false, style: null, approving: false },
  ],
  additionalInfo: null,
  showCode: false,
  showNotification: true,
  callback: null,
  state: "PENDING",
  status: "PENDING",
  issuedAt: "2026-03-01T12:00:00.000Z",
  expiresAt: "2026-03-01T12:02:00.000Z",
  buttonSelected: null,
  approved: false,
  answeredAt: null,
  device: null,
  answer: null,
  receipt: null,
  ...changes,
});
const state = (name) => json(reply({ state: name, status: name }));

let service;
beforeEach(() => {
  service = new FakeService();
});

test("a question is sent once, under one idempotency key, however often a reply is lost", async () => {
  service.script = [lost, problem("unavailable", 503), json(reply())];
  const pending = await service.client().ask("user-7", "Pay?");
  assert.equal(pending.guid, NAMES.guid);
  assert.equal(service.requests.length, 3);
  const keys = new Set(service.requests.map(({ headers }) => headers["idempotency-key"]));
  const bodies = new Set(service.requests.map(({ body }) => body));
  assert.deepEqual([keys.size, bodies.size], [1, 1]);
  assert.equal(service.requests[0].uri, `${URL_OF_SERVICE}/api/request/add`);
});

test("a duration is a text with a unit, or a number of seconds", async () => {
  service.script = [json(reply())];
  for (const duration of ["5m", "90", 90]) {
    await service.client().ask("user-7", "Pay?", { duration });
  }
  const durations = service.requests.map(({ body }) => JSON.parse(body).duration);
  assert.deepEqual(durations, ["5m", "90", "90s"]);
});

test("a call gives up after three attempts, and tells whether it was sent", async () => {
  service.script = [lost];
  await assert.rejects(service.client().ask("user-7", "Pay?"), { code: "reply_lost" });
  service.script = [unreached];
  await assert.rejects(service.client().ask("user-7", "Pay?"), { code: "not_sent" });
  service.script = [problem("busy", 503)];
  await assert.rejects(service.client().ask("user-7", "Pay?"), { code: "service_unavailable" });
  assert.equal(service.requests.length, 9);
});

test("a call waits for the end of a dead one that has its idempotency key", async () => {
  const busy = (seconds) => json(
    { code: "key_in_progress" },
    { status: 409, headers: { "retry-after": String(seconds) } },
  );
  service.script = [lost, busy(1), busy(1), busy(26), json(reply({ state: "PENDING" }))];
  await service.client().ask("user-7", "Pay?");
  assert.equal(new Set(service.requests.map(({ headers }) => headers["idempotency-key"])).size, 1);
  assert.equal(service.requests.length, 5);
  assert.ok(service.slept.reduce((sum, pause) => sum + pause) >= 28_000);
});

test("a call does not wait for ever for another one that has its idempotency key", async () => {
  service.script = [
    json({ code: "key_in_progress" }, { status: 409, headers: { "retry-after": "20" } }),
  ];
  await assert.rejects(service.client().ask("user-7", "Pay?"), { problem: "key_in_progress" });
  assert.equal(service.slept.length, 2);
  assert.ok(service.slept.every((pause) => pause >= 20_000 && pause < 21_000), service.slept);
});

test("a service that asks for a long pause is not called again", async () => {
  service.script = [json({}, { status: 503, headers: { "retry-after": "6" } })];
  await assert.rejects(service.client().status(NAMES.guid), { retryAfter: 6000 });
  assert.equal(service.requests.length, 1);
});

for (const [code, status, expected] of [
  ["unauthorized", 401, "request_unauthorised"],
  ["not_found", 404, "request_not_there"],
  ["unreachable", 404, "request_unreachable"],
  ["too_often", 429, "request_too_often"],
  ["too_many_pending", 429, "request_too_often"],
  ["wrong_state", 409, "request_finished"],
  ["action_used", 409, "request_action_used"],
  ["arguments_differ", 409, "request_arguments_differ"],
  ["not_approved", 409, "request_no_approval"],
  ["approver_inactive", 409, "request_no_approval"],
  ["deadline_passed", 410, "request_finished"],
  ["invalid_field", 400, "request_refused"],
  ["<script>", 404, "request_not_there"],
]) {
  test(`a refusal as ${code} is ${expected}`, async () => {
    service.script = [problem(code, status, { field: "content", detail: "a\u202eb" })];
    await assert.rejects(service.client().ask("user-7", "Pay?"), (error) => {
      assert.equal(error.code, expected);
      assert.equal(error.problem, code === "<script>" ? "unknown" : code);
      assert.deepEqual([error.status, error.field, error.detail], [status, "content", "a\\u{202e}b"]);
      assert.ok(!JSON.stringify(error).includes(KEY));
      return true;
    });
  });
}

test("a replay with CX1 is signed again, once", async () => {
  service.script = [problem("unauthorized", 401), state("PENDING")];
  await service.client({ scheme: "hmac" }).status(NAMES.guid);
  const [one, other] = service.requests.map(({ headers }) => headers.authorization);
  assert.notEqual(one, other);
  service.script = [problem("unauthorized", 401)];
  const refused = { code: "request_unauthorised" };
  await assert.rejects(service.client({ scheme: "hmac" }).status(NAMES.guid), refused);
  assert.equal(service.requests.length, 4);
});

test("a reply about another question is refused", async () => {
  for (const [changes, what] of [
    [{ content: "Pay more?" }, "content"],
    [{ accountId: "user-8" }, "accountId"],
    [{ requestOriginGuid: NAMES.account }, "requestOriginGuid"],
    [{ buttons: reply().buttons.toReversed() }, "buttons"],
  ]) {
    service.script = [json(reply(changes))];
    await assert.rejects(service.client().ask("user-7", "Pay?"), { code: "evidence_refused", what });
  }
  service.script = [json(reply({ showCode: true }))];
  const asked = service.client().ask("user-7", "Pay?", { showCode: true });
  await assert.rejects(asked, { code: "evidence_refused", what: "code" });
  service.script = [json(reply())];
  const client = service.client({ appSpace: NAMES.account });
  await assert.rejects(client.ask("user-7", "Pay?"), { code: "bad_reply" });
});

test("a reply about another request than the pending one is refused", async () => {
  service.script = [json(reply())];
  const client = service.client();
  const pending = await client.ask("user-7", "Pay?");
  for (const [changes, what] of [
    [{ content: "Pay more?" }, "content"],
    [{ guid: NAMES.account }, "guid"],
    [{ expiresAt: "2026-03-01T12:03:00.000Z" }, "expiresAt"],
  ]) {
    service.script = [json(reply(changes))];
    await assert.rejects(client.status(pending), { code: "evidence_refused", what });
  }
  await assert.rejects(client.status(NAMES.origin), { code: "evidence_refused", what: "guid" });
});

test("a reply that is none", async () => {
  for (const step of [json({}), () => new Response("<html>"), () => new Response("", { status: 302 })]) {
    service.script = [step];
    await assert.rejects(service.client().status(NAMES.guid), { code: "bad_reply" });
  }
  service.script = [() => new Response(new Uint8Array(2_097_153))];
  await assert.rejects(service.client().status(NAMES.guid), { code: "reply_lost" });
});

test("`wait` polls ever less often, and returns when the request has ended", async () => {
  service.script = [state("PENDING"), state("SEEN"), state("PENDING"), state("EXPIRED")];
  const client = service.client({ random: greatest });
  const request = await client.wait(NAMES.guid, { timeoutSeconds: 60 });
  assert.equal(request.state, "EXPIRED");
  assert.deepEqual(service.slept, [1000, 1500, 2250]);
  assert.match(service.requests[0].uri, /requestGuid=[0-9a-f-]+&wait=25$/);
});

test("`wait` returns the request as it is when the time is over", async () => {
  service.script = [state("PENDING")];
  assert.equal((await service.client().wait(NAMES.guid, { timeoutSeconds: 10 })).state, "PENDING");
  assert.equal(service.slept.reduce((sum, each) => sum + each), 10_000);
});

test("`wait` goes on over failures, and throws only the last one", async () => {
  service.script = [lost, problem("too_often", 429), state("CANCELLED")];
  assert.equal((await service.client().wait(NAMES.guid, { timeoutSeconds: 60 })).state, "CANCELLED");
  service.script = [lost];
  await assert.rejects(service.client().wait(NAMES.guid, { timeoutSeconds: 5 }), { code: "reply_lost" });
  service.script = [problem("not_found", 404)];
  const refused = { code: "request_not_there" };
  await assert.rejects(service.client().wait(NAMES.guid, { timeoutSeconds: 5 }), refused);
});

test("`wait` ends when its signal is aborted", async () => {
  service.script = [state("PENDING")];
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(service.client().wait(NAMES.guid, { timeoutSeconds: 5, signal }), /enough/);
});

/** A sleep that only an abort ends, and the function that aborts it once it has begun. */
function endlessSleep() {
  const controller = new AbortController();
  const sleep = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      controller.abort(new Error("enough"));
    });
  return { sleep, signal: controller.signal };
}

test("an abort ends the pause between two polls", async () => {
  service.script = [state("PENDING")];
  const { sleep, signal } = endlessSleep();
  const client = service.client({ sleep });
  await assert.rejects(client.wait(NAMES.guid, { timeoutSeconds: 60, signal }), /enough/);
});

test("an abort ends the pause between two attempts of a call", async () => {
  service.script = [lost];
  const { sleep, signal } = endlessSleep();
  const client = service.client({ sleep });
  await assert.rejects(client.status(NAMES.guid, { signal }), /enough/);
  assert.equal(service.requests.length, 1);
});

test("every call ends at the abort of its signal", async () => {
  const { guid } = NAMES;
  for (const [name, call] of Object.entries({
    ask: (client, how) => client.ask("user-7", "Pay?", how),
    status: (client, how) => client.status(guid, how),
    cancel: (client, how) => client.cancel(guid, how),
    consume: (client, how) => client.consume(guid, {}, how),
    report: (client, how) => client.report(guid, "executed", how),
    withdraw: (client, how) => client.withdraw(guid, how),
    action: (client, how) => client.action(guid, how),
    invite: (client, how) => client.invite("user-7", how),
    devices: (client, how) => client.devices("user-7", how),
    revokeDevice: (client, how) => client.revokeDevice(guid, how),
    account: (client, how) => client.account("user-7", how),
    events: (client, how) => client.events(undefined, how).next(),
  })) {
    const controller = new AbortController();
    const endless = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        controller.abort(new Error("enough"));
      });
    const client = service.client({ fetch: endless, timeoutSeconds: 0.5 });
    await assert.rejects(call(client, { signal: controller.signal }), /enough/, name);
  }
});

test("no pause between two polls is longer than a day, or shorter than `Retry-After`", async () => {
  const after = (seconds) =>
    json({}, { status: 503, headers: { "retry-after": String(seconds) } });
  service.script = [after(30 * 86_400), after(60), state("EXPIRED")];
  await service.client().wait(NAMES.guid, { timeoutSeconds: 100 * 86_400 });
  const [first, second] = service.slept;
  assert.equal(first, 86_400_000);
  assert.ok(second >= 60_000 && second <= 70_000, second);
});

test("cancelling twice is harmless where the first reply was lost", async () => {
  service.script = [lost, problem("wrong_state", 409), state("CANCELLED")];
  await service.client().cancel(NAMES.guid);
  service.script = [problem("wrong_state", 409)];
  await assert.rejects(service.client().cancel(NAMES.guid), { code: "request_finished" });
  service.script = [lost, problem("wrong_state", 409), state("ANSWERED")];
  await assert.rejects(service.client().cancel(NAMES.guid), { code: "request_finished" });
});

test("an invitation has its link, whatever form the token has", async () => {
  const members = { privakeyId: NAMES.account, appSpaceGuid: NAMES.appSpace, appSpaceName: "Bank & Co" };
  const expiration = "2026-03-01T12:05:00.000Z";
  const link =
    `counterseal://bind?st=a.b&appSpaceGuid=${NAMES.appSpace}&appSpaceName=Bank%20%26%20Co` +
    `&privakeyId=${NAMES.account}&displayName=me%21`;
  for (const token of [
    { sessionToken: "a.b", sessionTokenExpiration: expiration },
    { sessionToken: { guid: "a.b", expiration } },
  ]) {
    service.script = [json({ ...members, ...token })];
    const invitation = await service.client().invite("user-7", { displayName: "me!" });
    assert.deepEqual([invitation.link, invitation.expiresAt], [link, expiration]);
  }
});

test("an invitation opens the app that the call names, and else the service's", async () => {
  const members = { privakeyId: NAMES.account, appSpaceGuid: NAMES.appSpace, appSpaceName: "Bank" };
  const own = { appUrl: "https://auth.example/app", serviceUrl: "https://auth.example" };
  const document = { ...members, ...own, sessionToken: "a.b", sessionTokenExpiration: "2026-03-01T12:05:00.000Z" };
  for (const [options, app] of /** @type {const} */ ([
    [{}, "https://auth.example/app"],
    [{ app: "https://app.example" }, "https://app.example"],
  ])) {
    service.script = [json(document)];
    const { link } = await service.client().invite("user-7", options);
    assert.ok(link.startsWith(`${app}/#bind?st=a.b&`), link);
    assert.ok(link.endsWith("&service=https%3A%2F%2Fauth.example"), link);
  }
  await assert.rejects(service.client().invite("user-7", { app: "app.example" }), { code: "client_unfit" });
});

test("a pending request is stored without its code, and read again", async () => {
  service.script = [json(reply({ showCode: true, code: "123456" }))];
  const pending = await service.client().ask("user-7", "Pay?", { showCode: true });
  assert.equal(pending.code, "123456");
  assert.ok(!pending.dump().includes("123456"));
  const loaded = PendingRequest.load(pending.dump());
  assert.equal(loaded.code, null);
  assert.equal(loaded.dump(), pending.dump());
  assert.throws(() => PendingRequest.load("{}"), { code: "invalid_field" });
});

test("a request says its context, in members of a closed set", async () => {
  service.script = [json(reply())];
  const context = { ipAddress: "192.0.2.17", place: "Bern" };
  await service.client().ask("user-7", "Pay?", { context });
  assert.deepEqual(JSON.parse(String(service.requests.at(-1)?.body)).context, context);
  for (const wrong of [{}, { city: "Bern" }, { place: 7 }, "Bern"]) {
    const options = /** @type {any} */ ({ context: wrong });
    const asked = service.client().ask("user-7", "Pay?", options);
    await assert.rejects(asked, { code: "client_unfit" });
  }
});

test("a request may be to one device", async () => {
  service.script = [json(reply())];
  const device = "e6e1f1a2-3c1d-8b4f-9a58-0c9d8e7f6a5b";
  const pending = await service.client().ask("user-7", "Pay?", { device });
  assert.equal(JSON.parse(String(service.requests.at(-1)?.body)).deviceGuid, device);
  assert.equal(PendingRequest.load(pending.dump()).dump(), pending.dump());
  const wrong = /** @type {any} */ ({ device: 7 });
  await assert.rejects(service.client().ask("user-7", "Pay?", wrong), { code: "client_unfit" });
});

test("devices say whether they answer requests", async () => {
  const device = { guid: "e6e1f1a2-3c1d-8b4f-9a58-0c9d8e7f6a5b", name: "", status: "ACTIVE" };
  const client = service.client();
  for (const [members, answers] of [
    [{}, true],
    [{ answers: true }, true],
    [{ answers: false }, false],
  ]) {
    service.script = [json([{ ...device, ...members }])];
    const [known] = await client.devices("user-7");
    assert.deepEqual(known, { guid: device.guid, name: "", state: "ACTIVE", answers });
  }
  service.script = [json([{ ...device, answers: "no" }])];
  await assert.rejects(() => client.devices("user-7"), { code: "bad_reply" });
});

test("mistakes of the program are named, and nothing is sent", async () => {
  const client = service.client();
  for (const call of [
    () => client.ask("", "Pay?"),
    () => client.ask("user-7", { text: "Pay?", html: "Pay?" }),
    () => client.ask("user-7", { title: "Pay?", keys: [{ key: "a" }] }),
    () => client.ask("user-7", "\ud800"),
    () => client.ask("user-7", "Pay?", { showcode: true }),
    () => client.ask("user-7", "Pay?", { duration: 1.5 }),
    () => client.ask("user-7", "Pay?", { duration: 0 }),
    () => client.ask("user-7", "Pay?", { duration: "5 minutes" }),
    () => client.ask("user-7", "Pay?", { duration: ["5m"] }),
    () => client.ask("user-7", "Pay?", { durationSeconds: 60 }),
    () => client.wait(NAMES.guid, { timeout: 60 }),
    () => client.ask("user-7", "Pay?", { buttons: [{ title: "Yes", strong: true }] }),
    () => client.ask("user-7", "Pay?", { idempotencyKey: "ä" }),
    () => client.status("7"),
    () => client.devices(7),
  ]) {
    await assert.rejects(call, { code: "client_unfit" });
  }
  assert.deepEqual(service.requests, []);
  for (const settings of [
    { url: "http://auth.example.com" },
    { url: "https://auth.example.com/?a=b" },
    { url: "ftp://auth.example.com" },
    { url: "auth.example.com" },
    { key: "short" },
    { origin: "7" },
    { scheme: "digest" },
    { timeoutSeconds: 0 },
  ]) {
    assert.throws(() => service.client(settings), { code: "client_unfit" });
  }
  service.client({ url: "http://127.0.0.1:8787" });
  service.client({ url: "http://auth.example.com", allowHttp: true });
  await assert.rejects(Trust.jwks({ keys: [] }), { code: "client_unfit" });
  assert.throws(() => Trust.thumbprint("x"), { code: "client_unfit" });
});
