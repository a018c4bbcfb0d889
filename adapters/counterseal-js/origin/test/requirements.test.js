import assert from "node:assert/strict";
import { test } from "node:test";

import { demandMet } from "../approval.js";
import { allOf, anyOf, byAccount, byDevice, matchingCode, strongKey, within } from "../index.js";

const approval = {
  strong: true,
  codeTyped: true,
  accountId: "user-7",
  device: "a",
  issuedAt: "2026-03-01T12:00:00.000Z",
  at: "2026-03-01T12:00:20.000Z",
};

for (const [requirement, changes, code] of [
  [strongKey(), { strong: false }, "requirement_strong_key"],
  [matchingCode(), { codeTyped: false }, "requirement_code"],
  [within(20), { at: "2026-03-01T12:00:20.001Z" }, "requirement_time"],
  [byAccount("user-7", "user-8"), { accountId: "user-9" }, "requirement_account"],
  [byDevice("a", "b"), { device: "c" }, "requirement_device"],
  [allOf(strongKey(), matchingCode()), { codeTyped: false }, "requirement_code"],
  [anyOf(strongKey(), byDevice("c")), { strong: false }, "requirement_any"],
]) {
  test(`a requirement that is not met: ${code}`, () => {
    requirement.verify(approval);
    assert.throws(() => requirement.verify({ ...approval, ...changes }), { code });
  });
}

test("one alternative is enough, and each refusal is told", () => {
  anyOf(byDevice("c"), strongKey()).verify(approval);
  assert.throws(() => anyOf(byDevice("c"), byAccount("x")).verify(approval), ({ refusals }) => {
    assert.deepEqual(refusals.map(({ code }) => code), ["requirement_device", "requirement_account"]);
    return true;
  });
});

test("a requirement that returns anything, such as a promise, is a mistake of the program", async () => {
  const late = Promise.reject(new Error("not met"));
  late.catch(() => {});
  const unfit = { code: "client_unfit" };
  for (const value of [late, Promise.resolve(), false, true, null]) {
    const returning = { verify: () => value };
    assert.throws(() => demandMet(returning, approval), unfit);
    assert.throws(() => allOf(returning).verify(approval), unfit);
    assert.throws(() => anyOf(byDevice("c"), returning).verify(approval), unfit);
  }
  demandMet(strongKey(), approval);
});

test("requirements that every approval would meet, or none, are refused", () => {
  const unfit = { code: "client_unfit" };
  for (const make of [
    () => allOf(),
    () => anyOf(),
    () => byAccount(),
    () => byDevice(7),
    () => within(0),
    () => allOf({}),
  ]) {
    assert.throws(make, unfit);
  }
});
