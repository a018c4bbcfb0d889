import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import * as errors from "../errors.js";
import { failureOf, readReply } from "../http.js";

const { BadReply, CountersealError, InvalidField, NotSent, Refused, ReplyLost, Unavailable } = errors;

const replyOf = (text) => ({
  status: 200,
  headers: new Headers(),
  body: new TextEncoder().encode(text),
});

test("a reply that a reader finds malformed is a bad reply, with the reason as its cause", () => {
  const refusal = new InvalidField("guid", "missing");
  const read = () =>
    readReply(replyOf("{}"), () => {
      throw refusal;
    });
  assert.throws(read, (error) => {
    assert.ok(error instanceof BadReply);
    assert.equal(error.cause, refusal);
    return true;
  });
  for (const body of ["{", "\ud800"]) {
    assert.throws(() => readReply(replyOf(body), (document) => document), BadReply);
  }
});

test("a reader's mistake is no bad reply, which would be repeated", () => {
  for (const mistake of [new TypeError("undefined"), new Refused("evidence_refused")]) {
    const read = () =>
      readReply(replyOf("{}"), () => {
        throw mistake;
      });
    assert.throws(read, (error) => error === mistake);
  }
});

test("the failure of a call has what `fetch` threw as its cause", () => {
  const refused = Object.assign(new Error(), { code: "ECONNREFUSED" });
  for (const [kind, cause] of [
    [NotSent, new TypeError("fetch failed", { cause: refused })],
    [ReplyLost, new TypeError("terminated")],
    [ReplyLost, new DOMException("", "TimeoutError")],
  ]) {
    const error = failureOf(cause);
    assert.ok(error instanceof kind);
    assert.equal(error.cause, cause);
  }
});

test("an error without a cause has no such member", () => {
  assert.equal("cause" in new Refused("wrong_key"), false);
});

test("an error of another copy of this file is an instance of the same classes", async () => {
  const copy = await import("../errors.js?copy");
  assert.notEqual(copy.Refused, Refused);
  const error = new copy.InvalidField("guid");
  for (const name of ["CountersealError", "Refused", "InvalidField"]) {
    assert.ok(error instanceof errors[name], name);
    assert.ok(new errors.InvalidField("guid") instanceof copy[name], name);
  }
  for (const name of ["Misuse", "Unavailable", "ServiceRefused"]) {
    assert.equal(error instanceof errors[name], false, name);
  }
  assert.ok(new copy.Overloaded("status 503", 1000) instanceof Unavailable);
  for (const value of [null, undefined, 7, "Refused", {}, new Error(), Object.create(null)]) {
    assert.equal(value instanceof CountersealError, false);
  }
});

test("a class that a program derives has the instances that it made", () => {
  class Mine extends Refused {}
  class Other extends Refused {}
  const error = new Mine("wrong_key");
  assert.ok(error instanceof Mine && error instanceof Refused && error instanceof Error);
  assert.equal(error instanceof Other, false);
  assert.equal(new Refused("wrong_key") instanceof Mine, false);
});

test("every code of the list is one that a module throws", () => {
  const folders = ["../", "../../device/", "../../origin/"].map((each) => new URL(each, import.meta.url));
  const modules = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".js"))
      .map((name) => readFileSync(new URL(name, folder), "utf-8")),
  );
  const [list = ""] = modules.join("\n").match(/@typedef \{\n[^}]*\} ErrorCode/) ?? [];
  const codes = list.match(/"[a-z_]+"/g) ?? [];
  assert.ok(codes.length > 50);
  const text = modules.map((module) => module.replace(list, "")).join("\n");
  assert.deepEqual(
    codes.filter((code) => !text.includes(code)),
    [],
  );
});
