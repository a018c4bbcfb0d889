import assert from "node:assert/strict";
import { test } from "node:test";

import { keySigner } from "../../wire/jws.js";
import { REPLY_LIMIT } from "../../wire/http.js";
import { Service } from "../service.js";
import { generateKey } from "../strong_keys.js";
import { NAMES, URL_OF_SERVICE } from "./fake_service.js";

const CALL = { method: "GET", path: "/device/requests/events" };
const PIECE = 65_536;
const random = (size) => crypto.getRandomValues(new Uint8Array(size));

/** Call `stream` at a service that returns *response*. */
async function stream(response) {
  const world = { fetch: async () => response, now: () => 0, random, timeout: 1000 };
  const caller = { ...NAMES, signer: keySigner(await generateKey("EdDSA", random)) };
  return new Service(URL_OF_SERVICE, world).stream(caller, CALL);
}

test("a refusal of a stream is read to the limit of a reply, and no further", async () => {
  let sent = 0;
  const pull = (controller) => {
    sent += PIECE;
    controller.enqueue(new Uint8Array(PIECE));
    if (sent > 4 * REPLY_LIMIT) controller.close();
  };
  const response = new Response(new ReadableStream({ pull }), { status: 403 });
  await assert.rejects(stream(response), { code: "reply_lost" });
  assert.ok(sent <= REPLY_LIMIT + 4 * PIECE, `${sent} bytes`);
});

test("a refusal of a stream whose body breaks off is a lost reply", async () => {
  const pull = (controller) => controller.error(new TypeError("terminated"));
  const response = new Response(new ReadableStream({ pull }), { status: 403 });
  await assert.rejects(stream(response), { code: "reply_lost" });
});

test("a refusal of a stream has the service's code", async () => {
  const response = Response.json({ code: "denied" }, { status: 403 });
  await assert.rejects(stream(response), { code: "service_refused", problem: "denied" });
});
