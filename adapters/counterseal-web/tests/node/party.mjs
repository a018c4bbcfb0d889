// What the three relying parties share: they talk with the test by lines of JSON, they take
// callbacks, and they check the signature that no client of the CX service ever got.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export const settings = JSON.parse(process.env.PARTY);

export function say(document) {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}

export async function hear() {
  const { value, done } = await lines.next();
  if (done) throw new Error("nobody talks any more");
  return JSON.parse(value);
}

export function basic(guid, key) {
  return `Basic ${Buffer.from(`${guid}:${key}`).toString("base64")}`;
}

/** A server whose callback route is `path`; `judge` is called with the body, then 204 is sent. */
export async function receive(path, judge) {
  let told;
  const called = new Promise((resolve, reject) => (told = { resolve, reject }));
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const text = Buffer.concat(pieces).toString("utf8");
    try {
      const fits = request.method === "POST" && request.url === path;
      if (!fits) throw new Error(`${request.method} ${request.url}`);
      if (!request.headers["content-type"].startsWith("application/json")) throw new Error("type");
      const judged = await judge(JSON.parse(text));
      response.writeHead(204).end();
      told.resolve({ ...judged, headers: request.headers, text });
    } catch (error) {
      response.writeHead(500).end();
      told.reject(error);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: server.address().port, called, close: () => server.close() };
}

/** Standard Webhooks 1.0. */
export function verified(secret, headers, text) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${text}`;
  const mac = createHmac("sha256", key).update(signed).digest();
  return headers["webhook-signature"].split(" ").some((each) => {
    const [version, signature] = each.split(",");
    const given = Buffer.from(signature, "base64");
    return version === "v1" && given.length === mac.length && timingSafeEqual(given, mac);
  });
}
