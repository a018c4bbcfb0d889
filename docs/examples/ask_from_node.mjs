// A shop asks a user to approve a payment.
//   node ask_from_node.mjs settings.json invite user-42
//   node ask_from_node.mjs settings.json ask user-42 order-7

import { readFileSync } from "node:fs";
import { Origin } from "./origin.mjs";
import { receiver } from "./verify_callback.mjs";

const [file, command, accountId, order] = process.argv.slice(2);
const settings = JSON.parse(readFileSync(file, "utf-8"));
const shop = new Origin(settings);
const pending = new Map(); // both are tables of your database
const seen = new Set();

function report(how, reply) {
  const outcome = shop.verifyReply(reply, pending.get(reply.guid));
  console.log(`${how}: ${outcome.state} ${outcome.approved ? "approved" : "not approved"}`);
}

async function ask() {
  const question = {
    accountId,
    content: { text: "Pay 10 EUR to Zoë?" },
    buttons: [
      { title: "Pay", strongAuth: true, approving: true },
      { title: "Do not pay", strongAuth: false, approving: false },
    ],
    duration: "5m",
    callback: settings.callback,
    transactionId: order,
  };
  const request = await shop.ask(question, order);
  pending.set(request.guid, request);
  console.log("asked:", request.guid);
  return request.guid;
}

if (command === "invite") {
  console.log(await shop.invite(accountId, `${accountId} (shop)`));
} else {
  let resolve;
  const called = new Promise((resolved) => (resolve = resolved));
  const server = receiver([settings.callbackSecret], (id, guid) => {
    if (seen.has(id)) return;
    resolve(guid); // a job in your database, in the same transaction
    seen.add(id);
  }).listen(Number(new URL(settings.callback).port), "127.0.0.1");
  try {
    report("waited", await shop.wait(await ask()));
    report("called back", await shop.wait(await called));
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
