import assert from "node:assert/strict";
import { test } from "node:test";

import { deviceOnlyKeys, memoryStore, Wallet } from "../index.js";
import { findLookalikes } from "../lookalikes.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "./fake_service.js";

const OTHER = "00fea1d7-ff73-8554-b405-e621c36badda";
const BANK = {
  url: URL_OF_SERVICE,
  appSpace: NAMES.appSpace,
  appSpaceName: "Online banking",
  companyName: "Harbour Bank",
  verifiedName: null,
};
const TRADER = { ...BANK, appSpace: OTHER, appSpaceName: "Sales", companyName: "Trader" };
const CYRILLIC = "\u041d\u0430rb\u043eur Bank";

const names = (identity) =>
  findLookalikes(identity, [BANK]).map(({ name, existingName }) => [name, existingName]);

test("names of App Spaces and companies are compared, each with each", () => {
  assert.deepEqual(names(TRADER), []);
  for (const member of ["appSpaceName", "verifiedName"]) {
    assert.deepEqual(names({ ...TRADER, [member]: CYRILLIC }), [[CYRILLIC, "Harbour Bank"]], member);
  }
  for (const member of ["appSpaceName", "companyName", "verifiedName"]) {
    assert.deepEqual(names({ ...TRADER, [member]: "0nline banking" }), [
      ["0nline banking", "Online banking"],
    ]);
  }
  const { companyName: _, verifiedName: __, ...older } = { ...TRADER, appSpaceName: "online banking" };
  assert.deepEqual(names(older), [["online banking", "Online banking"]]);
});

test("each account that is alike is named once, in the order of the accounts", () => {
  const accounts = [BANK, { ...TRADER, companyName: null }, { ...BANK, appSpace: NAMES.account }];
  const found = findLookalikes({ ...BANK, appSpace: NAMES.device }, accounts);
  assert.deepEqual(found.map(({ existing }) => existing), [accounts[0], accounts[2]]);
});

test("the same App Space is no look-alike, and neither is one of the same verified company", () => {
  assert.deepEqual(names(BANK), []);
  for (const end of ["/", "//"]) {
    const identity = { ...BANK, url: `${URL_OF_SERVICE}${end}` };
    assert.deepEqual(names(identity), [], end);
    assert.deepEqual(findLookalikes(BANK, [identity]), [], end);
  }
  const verified = { ...BANK, verifiedName: "Harbour Bank plc" };
  const second = { ...verified, appSpace: OTHER };
  assert.deepEqual(findLookalikes(second, [verified]), []);
  // Another service may verify whom it wants, and has GUIDs of its own.
  for (const identity of [verified, second]) {
    const elsewhere = { ...identity, url: "https://auth.example.org" };
    assert.equal(findLookalikes(elsewhere, [verified]).length, 1);
  }
  // Whoever is not verified is not the verified company, and two of them need not be one.
  assert.equal(findLookalikes({ ...BANK, appSpace: OTHER }, [verified]).length, 1);
  assert.equal(findLookalikes({ ...BANK, appSpace: OTHER }, [BANK]).length, 1);
});

test("two companies that are not verified may be one", () => {
  const second = { ...TRADER, companyName: BANK.companyName };
  assert.deepEqual(names(second), []);
  // If one is verified, they are two.
  const verified = { ...BANK, verifiedName: "Bank plc" };
  assert.equal(findLookalikes(second, [verified]).length, 1);
  assert.equal(names({ ...second, verifiedName: "Bank plc" }).length, 1);
  assert.equal(findLookalikes(second, [{ ...BANK, appSpaceName: "Harbour Bank" }]).length, 1);
});

test("a wallet compares the App Space of a link with its accounts", async () => {
  const service = await FakeService.make();
  const settings = { store: memoryStore(), strongKeys: [deviceOnlyKeys()], ...service.world };
  const wallet = new Wallet(settings);
  const link = { url: URL_OF_SERVICE, link: service.token };
  const invitation = await wallet.readInvitation(link);
  assert.deepEqual(await wallet.lookalikes({ ...link, invitation }), []);
  const account = await wallet.bind({ ...link, invitation });
  const calls = service.requests.length;
  const other = { ...invitation, appSpace: OTHER, appSpaceName: "\u0412ank" };
  const found = await wallet.lookalikes({ ...link, invitation: other });
  assert.deepEqual(found, [{ existing: account, name: "\u0412ank", existingName: "Bank" }]);
  assert.equal(service.requests.length, calls);
  // Without an invitation, the service is asked.
  assert.deepEqual(await wallet.lookalikes(link), []);
  assert.equal(service.requests.length, calls + 1);
  const elsewhere = { ...link, url: "https://auth.example.org", invitation };
  assert.equal((await wallet.lookalikes(elsewhere)).length, 1);
});
