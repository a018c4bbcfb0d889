import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { writeLink } from "../../wire/link.js";
import { deviceOnlyKeys, memoryStore, pinKeys, Wallet } from "../index.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "./fake_service.js";

let service;
let store;
let wallet;
let pin;

const strongKeys = () => [deviceOnlyKeys(), pinKeys({ askPin: async () => pin, cost: 2 })];

beforeEach(async () => {
  service = await FakeService.make();
  store = memoryStore();
  pin = "1379";
  wallet = new Wallet({ store, strongKeys: strongKeys(), ...service.world });
});

const link = (more = {}) =>
  writeLink({
    token: service.token,
    appSpace: NAMES.appSpace,
    appSpaceName: "Bank",
    account: NAMES.account,
    displayName: "Zoë",
    ...more,
  });
const bind = (more = {}) => wallet.bind({ url: URL_OF_SERVICE, link: link(), ...more });

async function shownAt(account) {
  const [request] = await account.pending();
  return account.show(request.guid);
}

for (const fault of ["lost", "busy"]) {
  test(`a bind whose reply is ${fault} is repeated with the same keys`, async () => {
    service.script = [fault, fault];
    const account = await bind();
    assert.equal(account.accountName, "Zoë");
    assert.equal((await wallet.accounts()).length, 1);
  });
}

test("a bind that failed binds the same keys later", async () => {
  service.script = ["lost", "lost", "lost"];
  await assert.rejects(bind(), { code: "reply_lost" });
  assert.deepEqual(await wallet.accounts(), []);
  const account = await bind();
  assert.equal((await account.status()).state, "ACTIVE");
  assert.deepEqual([account.color, account.logo], [null, null]);
});

test("colour and logo are kept as the service said last, and shapeless ones are none", async () => {
  const account = await bind();
  const changes = [];
  wallet.addEventListener("change", ({ detail }) => changes.push(detail.type));
  const logo = "A".repeat(43);
  service.brand = { appSpaceColor: "#1a2B3c", appSpaceLogo: logo };
  assert.deepEqual((await account.status()).brand, { color: "#1a2B3c", logo });
  await account.status();
  assert.deepEqual(changes, ["branded"]);
  const [stored] = await wallet.accounts();
  assert.equal(stored.color, "#1a2B3c");
  assert.equal(stored.logo, `${stored.url}/device/logo/${NAMES.appSpace}/${logo}`);
  service.brand = { appSpaceColor: "red", appSpaceLogo: "../x" };
  await account.status();
  assert.deepEqual([account.color, account.logo], [null, null]);
  service.brand = { appSpaceColor: 1 };
  await assert.rejects(account.status(), { code: "bad_reply" });
});

const NAMED = {
  appSpaceName: "Harbour Bank",
  companyName: "Harbour Ltd",
  verifiedName: "Harbour Ltd, Utrecht",
  accountId: "user-7",
  accountName: "Zoë (checking)",
};
const namesIn = ({ appSpaceName, companyName, verifiedName, accountId, accountName }) => ({
  appSpaceName,
  companyName,
  verifiedName,
  accountId,
  accountName,
});

test("an account is called as its link says until the service says how, and then as that", async () => {
  const account = await bind();
  const unsaid = { companyName: null, verifiedName: null, accountId: null };
  assert.deepEqual(namesIn(account), { appSpaceName: "Bank", accountName: "Zoë", ...unsaid });
  assert.equal(account.isNamedByLink, true);
  const changes = [];
  wallet.addEventListener("change", ({ detail }) => changes.push(detail.type));
  service.names = NAMED;
  for (let time = 0; time < 2; time += 1) await account.status();
  assert.deepEqual(changes, ["branded"]);
  const opened = await new Wallet({ store, strongKeys: strongKeys(), ...service.world }).accounts();
  for (const each of [account, ...opened]) {
    assert.deepEqual(namesIn(each), NAMED);
    assert.equal(each.isNamedByLink, false);
  }
  // An operator takes the name away.
  service.names = { ...NAMED, verifiedName: undefined };
  await account.status();
  assert.deepEqual(namesIn(account), { ...NAMED, verifiedName: null });
  service.names = { ...NAMED, verifiedName: 7 };
  await assert.rejects(account.status(), { code: "bad_reply" });
});

test("a bind is called as the service says, whatever the link says", async () => {
  service.names = NAMED;
  const account = await bind();
  assert.deepEqual(namesIn(account), NAMED);
  assert.equal(account.isNamedByLink, false);
});

test("the service learns platform and version of the app, at the bind and when they change", async () => {
  const app = { platform: "Android 16", appVersion: "2.0" };
  const open = (more) => new Wallet({ store, strongKeys: strongKeys(), ...service.world, ...more });
  wallet = open(app);
  const account = await bind();
  const { platform, appVersion, lastSeenAt } = await account.status();
  assert.deepEqual({ platform, appVersion }, app);
  assert.equal(lastSeenAt, new Date(service.now).toISOString());
  const updated = open({ ...app, appVersion: "2.1" });
  const [reopened] = await updated.accounts();
  service.requests = [];
  assert.equal((await reopened.status()).appVersion, "2.1");
  assert.equal((await reopened.status()).platform, "Android 16");
  assert.deepEqual(
    service.requests.map(({ method }) => method),
    ["GET", "PATCH", "GET"],
  );
  assert.deepEqual(service.app, { ...app, appVersion: "2.1" });
  const [silent] = await open({}).accounts();
  assert.equal((await silent.status()).appVersion, "2.1");
});

test("a service that keeps no platform is not given any", async () => {
  service.keepsApps = false;
  wallet = new Wallet({ store, strongKeys: strongKeys(), ...service.world });
  await bind();
  const newer = new Wallet({ store, strongKeys: strongKeys(), ...service.world, platform: "X" });
  const [account] = await newer.accounts();
  service.requests = [];
  assert.deepEqual([(await account.status()).platform, service.requests.length], [null, 1]);
});

test("a service that takes the person's language learns it at the bind, and once when it changes", async () => {
  service.languages = ["en", "de"];
  const app = { platform: "Android 16", appVersion: "2.0" };
  const open = (more) => new Wallet({ store, strongKeys: strongKeys(), ...service.world, ...more });
  wallet = open({ ...app, language: "de-AT" });
  const invitation = await wallet.readInvitation({ url: URL_OF_SERVICE, link: service.token });
  assert.deepEqual(invitation.languages, ["en", "de"]);
  const account = await bind({ invitation });
  assert.equal(service.language, "de-AT");
  service.requests = [];
  assert.equal((await account.status()).language, "de-AT");
  assert.equal(service.requests.length, 1);

  const reopened = open({ ...app, language: "en-GB" });
  const [opened] = await reopened.accounts();
  service.requests = [];
  assert.equal((await opened.status()).language, "en-GB");
  await opened.status();
  const bodies = service.requests.map(({ method, body }) => [method, body]);
  assert.deepEqual(bodies, [["GET", ""], ["PATCH", '{"language":"en-GB"}'], ["GET", ""]]);

  await reopened.setLanguage("de");
  await reopened.setLanguage("de");
  assert.equal(service.language, "de");
  assert.equal(service.requests.length, 5);
});

test("a bind by a link alone tells the language with the next status", async () => {
  service.languages = ["en", "de"];
  wallet = new Wallet({ store, strongKeys: strongKeys(), ...service.world, language: "de" });
  const account = await bind();
  assert.equal(service.language, undefined);
  assert.equal((await account.status()).language, "de");
});

test("a service that takes no language gets none", async () => {
  wallet = new Wallet({ store, strongKeys: strongKeys(), ...service.world, language: "de" });
  const invitation = await wallet.readInvitation({ url: URL_OF_SERVICE, link: service.token });
  const account = await bind({ invitation });
  service.requests = [];
  const { language, languages } = await account.status();
  assert.deepEqual([invitation.languages, language, languages], [null, null, null]);
  assert.equal(service.requests.length, 1);
});

test("a bind of another App Space or account than the link's is refused", async () => {
  const other = NAMES.origin;
  await assert.rejects(bind({ link: link({ account: other }) }), { code: "bad_reply" });
  await assert.rejects(bind({ link: link({ appSpace: other }) }), { code: "service_refused" });
  assert.deepEqual(await wallet.accounts(), []);
});

test("a link may have the service's address, and is then of no other", async () => {
  const app = "https://app.example.com/app";
  const own = link({ app, service: URL_OF_SERVICE });
  const other = link({ app, service: "https://auth.example.org" });
  const field = { field: "service" };
  await assert.rejects(wallet.bind({ url: URL_OF_SERVICE, link: other }), field);
  await assert.rejects(wallet.bind({ link: link() }), { code: "client_unfit" });
  await assert.rejects(wallet.bind({ link: service.token }), { code: "client_unfit" });
  const insecure = link({ app, service: "http://auth.example.com" });
  await assert.rejects(wallet.bind({ link: insecure }), { code: "client_unfit" });
  assert.deepEqual(service.requests, []);
  const account = await wallet.bind({ link: own });
  assert.equal(account.url, URL_OF_SERVICE);
});

test("an answer whose reply is lost is sent again, to the byte, and asks for one PIN", async () => {
  const account = await bind({ strongKey: "pin" });
  const shown = await shownAt(account);
  service.requests = [];
  service.script = ["lost", "busy"];
  const outcome = await account.answer(shown, { button: 0 });
  assert.equal(outcome.approved, true);
  const bodies = service.requests.map(({ body }) => body);
  assert.deepEqual(bodies, [bodies[0], bodies[0]]);
  const proofs = service.requests.map(({ headers }) => headers.get("counterseal-proof"));
  assert.notEqual(proofs[0], proofs[1]);
});

test("an answer that never got a reply is sent again by the next call, and no other", async () => {
  const account = await bind();
  const shown = await shownAt(account);
  service.script = ["lost", "lost", "lost"];
  await assert.rejects(account.answer(shown, { button: 0 }), { code: "reply_lost" });
  const refusal = { code: "answer_unconfirmed" };
  await assert.rejects(account.answer(shown, { button: 1 }), refusal);
  await assert.rejects(account.disown(shown), refusal);
  const outcome = await account.answer(shown, { button: 0 });
  assert.equal(outcome.receipt.number, 1);
});

for (const [act, choice] of [["answer", { button: 1 }], ["disown", {}]]) {
  test(`a refusal says why, and no receipt of it is stored: ${act}`, async () => {
    const account = await bind();
    const shown = await shownAt(account);
    const outcome = await account[act](shown, { ...choice, reason: "pressured" });
    assert.equal(outcome.receipt.answer.reason, "pressured");
    const stored = JSON.stringify([await store.list("accounts"), await store.list("history")]);
    assert.ok(!stored.includes("pressured") && !stored.includes(outcome.receiptText), stored);
  });
}

test("a reason is a word of the list, and none to approve", async () => {
  const account = await bind();
  const shown = await shownAt(account);
  const refusal = { code: "invalid_field", field: "reason" };
  await assert.rejects(account.answer(shown, { button: 1, reason: "tired" }), refusal);
  await assert.rejects(account.disown(shown, { reason: "tired" }), refusal);
  await assert.rejects(account.answer(shown, { button: 0, reason: "other" }), refusal);
});

test("only what `show` returned can be answered", async () => {
  const account = await bind();
  const shown = await shownAt(account);
  assert.throws(() => {
    shown.display.content.text = "Pay less?";
  }, TypeError);
  await assert.rejects(account.answer({ ...shown }, { button: 0 }), { code: "client_unfit" });
  await assert.rejects(account.answer(shown, { button: 2 }), { code: "invalid_field" });
});

test("a request that changes after it was shown is refused", async () => {
  const account = await bind();
  await shownAt(account);
  service.display.content.text = "Pay more?";
  await assert.rejects(shownAt(account), { code: "display_changed" });
});

test("a request of another account is not shown", async () => {
  const account = await bind();
  service.display.account.guid = NAMES.origin;
  await assert.rejects(shownAt(account), { code: "display_changed" });
});

test("the matching code is six digits, without white space", async () => {
  service.display.code = true;
  const account = await bind();
  const shown = await shownAt(account);
  for (const code of [undefined, "", "12345", "1234567", "12345x"]) {
    await assert.rejects(account.answer(shown, { button: 0, code }), { field: "code" });
  }
  const problem = { code: "wrong_code", attemptsLeft: 2, requestId: "6f1d-2" };
  service.script = [() => Response.json(problem, { status: 403 })];
  const refusal = { problem: "wrong_code", attemptsLeft: 2, requestId: "6f1d-2" };
  await assert.rejects(account.answer(shown, { button: 0, code: "123 456" }), refusal);
});

test("receipts are kept where they may be, and verified", async () => {
  const account = await bind();
  const outcome = await account.answer(await shownAt(account), { button: 0 });
  const [entry] = await account.history();
  assert.equal(entry.receipt, outcome.receiptText);
  assert.equal(entry.display.content.text, "Pay?");
});

test("nothing that lies beside a key under a PIN tells the key", async () => {
  const account = await bind({ strongKey: "pin" });
  const outcome = await account.answer(await shownAt(account), { button: 0 });
  const { x, y } = outcome.receipt.key.jwk;
  const stored = JSON.stringify([await store.list("accounts"), await store.list("history")]);
  for (const secret of [x, y, outcome.receipt.key.thumbprint, outcome.receiptText, pin]) {
    assert.ok(!stored.includes(secret));
  }
  assert.ok(stored.includes(outcome.receipt.hash));
});

test("a receipt of another answer is refused", async () => {
  const account = await bind();
  const shown = await shownAt(account);
  const [key] = service.keys.filter(({ role }) => role === "strong");
  const receipt = service.receipt.bind(service);
  let other;
  service.receipt = async (answer, facts) => (other ??= await receipt(answer, { ...facts, key }));
  await account.answer(shown, { button: 0 });
  service.reopen();
  const again = await shownAt(account);
  // It is not known as an answer: the same bytes are sent again.
  for (let press = 0; press < 2; press += 1) {
    await assert.rejects(account.answer(again, { button: 0 }), { code: "receipt_changed" });
  }
});

test("a receipt that does not follow the one before is refused", async () => {
  const account = await bind();
  const shown = await shownAt(account);
  await account.answer(shown, { button: 0 });
  service.reopen();
  service.lastReceipt.hash = "another";
  const again = await shownAt(account);
  await assert.rejects(account.answer(again, { button: 1 }), { code: "receipt_changed" });
});

test("a new service key is taken only if a pinned one endorses it", async () => {
  const account = await bind();
  const shown = await shownAt(account);
  await service.changeKey();
  const { endorsed } = service;
  service.endorsed = undefined;
  assert.equal((await account.answer(shown, { button: 0 })).receipt, null);
  assert.deepEqual(await account.history(), []);
  service.endorsed = endorsed;
  service.reopen();
  assert.equal((await account.answer(await shownAt(account), { button: 1 })).receipt.approved, false);
});

for (const roles of [["device"], ["strong"], ["device", "strong"]]) {
  for (const lost of [0, 1, 2]) {
    test(`keys (${roles}) are replaced, ${lost} replies lost`, async () => {
      const account = await bind();
      const before = service.keys;
      service.script = Array(lost).fill("lost");
      const rotated = account.rotate({ roles });
      if (lost === 2) await assert.rejects(rotated, { code: "reply_lost" });
      else await rotated;
      for (const { role, kid } of service.keys) {
        assert.equal(before.some((key) => key.kid === kid), !roles.includes(role));
      }
      // Another program, with what was stored.
      const again = new Wallet({ store, strongKeys: strongKeys(), ...service.world });
      const [reopened] = await again.accounts();
      assert.equal((await reopened.answer(await shownAt(reopened), { button: 0 })).approved, true);
    });
  }
}

test("a rotation that the service never got leaves the old keys", async () => {
  const account = await bind();
  const before = service.keys;
  const unreached = () => new Response("", { status: 503 });
  const { reply } = service;
  service.reply = async () => unreached();
  await assert.rejects(account.rotate(), { code: "service_unavailable" });
  service.reply = reply;
  assert.equal((await account.answer(await shownAt(account), { button: 0 })).approved, true);
  assert.deepEqual(service.keys, before);
});

test("a strong key can be replaced by one of another kind", async () => {
  const account = await bind({ strongKey: "pin" });
  await account.rotate({ roles: ["strong"], strongKey: "device-only" });
  assert.equal(account.strongKind, "device-only");
  assert.equal((await account.answer(await shownAt(account), { button: 0 })).approved, true);
});

test("a service that does not hold the call is asked once a second at most", async () => {
  const account = await bind();
  service.open = false;
  service.requests = [];
  assert.deepEqual(await account.wait({ timeoutSeconds: 5 }), []);
  assert.ok(service.requests.length <= 6);
});

test("`wait` returns as soon as the list is another one", async () => {
  const account = await bind();
  const known = await account.pending();
  service.open = false;
  assert.deepEqual(await account.wait({ timeoutSeconds: 5, known }), []);
  assert.match(service.requests.at(-1).uri, new RegExp(`known=${service.challenge}$`));
});

test("an account that is forgotten is gone, with its history", async () => {
  const account = await bind();
  await account.answer(await shownAt(account), { button: 0 });
  const changes = [];
  wallet.addEventListener("change", ({ detail }) => changes.push(detail));
  await wallet.forget(account.device);
  assert.deepEqual(changes, [{ type: "removed", device: NAMES.device }]);
  assert.deepEqual([await wallet.accounts(), await store.list("history")], [[], []]);
  assert.equal(await wallet.account(NAMES.device), undefined);
});

for (const fault of [undefined, "lost", "busy"]) {
  test(`a device that unbinds itself is revoked, and nothing is left here (${fault})`, async () => {
    const account = await bind();
    await account.answer(await shownAt(account), { button: 0 });
    service.script = [fault];
    await account.unbind();
    assert.equal(service.state, "REVOKED");
    assert.deepEqual([await wallet.accounts(), await store.list("history")], [[], []]);
  });
}

for (const fault of [undefined, "lost"]) {
  test(`a device locks its account, and keeps its keys (${fault})`, async () => {
    const account = await bind();
    service.script = [fault];
    await account.lock();
    assert.equal(service.locked, true);
    await assert.rejects(account.pending(), { problem: "unreachable" });
    service.locked = false;
    assert.equal((await account.answer(await shownAt(account), { button: 0 })).approved, true);
  });
}

test("a lock that the service refuses is thrown as its refusal", async () => {
  const account = await bind();
  service.script = ["unreached"];
  await assert.rejects(account.lock(), { code: "not_sent" });
  service.state = "SUSPENDED";
  await assert.rejects(account.lock(), { problem: "denied", reason: "suspended" });
});

test("a device that cannot reach the service to unbind keeps its keys", async () => {
  const account = await bind();
  service.script = ["unreached"];
  await assert.rejects(account.unbind(), { code: "not_sent" });
  assert.equal((await account.answer(await shownAt(account), { button: 0 })).approved, true);
});

test("a suspended device learns that it is, and when it is resumed", async () => {
  const account = await bind();
  const changes = [];
  wallet.addEventListener("change", ({ detail }) => changes.push(detail.type));
  service.state = "SUSPENDED";
  const refusal = { problem: "denied", reason: "suspended" };
  await assert.rejects(account.pending(), refusal);
  await assert.rejects(account.pending(), refusal);
  assert.equal(account.state, "SUSPENDED");
  service.state = "ACTIVE";
  await account.pending();
  assert.equal(account.state, "ACTIVE");
  assert.deepEqual(changes, ["suspended", "resumed"]);
});

for (const strongKey of ["device-only", "pin"]) {
  test(`a revoked device has no keys any more, and a history (${strongKey})`, async () => {
    const account = await bind({ strongKey });
    await account.answer(await shownAt(account), { button: 0 });
    service.state = "REVOKED";
    const refusal = { code: "service_refused", problem: "denied", reason: "revoked" };
    await assert.rejects(account.pending(), refusal);
    const [{ record }] = await store.list("accounts");
    assert.deepEqual([record.deviceKey, record.strongKey.record], [null, {}]);
    // Another program, with what was stored: no call is made any more.
    const again = new Wallet({ store, strongKeys: strongKeys(), ...service.world });
    const [reopened] = await again.accounts();
    service.requests = [];
    assert.equal(reopened.state, "REVOKED");
    await assert.rejects(reopened.rotate(), refusal);
    await assert.rejects(reopened.watch().next(), refusal);
    assert.deepEqual([service.requests, (await reopened.history()).length], [[], 1]);
    await reopened.unbind();
    assert.deepEqual(await again.accounts(), []);
  });
}

for (const ahead of [-86_400_000, 3_600_000]) {
  test(`a clock that is ${ahead} milliseconds ahead is corrected once`, async () => {
    const account = await bind();
    service.ahead = ahead;
    service.requests = [];
    const outcome = await account.answer(await shownAt(account), { button: 0 });
    assert.equal(outcome.approved, true);
    assert.equal(outcome.receipt.answer.iat, service.now / 1000);
    assert.equal(account.now(), service.now);
    assert.equal(service.requests.length, 4); // list, list, show, answer
  });
}

test("a refusal is no reason to correct a clock that is right, or a date that is none", async () => {
  const account = await bind();
  const reply = (date) => () => {
    const headers = date ? { date: new Date(date).toUTCString() } : {};
    return Response.json({ code: "denied" }, { status: 403, headers });
  };
  for (const date of [service.now - 30_000, service.now + 30_000, undefined]) {
    service.requests = [];
    service.script = [reply(date)];
    await assert.rejects(account.pending(), { problem: "denied", date });
    assert.deepEqual([service.requests.length, account.now()], [1, service.now]);
  }
});

test("a clock that was corrected in vain is as it was before", async () => {
  const account = await bind();
  const denied = (reason) => () => {
    const headers = { date: new Date(service.now + 3_600_000).toUTCString() };
    return Response.json({ code: "denied", reason }, { status: 403, headers });
  };
  service.script = [denied(), denied()];
  await assert.rejects(account.pending(), { problem: "denied" });
  assert.equal(account.now(), service.now);
  service.script = [denied(), denied("suspended")];
  await assert.rejects(account.pending(), { reason: "suspended" });
  assert.equal(account.now(), service.now + 3_600_000);
});

test("a clock is corrected by a century at most", async () => {
  const account = await bind();
  const century = 36_500 * 86_400_000;
  const denied = (date) => () => {
    const headers = { date: new Date(date).toUTCString() };
    return Response.json({ code: "denied" }, { status: 403, headers });
  };
  for (const [difference, calls] of [
    [century + 1000, 1],
    [-century - 1000, 1],
    [century, 2],
  ]) {
    service.requests = [];
    service.script = [denied(service.now + difference)];
    await assert.rejects(account.pending(), { problem: "denied" });
    assert.deepEqual([service.requests.length, account.now()], [calls, service.now]);
  }
});

test("two calls at once by a wrong clock are both made again", async () => {
  const account = await bind();
  service.ahead = 3_600_000;
  service.requests = [];
  // Neither is refused before both were sent, or the first would correct the clock of the second.
  const { promise: bothSent, resolve } = Promise.withResolvers();
  const together = async (reply) => {
    if (service.requests.length === 2) resolve();
    await bothSent;
    return reply;
  };
  service.script = [together, together];
  const lists = await Promise.all([account.pending(), account.pending()]);
  assert.deepEqual([lists[0].length, lists[1].length, service.requests.length], [1, 1, 4]);
  assert.equal(account.now(), service.now);
});

test("a clock is corrected once for each call, however wrong the dates are", async () => {
  const account = await bind();
  service.requests = [];
  let date = 0;
  const denied = () => {
    date += 86_400_000;
    const headers = { date: new Date(date).toUTCString() };
    return Response.json({ code: "denied" }, { status: 403, headers });
  };
  service.script = [denied, denied, denied];
  await assert.rejects(account.pending(), { problem: "denied" });
  assert.equal(service.requests.length, 2);
});

test("`watch` tells of requests that ended elsewhere, and ignores what it does not know", async () => {
  const account = await bind();
  const changes = [];
  wallet.addEventListener("change", ({ detail }) => changes.push(detail));
  const { challenge: guid } = service;
  const { issuedAt, expiresAt } = service.display;
  const events = [
    ["requests", { requests: [{ guid, issuedAt, expiresAt }] }],
    ["news", {}],
    ["ended", { requestGuid: guid }],
    ["requests", { requests: [] }],
  ];
  const text = events.map(([name, data]) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  const headers = { "content-type": "text/event-stream" };
  service.script = [() => new Response(text.join(""), { headers })];
  const watched = account.watch();
  assert.deepEqual((await watched.next()).value, [{ guid, issuedAt, expiresAt }]);
  assert.deepEqual((await watched.next()).value, []);
  await watched.return();
  const { device } = account;
  assert.deepEqual(changes, [
    { type: "requests", device },
    { type: "ended", device, request: guid },
    { type: "requests", device },
  ]);
});

test("`watch` tells that the service is not reached, once, and that it is reached again", async () => {
  const account = await bind();
  const changes = [];
  wallet.addEventListener("change", ({ detail }) => changes.push(detail.type));
  const { challenge: guid } = service;
  const { issuedAt, expiresAt } = service.display;
  const headers = { "content-type": "text/event-stream" };
  const stream = (requests) => () =>
    new Response(`event: requests\ndata: ${JSON.stringify({ requests })}\n\n`, { headers });
  const request = { guid, issuedAt, expiresAt };
  service.script = ["unreached", "unreached", stream([request]), "unreached", stream([])];
  const watched = account.watch();
  assert.deepEqual((await watched.next()).value, [request]);
  assert.deepEqual((await watched.next()).value, []);
  await watched.return();
  const round = ["unreached", "reached", "requests"];
  assert.deepEqual(changes, [...round, ...round]);
});

test("`ended` returns what ended on any device, and refuses a reply that is none", async () => {
  const account = await bind();
  const endedAt = service.display.expiresAt;
  const request = { guid: service.challenge, state: "EXPIRED", approved: false, answeredHere: false, endedAt };
  const reply = (document) => () => Response.json(document);
  service.script = [
    reply({ requests: [{ ...request, buttonSelected: null, issuedAt: endedAt }] }),
    reply({ requests: [{ ...request, approved: "no" }] }),
  ];
  assert.deepEqual(await account.ended(), [request]);
  await assert.rejects(account.ended(), { code: "bad_reply" });
});

test("an answer that was accepted stays so where the key of its receipt cannot be learned", async () => {
  const account = await bind();
  await service.changeKey();
  const busy = () => new Response("", { status: 503 });
  const stale = () => Response.json({ endorsed: { [account.device]: "x" } });
  for (const fault of ["unreached", "lost", busy, stale]) {
    service.reopen();
    const shown = await shownAt(account);
    service.script = [undefined, fault];
    const outcome = await account.answer(shown, { button: 0 });
    assert.deepEqual([outcome.approved, outcome.receipt], [true, null]);
    assert.notEqual(outcome.receiptText, "");
  }
});

test("a reply that says another outcome than what was pressed is none", async () => {
  const account = await bind();
  const shown = await shownAt(account);
  const changed = (members) => async (reply) =>
    Response.json({ ...(await reply.json()), ...members });
  for (const members of [{ approved: true }, { state: "DISOWNED" }, { state: "EXPIRED" }]) {
    service.script = [changed(members)];
    await assert.rejects(account.answer(shown, { button: 1 }), { code: "bad_reply" });
  }
  assert.equal((await account.answer(shown, { button: 1 })).approved, false);
  service.reopen();
  const again = await shownAt(account);
  for (const members of [{ approved: true }, { state: "ANSWERED" }]) {
    service.script = [changed(members)];
    await assert.rejects(account.disown(again), { code: "bad_reply" });
  }
  assert.equal((await account.disown(again)).state, "DISOWNED");
});

test("after a lost reply and a rotation, the next press signs with the new keys", async () => {
  const account = await bind();
  const shown = await shownAt(account);
  service.script = ["busy", "busy", "busy"];
  await assert.rejects(account.answer(shown, { button: 0 }), { code: "service_unavailable" });
  await account.rotate();
  await assert.rejects(account.answer(shown, { button: 1 }), { code: "answer_unconfirmed" });
  await assert.rejects(account.answer(shown, { button: 0 }), { code: "changed_elsewhere" });
  assert.equal((await account.answer(shown, { button: 0 })).approved, true);
});

test("a service cannot replace the account of another one", async () => {
  const other = await FakeService.make();
  const address = URL_OF_SERVICE.replace(/com$/, "org");
  const { fetch } = service.world;
  const route = (uri, options) => (uri.startsWith(address) ? other.fetch(uri, options) : fetch(uri, options));
  wallet = new Wallet({ store, strongKeys: strongKeys(), ...service.world, fetch: route });
  const account = await bind();
  // The other one says that it has the same device.
  await assert.rejects(wallet.bind({ url: address, link: link() }), { code: "bad_reply" });
  const [stored, ...others] = await wallet.accounts();
  assert.deepEqual([stored.url, others], [URL_OF_SERVICE, []]);
  assert.equal((await account.answer(await shownAt(account), { button: 0 })).approved, true);
});

test("two binds of one link at the same time are one", async () => {
  const [one, other] = await Promise.all([bind(), bind()]);
  assert.equal(one, other);
  assert.equal((await one.answer(await shownAt(one), { button: 0 })).approved, true);
});

test("`watch` opens the stream again after an event that is none", async () => {
  const account = await bind();
  const headers = { "content-type": "text/event-stream" };
  const stream = (text) => () => new Response(text, { headers });
  const [{ guid, issuedAt, expiresAt }] = await account.pending();
  service.script = [
    stream("event: requests\ndata: {\n\n"),
    stream('event: requests\ndata: {"requests": [{}]}\n\n'),
    stream('event: ended\ndata: {"requestGuid": 1}\n\n'),
    stream(`event: requests\ndata: ${JSON.stringify({ requests: [{ guid, issuedAt, expiresAt }] })}\n\n`),
  ];
  const watched = account.watch();
  assert.equal((await watched.next()).value[0].guid, guid);
  await watched.return();
});

test("a service that was not reached, and a reply that is none", async () => {
  const account = await bind();
  service.script = ["unreached"];
  await assert.rejects(account.pending(), { code: "not_sent" });
  for (const body of ["", "{", "[]", '{"requests": [{}]}']) {
    service.script = [() => new Response(body)];
    await assert.rejects(account.pending(), { code: "bad_reply" });
  }
  service.script = [() => new Response("", { status: 302 })];
  await assert.rejects(account.pending(), { code: "bad_reply" });
});
