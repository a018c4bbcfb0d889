// A callback is verified before anybody believes it; with what comes with Node.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE = 5 * 60; // seconds
const BODY_LIMIT = 2_097_152; // bytes; no callback is larger

// Verify
export function readSecrets(secrets) {
  if (!Array.isArray(secrets) || secrets.length === 0) {
    throw new TypeError("secrets is not a list of callback secrets");
  }
  return secrets.map((secret) => {
    const text = /^whsec_([A-Za-z0-9+/]{43}=)$/.exec(secret)?.[1];
    if (text === undefined) {
      throw new TypeError("not a callback secret: whsec_ and base64 of 32 bytes");
    }
    return Buffer.from(text, "base64");
  });
}

export function verified(headers, body, secrets, now = Date.now() / 1000) {
  const keys = readSecrets(secrets);
  const id = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"];
  const given = headers["webhook-signature"];
  if (!id || !given || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(now - Number(timestamp)) > TOLERANCE) return false;
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  return keys.some((key) => {
    const ours = createHmac("sha256", key).update(signed).digest();
    return given.split(" ").some((each) => {
      const [version, text] = each.split(",");
      const theirs = Buffer.from(text ?? "", "base64");
      return version === "v1" && theirs.length === ours.length && timingSafeEqual(theirs, ours);
    });
  });
}

// Receive
export function receiver(secrets, record) {
  readSecrets(secrets); // a wrong setting is an error at the start
  return createServer(async (request, response) => {
    let status = 500; // the service tries again
    try {
      status = await receive(request, secrets, record);
    } catch (problem) {
      console.error("callback:", problem.message);
    }
    response.writeHead(status).end();
  });
}

async function receive(request, secrets, record) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > BODY_LIMIT) throw new Error("too large"); // and Node closes the connection
    pieces.push(piece);
  }
  const body = Buffer.concat(pieces); // as it came: parse it afterwards
  if (!verified(request.headers, body, secrets)) return 400;
  await record(request.headers["webhook-id"], JSON.parse(body).guid);
  return 204;
}

// Record
const seen = new Set(); // two tables of your database, and one transaction
const jobs = [];

export function record(id, guid) {
  if (seen.has(id)) return;
  jobs.push(guid);
  seen.add(id);
}
