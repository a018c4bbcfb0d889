import assert from "node:assert/strict";

import { Refused } from "../errors.js";

/** Demand that *call* is refused as *code*. */
export async function refuses(call, code, about) {
  const isRefusal = (error) => {
    assert.ok(error instanceof Refused, `${about}: ${error.stack}`);
    assert.equal(error.code, code, about);
    return true;
  };
  await assert.rejects(async () => call(), isRefusal, about);
}
