// A callback is verified before anybody believes it; with what comes with Node.

import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE = 5 * 60; // seconds

// Verify
export function verified(headers, body, secrets, now = Date.now() / 1000) {
  const id = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"];
  const given = headers["webhook-signature"];
  if (!id || !given || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(now - Number(timestamp)) > TOLERANCE) return false;
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  return secrets.some((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    const ours = createHmac("sha256", key).update(signed).digest();
    return given.split(" ").some((each) => {
      const [version, text] = each.split(",");
      const theirs = Buffer.from(text ?? "", "base64");
      return version === "v1" && theirs.length === ours.length && timingSafeEqual(theirs, ours);
    });
  });
}

// Take
export async function take(request, response, secrets, seen, actOn) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = Buffer.concat(pieces); // as it came: parse it afterwards
  if (!verified(request.headers, body, secrets)) {
    response.writeHead(400).end();
    return;
  }
  response.writeHead(204).end();
  const id = request.headers["webhook-id"];
  if (seen.has(id)) return;
  seen.add(id);
  actOn(JSON.parse(body).guid);
}
