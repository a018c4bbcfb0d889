import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { writeLink } from "../../wire/link.js";
import { deviceOnlyKeys, memoryStore, passkeys, Wallet } from "../index.js";
import { Authenticator } from "./authenticator.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "./fake_service.js";

const OTHER = "00fea1d7-ff73-8554-b405-e621c36badda";
const DIGEST = "4enO41Fh6OWkoxc_yGMbZivvAkbSlh0oIsqUkRLJaMA";

let service;

beforeEach(async () => {
  service = await FakeService.make();
});

const open = (strongKeys = deviceOnlyKeys()) =>
  new Wallet({ store: memoryStore(), strongKeys: [strongKeys], ...service.world });

const linkTo = (appSpace = NAMES.appSpace) =>
  writeLink({ token: service.token, appSpace, appSpaceName: "Another bank", service: URL_OF_SERVICE });

test("the service says what the App Space is, and nothing is bound", async () => {
  service.brand = { appSpaceColor: "#1a2B3c", appSpaceLogo: DIGEST };
  service.scope = { rpId: "bank.example", origins: ["https://bank.example"] };
  const names = {
    companyName: "Harbour Ltd",
    verifiedName: "Harbour Ltd, Utrecht",
    accountId: "user-7",
    accountName: "Zoë",
  };
  service.names = names;
  const wallet = open();
  for (const options of [{ link: linkTo() }, { url: URL_OF_SERVICE, link: service.token }]) {
    assert.deepEqual(await wallet.readInvitation(options), {
      appSpace: NAMES.appSpace,
      account: NAMES.account,
      appSpaceName: "Bank",
      ...names,
      color: "#1a2B3c",
      logo: `${URL_OF_SERVICE}/device/logo/${NAMES.appSpace}/${DIGEST}`,
      languages: null,
      rpId: "bank.example",
    });
  }
  assert.deepEqual([service.keys, await wallet.accounts()], [[], []]);
});

test("an older service names neither company nor account", async () => {
  const { companyName, verifiedName, accountId, accountName } = await open().readInvitation({
    link: linkTo(),
  });
  assert.deepEqual([companyName, verifiedName, accountId, accountName], [null, null, null, null]);
});

test("what has another shape is not shown", async () => {
  service.brand = { appSpaceColor: "red", appSpaceLogo: "../x" };
  const { color, logo } = await open().readInvitation({ link: linkTo() });
  assert.deepEqual([color, logo], [null, null]);
});

test("a link of another App Space than its token's is refused, and no key is offered", async () => {
  const wallet = open();
  const refusal = { code: "invalid_field", field: "appSpaceGuid" };
  await assert.rejects(wallet.readInvitation({ link: linkTo(OTHER) }), refusal);
  const invitation = await wallet.readInvitation({ link: linkTo() });
  await assert.rejects(wallet.bind({ link: linkTo(OTHER), invitation }), refusal);
  assert.deepEqual(service.keys, []);
});

test("a link that is not good", async () => {
  const options = { url: URL_OF_SERVICE, link: "no token" };
  await assert.rejects(open().readInvitation(options), { problem: "denied" });
});

test("an account has the name that the service has, whatever the link says", async () => {
  const wallet = open();
  const invitation = await wallet.readInvitation({ link: linkTo() });
  const { appSpaceName, accountName } = await wallet.bind({ link: linkTo(), invitation });
  assert.deepEqual([appSpaceName, accountName], ["Bank", "Bank"]);
});

for (const [what, options] of [
  ["an invitation", async (wallet) => ({ invitation: await wallet.readInvitation({ link: linkTo() }) })],
  ["the token alone", async () => ({ url: URL_OF_SERVICE, link: service.token })],
]) {
  test(`a passkey has the App Space's relying party id, known by ${what}; a new one too`, async () => {
    service.scope = { rpId: "localhost", origins: ["http://localhost"] };
    globalThis.location = { hostname: "app.localhost" };
    try {
      const authenticator = new Authenticator();
      const wallet = open(passkeys({ credentials: authenticator }));
      const account = await wallet.bind({ link: linkTo(), ...(await options(wallet)) });
      assert.equal(authenticator.rpId, "localhost");
      await account.rotate();
      assert.deepEqual([authenticator.rpId, authenticator.pairs.size], ["localhost", 2]);
    } finally {
      delete globalThis.location;
    }
  });
}

test("what is no link, and what nobody knows, is a mistake of the program and is not sent", async () => {
  const wallet = open();
  const { token } = service;
  const url = URL_OF_SERVICE;
  const mistake = (detail) => ({ name: "Misuse", message: `client_unfit: ${detail}` });
  await assert.rejects(wallet.bind({ url, token }), mistake("token: unknown"));
  await assert.rejects(wallet.bind({ url, link: token, nmae: "A phone" }), mistake("nmae: unknown"));
  for (const link of [undefined, null, "", { token }]) {
    await assert.rejects(wallet.bind({ url, link }), mistake("link: not a text"));
    await assert.rejects(wallet.readInvitation({ url, link }), mistake("link: not a text"));
  }
  assert.deepEqual(service.requests, []);
});
