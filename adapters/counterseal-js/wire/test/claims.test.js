import assert from "node:assert/strict";
import { test } from "node:test";

import { isMoment } from "../claims.js";

test("moments are of the years 0001 to 9999, as in Python", () => {
  for (const text of ["0001-01-01T00:00:00.000Z", "2024-02-29T12:00:00.000Z", "9999-12-31T23:59:59.999Z"]) {
    assert.ok(isMoment(text), text);
  }
  for (const text of ["0000-01-01T00:00:00.000Z", "0000-12-31T23:59:59.999Z", "2023-02-29T12:00:00.000Z"]) {
    assert.ok(!isMoment(text), text);
  }
});
