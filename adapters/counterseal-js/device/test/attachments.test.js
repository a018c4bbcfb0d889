import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";

import { base64url, sha256, utf8 } from "../../wire/bytes.js";
import { ATTACHMENT_LIMIT, deviceOnlyKeys, fetchAttachment, memoryStore, Wallet } from "../index.js";
import { refuses } from "../../wire/test/refuses.js";
import { FakeService, URL_OF_SERVICE } from "./fake_service.js";

const TEXT = utf8("The contract.");

const attachmentOf = async (more = {}) => ({
  name: "contract.txt",
  size: TEXT.length,
  type: "text/plain",
  sha256: base64url(await sha256(TEXT)),
  url: "https://files.example.com/contract.txt",
  ...more,
});

/** Returns a fetch that replies *body*, and notes its calls. */
function replying(body, init) {
  const calls = [];
  const fetch = async (...call) => {
    calls.push(call);
    return new Response(body, init);
  };
  return Object.assign(fetch, { calls });
}

test("an attachment is returned if it has the size and the SHA-256 that the person signs", async () => {
  const fetch = replying(TEXT);
  assert.deepEqual(await fetchAttachment(await attachmentOf(), { fetch }), TEXT);
  const [[url, { signal, ...options }]] = fetch.calls;
  assert.equal(url, "https://files.example.com/contract.txt");
  assert.equal(signal.aborted, false);
  assert.deepEqual(options, {
    method: "GET",
    cache: "no-store",
    credentials: "omit",
    mode: "cors",
    redirect: "error",
    referrerPolicy: "no-referrer",
  });
});

test("an empty attachment is one too", async () => {
  const empty = await attachmentOf({ size: 0, sha256: base64url(await sha256(utf8(""))) });
  assert.equal((await fetchAttachment(empty, { fetch: replying(null) })).length, 0);
});

for (const [why, body] of [
  ["one byte fewer", "The contract"],
  ["one byte more", "The contract.."],
  ["other bytes of the same size", "The contracT."],
  ["nothing", ""],
]) {
  test(`an attachment of ${why} is refused`, async () => {
    const how = { fetch: replying(body) };
    await refuses(async () => fetchAttachment(await attachmentOf(), how), "attachment_changed");
  });
}

test("of a body that is longer no more is read than the request names", async () => {
  let pulls = 0;
  let cancelled = false;
  const endless = new ReadableStream({
    pull(controller) {
      pulls += 1;
      controller.enqueue(utf8("The "));
    },
    cancel() {
      cancelled = true;
    },
  });
  const how = { fetch: replying(endless) };
  await refuses(async () => fetchAttachment(await attachmentOf(), how), "attachment_changed");
  assert.ok(cancelled && pulls <= 6, `${pulls} pieces`);
});

for (const url of [
  "http://files.example.com/contract.txt",
  "https://user@files.example.com/contract.txt",
  "https://:secret@files.example.com/contract.txt",
  "https://files.example.com:port/",
  "blob:https://files.example.com/7",
]) {
  test(`from ${url} nothing is fetched`, async () => {
    const fetch = replying(TEXT);
    const fetched = async () => fetchAttachment(await attachmentOf({ url }), { fetch });
    await refuses(fetched, "attachment_address");
    assert.deepEqual(fetch.calls, []);
  });
}

test("nothing is fetched that is too large for a device", async () => {
  const fetch = replying(TEXT);
  const large = await attachmentOf({ size: ATTACHMENT_LIMIT + 1 });
  await refuses(() => fetchAttachment(large, { fetch }), "attachment_too_large");
  assert.deepEqual(fetch.calls, []);
});

for (const status of [204, 206, 403, 404, 500]) {
  test(`a reply of status ${status} is no attachment`, async () => {
    const fetch = replying(status === 204 ? null : TEXT, { status });
    const fetched = fetchAttachment(await attachmentOf(), { fetch });
    await assert.rejects(fetched, { name: "Unavailable", code: "attachment_unavailable" });
  });
}

test("a redirect is not followed, also not to the same origin", async () => {
  const paths = [];
  const server = createServer((request, response) => {
    paths.push(request.url);
    response.writeHead(302, { location: "/elsewhere" }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  const fetchHere = (url, options) => fetch(`http://127.0.0.1:${port}${new URL(url).pathname}`, options);
  const fetched = fetchAttachment(await attachmentOf(), { fetch: fetchHere });
  await assert.rejects(fetched, { code: "attachment_unavailable" });
  server.close();
  assert.deepEqual(paths, ["/contract.txt"]);
});

/** Returns what a browser reports of an address that a policy blocks. */
const violation = (members = {}) =>
  Object.assign(new Event("securitypolicyviolation"), {
    blockedURI: "https://files.example.com/contract.txt",
    disposition: "enforce",
    effectiveDirective: "connect-src",
    ...members,
  });

/** Returns what becomes of a fetch that fails, where the browser reports *events* meanwhile. */
async function fetchReported(events, { before = [] } = {}) {
  const scope = new EventTarget();
  const slept = [];
  for (const event of before) scope.dispatchEvent(event);
  const attachment = await attachmentOf();
  const fetched = fetchAttachment(attachment, {
    scope,
    fetch: async () => {
      // The report is a task of its own, which comes after the failure.
      setTimeout(() => events.forEach((event) => scope.dispatchEvent(event)));
      throw new TypeError("Failed to fetch");
    },
    sleep: async (milliseconds) => {
      slept.push(milliseconds);
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    },
  });
  const error = await fetched.catch((reason) => reason);
  return { error, scope, slept };
}

test("what the page may not fetch is said so, and not that it can be tried again", async () => {
  for (const blockedURI of ["https://files.example.com/contract.txt", "https://files.example.com"]) {
    const { error } = await fetchReported([violation({ blockedURI })]);
    assert.equal(error.code, "attachment_forbidden");
    assert.equal(error.name, "Refused");
    assert.match(error.message, /files\.example\.com/u);
  }
});

for (const [why, members] of [
  ["of another host", { blockedURI: "https://files.example.com.evil.example/contract.txt" }],
  ["of another directive", { effectiveDirective: "img-src" }],
  ["of a policy that only reports", { disposition: "report" }],
  ["of no address", { blockedURI: "inline" }],
]) {
  test(`a report ${why} says nothing of an attachment`, async () => {
    const { error, slept } = await fetchReported([violation(members)]);
    assert.equal(error.code, "attachment_unavailable");
    assert.deepEqual(slept, [1000]);
  });
}

test("a report of before says nothing of an attachment that cannot be fetched", async () => {
  const { error } = await fetchReported([], { before: [violation()] });
  assert.equal(error.code, "attachment_unavailable");
});

test("nobody waits for a report after a reply", async () => {
  const sleep = () => assert.fail("slept");
  const how = { fetch: replying(TEXT, { status: 404 }), sleep };
  const fetched = async () => fetchAttachment(await attachmentOf(), how);
  await assert.rejects(fetched, { code: "attachment_unavailable" });
});

test("who asks may stop", async () => {
  const controller = new AbortController();
  const fetch = (_, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  const fetched = fetchAttachment(await attachmentOf(), { fetch, signal: controller.signal });
  controller.abort();
  await assert.rejects(fetched, { name: "AbortError" });
});

/** Returns an account whose service asks for an action with two attachments, and its request. */
async function documentAction() {
  const service = await FakeService.make();
  const other = { name: "annex.txt", url: "https://files.example.com/annex.txt" };
  const attachments = [await attachmentOf(), await attachmentOf(other)];
  const files = new Map(attachments.map(({ url }) => [url, TEXT]));
  const action = {
    type: "document",
    digest: base64url(await sha256(utf8("action"))),
    validUntil: "2026-03-01T12:12:00.000Z",
    language: "en",
  };
  service.display.content = { title: "Sign?", keys: [{ key: "Document", value: "contract.txt" }] };
  service.display.action = { ...action, attachments };
  const wallet = new Wallet({
    store: memoryStore(),
    strongKeys: [deviceOnlyKeys()],
    ...service.world,
    fetch: async (url, options) =>
      files.has(url) ? new Response(files.get(url)) : service.fetch(url, options),
  });
  const account = await wallet.bind({ url: URL_OF_SERVICE, link: service.token });
  const [{ guid }] = await account.pending();
  return { service, account, files, action, attachments, shown: await account.show(guid) };
}

test("a request says what its action is; one without an action says null", async () => {
  const { service, account, action, attachments, shown } = await documentAction();
  assert.deepEqual(shown.action, { ...action, attachments });
  assert.ok(Object.isFrozen(shown.action.attachments[0]));
  delete service.display.action.attachments;
  await refuses(() => account.show(shown.guid), "display_changed");
  const wallet = new Wallet({ store: memoryStore(), strongKeys: [deviceOnlyKeys()], ...service.world });
  service.keys = [];
  const other = await wallet.bind({ url: URL_OF_SERVICE, link: service.token });
  assert.deepEqual((await other.show(shown.guid)).action, { ...action, attachments: [] });
  const plain = await FakeService.make();
  const third = new Wallet({ store: memoryStore(), strongKeys: [deviceOnlyKeys()], ...plain.world });
  const bound = await third.bind({ url: URL_OF_SERVICE, link: plain.token });
  assert.equal((await bound.show(shown.guid)).action, null);
});

test("an action is approved only after each attachment was fetched and checked", async () => {
  const { service, account, files, attachments, shown } = await documentAction();
  const approve = () => account.answer(shown, { button: 0 });
  await refuses(approve, "attachment_unchecked");
  await account.attachment(shown, 0);
  await account.attachment(shown, 0);
  await refuses(approve, "attachment_unchecked");
  files.set(attachments[1].url, utf8("Another text."));
  await refuses(() => account.attachment(shown, 1), "attachment_changed");
  await refuses(approve, "attachment_unchecked");
  assert.equal(service.answers.size, 0);
  files.set(attachments[1].url, TEXT);
  assert.deepEqual(await account.attachment(shown, 1), TEXT);
  const { approved, receipt } = await approve();
  assert.ok(approved);
  assert.deepEqual(receipt.display.action, service.display.action);
  const [entry] = await account.history();
  assert.equal(entry.display.action.digest, shown.action.digest);
});

test("an action is refused without its attachments", async () => {
  const { account, shown } = await documentAction();
  assert.equal((await account.answer(shown, { button: 1 })).approved, false);
});

test("only an attachment of a request that was shown is fetched", async () => {
  const { account, shown } = await documentAction();
  await assert.rejects(account.attachment(shown, 2), { field: "index" });
  await assert.rejects(account.attachment({ ...shown }, 0), { code: "client_unfit" });
});
