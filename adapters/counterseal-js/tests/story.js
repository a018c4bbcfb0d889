// A whole story: an origin and a wallet, with both libraries, at a real service. What happened is
// printed as JSON; test_story.py says what has to have happened.

import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

import { deviceOnlyKeys, memoryStore, passkeys, pinKeys, Wallet } from "../device/index.js";
import { Authenticator } from "../device/test/authenticator.js";
import { Client, requireApproved, strongKey, Trust } from "../origin/index.js";

const { url, origin, key, scheme, jwks } = JSON.parse(readFileSync(0, "utf-8"));
const story = {};

const client = new Client({ url, origin, key, scheme });
const trust = await Trust.jwks(jwks);

let pin = "1379";
const store = memoryStore();
const settings = {
  store,
  strongKeys: [pinKeys({ askPin: async () => pin }), deviceOnlyKeys({ algorithm: "EdDSA" })],
};
const wallet = new Wallet(settings);
const changes = [];
wallet.addEventListener("change", ({ detail }) => changes.push(detail.type));

const outcome = async (call) => {
  try {
    return await call();
  } catch (error) {
    const { code, problem, reason, attemptsLeft, disowned } = error;
    return { code: code ?? error.stack, problem, reason, attemptsLeft, disowned };
  }
};

/** Ask, let *answer* answer what the device is shown, and return the verdict. */
async function ask(account, accountId, answer, options = {}) {
  const pending = await client.ask(accountId, "Pay 10 EUR to Zoë?", options);
  const [request] = await account.wait({ timeoutSeconds: 20 });
  const shown = await account.show(request.guid);
  const device = await outcome(() => answer(account, shown, pending));
  const reply = await client.wait(pending, { timeoutSeconds: 20 });
  const verdict = await outcome(() =>
    requireApproved(reply, pending, trust, { requirements: [strongKey()] }),
  );
  const late = { verify: async () => {} };
  const unfit = await outcome(() => requireApproved(reply, pending, trust, { requirements: [late] }));
  return { content: shown.display.content, device, verdict, unfit };
}

const approve = (account, shown) => account.answer(shown, { button: 0 });

const { link } = await client.invite("user-42", { displayName: "user-42 (shop)" });
const account = await wallet.bind({ url, link, name: "A phone" });
story.bound = { accountName: account.accountName, strong: account.strongKind };

story.approved = await ask(account, "user-42", approve, { idempotencyKey: "order-1" });
story.declined = await ask(account, "user-42", (_, shown) => account.answer(shown, { button: 1 }));
story.disowned = await ask(account, "user-42", (_, shown) => account.disown(shown));
story.wrongPin = await ask(account, "user-42", async (_, shown, { guid }) => {
  pin = "9731";
  const refusal = await outcome(() => approve(account, shown));
  pin = "1379";
  await client.cancel(guid);
  return refusal;
});
story.afterCancel = await account.pending();

story.codeTyped = await ask(
  account,
  "user-42",
  async (_, shown, { code }) => {
    const none = await outcome(() => approve(account, shown));
    const digits = `${code.slice(0, 3)} ${code.slice(3)}`;
    const typed = await account.answer(shown, { button: 0, code: digits });
    return { none, typed };
  },
  { showCode: true },
);

const controller = new AbortController();
const streamed = [];
const watching = (async () => {
  for await (const requests of account.watch({ signal: controller.signal })) {
    streamed.push(requests.length);
    if (streamed.length === 3) controller.abort();
  }
})();
while (streamed.length === 0) await setTimeout(50);
await ask(account, "user-42", approve);
await watching;
story.streamed = streamed;

story.renamed = (await account.rename("The old phone")).name;
const before = await account.status();
pin = "2468";
const old = await outcome(() => account.rotate());
pin = "1379";
const after = await account.rotate();
const kids = (status) => status.keys.map(({ kid }) => kid);
story.rotation = {
  wrongPin: { problem: old.problem, attemptsLeft: old.attemptsLeft },
  replaced: kids(after).every((kid) => !kids(before).includes(kid)),
};

// Another program with the same store, and a second account in it.
const again = new Wallet(settings);
const [reopened] = await again.accounts();
story.afterRotation = await ask(reopened, "user-42", approve);
const second = await again.bind({
  url,
  link: (await client.invite("user-43")).token,
  strongKey: "device-only",
});
story.second = await ask(second, "user-43", approve);
story.accounts = (await again.accounts()).map(({ name, strongKind }) => [name, strongKind]).sort();

const history = async (each) =>
  (await each.history()).map(({ outcome: ending, approved, receipt, title }) => ({
    ending,
    approved,
    title,
    kept: receipt !== null,
  }));
story.history = { pin: await history(reopened), deviceOnly: await history(second) };

story.algorithms = {};
for (const algorithm of ["ES256", "EdDSA", "PS256", "RS256", "ML-DSA-44"]) {
  const ofBrowser = deviceOnlyKeys({ algorithm });
  const underPin = pinKeys({ algorithm, askPin: async () => "1379" });
  const strongKeys = [algorithm === "ML-DSA-44" ? underPin : ofBrowser];
  const of = new Wallet({ algorithm, store: memoryStore(), strongKeys });
  const accountId = `user-${algorithm}`;
  const each = await of.bind({ url, link: (await client.invite(accountId)).link });
  const first = await ask(each, accountId, approve);
  await each.rotate();
  const disowned = await ask(each, accountId, (_, shown) => each.disown(shown));
  story.algorithms[algorithm] = [first.device.receipt.key.alg, first.verdict, disowned.verdict];
}

const authenticator = new Authenticator();
authenticator.origin = url;
const credentials = { rpId: "localhost", credentials: authenticator };
const withPasskey = new Wallet({ store: memoryStore(), strongKeys: [passkeys(credentials)] });
const third = await withPasskey.bind({ url, link: (await client.invite("user-44")).link });
story.passkey = {
  approved: await ask(third, "user-44", approve),
  unverified: await ask(third, "user-44", async (_, shown) => {
    const { flags } = authenticator;
    authenticator.flags = 9;
    const refusal = await outcome(() => approve(third, shown));
    authenticator.flags = flags;
    return { refusal, declined: await third.answer(shown, { button: 1 }) };
  }),
};

story.newDevices = {};
for (const choice of ["add", "refuse", "move"]) {
  const kinds = () => [pinKeys({ askPin: async () => "1379" })];
  const oldPhone = new Wallet({ store: memoryStore(), strongKeys: kinds() });
  const newPhone = new Wallet({ store: memoryStore(), strongKeys: kinds() });
  const accountId = `mover-${choice}`;
  const first = await oldPhone.bind({ url, link: (await client.invite(accountId)).link });
  const invitation = await first.inviteDevice();
  const fresh = await newPhone.bind({ url, link: invitation.link, name: "New phone" });
  const early = await outcome(() => fresh.pending());
  const [listed] = await first.newDevices();
  const decision = await first.decide(listed, choice);
  const [ofOld, ofNew] = [await outcome(() => first.pending()), await outcome(() => fresh.pending())];
  story.newDevices[choice] = {
    before: [early.reason, fresh.device === invitation.device],
    equalCodes: listed.code === fresh.comparison.code,
    name: listed.name,
    status: decision.status,
    old: ofOld.reason ?? ofOld.length,
    fresh: ofNew.reason ?? ofNew.length,
    states: [first.state, fresh.state],
  };
}

const devices = await client.devices("user-43");
await client.revokeDevice(devices[0].guid);
story.revoked = await outcome(() => second.pending());
story.revoked.state = second.state;
await third.unbind();
const [unbound] = await client.devices("user-44");
story.unbound = { state: unbound.state, accounts: (await withPasskey.accounts()).length };

const early = new Wallet({ ...settings, store: memoryStore(), now: () => Date.now() - 3_600_000 });
const fourth = await early.bind({ url, link: (await client.invite("user-45")).link });
story.wrongClock = await ask(fourth, "user-45", approve);
story.correctedBy = Math.round((fourth.now() - Date.now()) / 60_000);
await again.forget(second.device);
story.left = { accounts: (await again.accounts()).length, history: await second.history() };
story.account = (await client.account("user-42")).accountId;
story.changes = changes;
process.stdout.write(JSON.stringify(story));
