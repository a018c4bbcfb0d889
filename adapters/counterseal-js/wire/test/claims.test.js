import assert from "node:assert/strict";
import { test } from "node:test";

import { ANSWER, demandAnswer } from "../answer.js";
import { isMoment } from "../claims.js";

test("moments are of the years 0001 to 9999, as in Python", () => {
  for (const text of ["0001-01-01T00:00:00.000Z", "2024-02-29T12:00:00.000Z", "9999-12-31T23:59:59.999Z"]) {
    assert.ok(isMoment(text), text);
  }
  for (const text of ["0000-01-01T00:00:00.000Z", "0000-12-31T23:59:59.999Z", "2023-02-29T12:00:00.000Z"]) {
    assert.ok(!isMoment(text), text);
  }
});

test("the index of a button is not negative, as in Python", () => {
  const guid = "9776d5e6-7b6c-881b-86bd-89e71800ca35";
  const claims = { iss: guid, sub: guid, aud: guid, challenge: guid, display: "", iat: -1, jti: "a", title: "" };
  demandAnswer({ ...claims, button: 0 }, ANSWER);
  for (const button of [-1, 0.5, "0"]) {
    assert.throws(() => demandAnswer({ ...claims, button }, ANSWER), { code: "malformed_token" });
  }
});
