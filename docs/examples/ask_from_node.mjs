// A shop asks a user to approve a payment.
//   node ask_from_node.mjs settings.json invite user-42
//   node ask_from_node.mjs settings.json ask user-42 order-7

import { readFileSync } from "node:fs";
import { Client, NotApproved, requireApproved, Trust } from "@counterseal/origin";
import { receiver } from "./verify_callback.mjs";

const [file, command, accountId, order] = process.argv.slice(2);

// Set up
const settings = JSON.parse(readFileSync(file, "utf-8"));
const client = new Client(settings); // url, origin, key and scheme
const trust = await Trust.jwks(settings.jwks); // pinned: from the operator, not from a reply
const stored = new Map(); // a table of your database
const seen = new Set(); // another one

// Invite
async function invite() {
  const { link } = await client.invite(accountId, { displayName: `${accountId} (shop)` });
  return link;
}

// Ask
async function ask() {
  const pending = await client.ask(accountId, "Pay 10 EUR to Zoë?", {
    buttons: [
      { title: "Pay", strong: true, approving: true },
      { title: "Do not pay", strong: false, approving: false },
    ],
    duration: "5m",
    callback: settings.callback,
    transactionId: order,
    idempotencyKey: order,
  });
  stored.set(pending.guid, pending);
  console.log("asked:", pending.guid);
  return pending;
}

// Wait
async function report(how, pending) {
  const reply = await client.wait(pending, { timeoutSeconds: 300 });
  try {
    await requireApproved(reply, pending, trust);
    console.log(`${how}: approved`); // mark the order as paid, once
  } catch (error) {
    if (!(error instanceof NotApproved)) throw error; // no proof: raise an alarm
    console.log(`${how}: ${error.code}`);
  }
}

// Run
if (command === "invite") {
  console.log(await invite());
} else {
  let resolve;
  const called = new Promise((resolved) => (resolve = resolved));
  const server = receiver([settings.callbackSecret], (id, guid) => {
    if (seen.has(id)) return;
    resolve(guid); // a job in your database, in the same transaction
    seen.add(id);
  }).listen(Number(new URL(settings.callback).port), "127.0.0.1");
  try {
    await report("waited", await ask());
    await report("called back", stored.get(await called));
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
