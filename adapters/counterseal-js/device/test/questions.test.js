// What the person is asked for the strong key is what the strong key then signs.

import assert from "node:assert/strict";
import { test } from "node:test";

import { digest } from "../../wire/bytes.js";
import { canonical } from "../../wire/ijson.js";
import { writeLink } from "../../wire/link.js";
import { deviceOnlyKeys, memoryStore, Wallet } from "../index.js";
import { generateKey } from "../strong_keys.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "./fake_service.js";

const NEW_DEVICE = "97a7e1e1-c222-87e5-be48-cb4abb3dd87f";
const random = (size) => crypto.getRandomValues(new Uint8Array(size));

/** Strong keys that note for each signature what they were opened for, and what they signed. */
function notingKeys(notes) {
  const keys = deviceOnlyKeys();
  return {
    ...keys,
    async open(record, use) {
      const signer = await keys.open(record);
      const sign = (data) => {
        const [, claims] = new TextDecoder().decode(data).split(".");
        const text = atob(claims.replaceAll("-", "+").replaceAll("_", "/"));
        notes.push({ use, claims: JSON.parse(text) });
        return signer.sign(data);
      };
      return { ...signer, sign };
    },
  };
}

test("with a rotation pending and further presses, each question is what is signed", async () => {
  const service = await FakeService.make();
  service.display.buttons[1].strong = true;
  const keys = await Promise.all(
    ["device", "strong"].map(async (role) => ({ role, ...(await generateKey("EdDSA", random)) })),
  );
  service.newDevices = [
    {
      device: NEW_DEVICE,
      name: "New phone",
      expiresAt: "2026-03-01T12:10:00.000Z",
      keys: keys.map(({ role, jwk }) => ({ role, jwk })),
    },
  ];
  const notes = [];
  const wallet = new Wallet({
    store: memoryStore(),
    strongKeys: [notingKeys(notes)],
    ...service.world,
  });
  const { token } = service;
  const link = writeLink({ token, appSpace: NAMES.appSpace, appSpaceName: "Bank" });
  const account = await wallet.bind({ url: URL_OF_SERVICE, link });
  const [newDevice] = await account.newDevices();
  const request = await account.show(service.challenge);
  service.script = ["lost", "lost"];
  await assert.rejects(account.rotate(), { code: "reply_lost" });
  notes.length = 0;

  await Promise.allSettled([
    account.answer(request, { button: 0 }),
    account.answer(request, { button: 1 }),
    account.decide(newDevice, "add"),
    account.decide(newDevice, "refuse"),
  ]);

  const display = await digest(canonical(service.display));
  for (const { use, claims } of notes) {
    if (use.purpose === "answer") {
      assert.equal(use.request, request);
      const expected = [use.request.guid, display, use.button.title];
      assert.deepEqual([claims.challenge, claims.display, claims.title], expected);
    } else {
      assert.equal(use.purpose, "confirm");
      assert.deepEqual([claims.binding, claims.choice], [use.newDevice.device, use.choice]);
    }
  }
  const asked = notes.map(({ use }) => use.button?.title ?? use.choice).sort();
  assert.deepEqual(asked, ["Do not pay", "Pay", "add", "refuse"]);
  assert.equal(service.answers.size, 1);
});
