// An origin: it invites a device, asks, waits and verifies; with what comes with Node.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { canonical, demand, pinnedKeys, verifyReceipt } from "./read_receipt.mjs";

const UNFINISHED = ["PENDING", "SEEN"];
const WAIT = 25; // seconds; the service waits 30 at most
const TIMEOUT = 40_000; // milliseconds

// Sign
const hmac = (key, text) => createHmac("sha256", key).update(text).digest("base64");

const SIGNERS = {
  basic: ({ origin, key }) => ({
    authorization: `Basic ${Buffer.from(`${origin}:${key}`).toString("base64")}`,
  }),
  hmac: ({ origin, key }, { method, url, body }) => {
    const now = Date.now();
    const signed = method + url + now + origin + (method === "GET" ? "" : body);
    return { authorization: `CX1-HMAC-SHA256,${origin}/${now},${hmac(key, signed)}` };
  },
  signature: ({ origin, key }, { method, url, body, headers }) => {
    const digest = `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
    const covered = Object.entries({
      "@method": method,
      "@target-uri": url,
      "content-digest": digest,
      ...headers,
    });
    const names = covered.map(([name]) => `"${name}"`).join(" ");
    const created = Math.floor(Date.now() / 1000);
    const nonce = randomBytes(16).toString("base64url");
    const parameters =
      `(${names});created=${created};keyid="${origin}";nonce="${nonce}"` +
      ';alg="hmac-sha256";tag="counterseal"';
    const lines = [...covered, ["@signature-params", parameters]];
    const base = lines.map(([name, value]) => `"${name}": ${value}`).join("\n");
    return {
      "content-digest": digest,
      "signature-input": `counterseal=${parameters}`,
      signature: `counterseal=:${hmac(key, base)}:`,
    };
  },
};

// Call
export class Problem extends Error {
  constructor({ status, body }) {
    super(`${status} ${body?.code}: ${body?.title}`);
    this.code = body?.code;
  }
}

export class Origin {
  constructor(settings) {
    this.settings = settings;
    this.pinned = pinnedKeys(settings.jwks);
  }

  async send(method, path, document, idempotencyKey) {
    const url = this.settings.url + path; // the public address, to the letter: it is signed
    const body = document === undefined ? "" : JSON.stringify(document);
    const headers = {}; // in this order, as they are signed
    if (document !== undefined) headers["content-type"] = "application/json";
    if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
    const signed = SIGNERS[this.settings.scheme](this.settings, { method, url, body, headers });
    const reply = await fetch(url, {
      method,
      headers: { ...headers, ...signed },
      body: body || undefined,
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const text = await reply.text();
    return {
      status: reply.status,
      retryAfter: Number(reply.headers.get("retry-after") ?? 0),
      body: text ? JSON.parse(text) : undefined,
    };
  }

  async call(...request) {
    const reply = await this.send(...request);
    if (reply.status >= 400) throw new Problem(reply);
    return reply.body;
  }

  // Invite
  async invite(accountId, displayName) {
    const invitation = await this.call("PUT", "/account/bind", { accountId });
    return bindLink({
      st: invitation.sessionToken,
      appSpaceGuid: invitation.appSpaceGuid,
      appSpaceName: invitation.appSpaceName,
      privakeyId: invitation.privakeyId,
      displayName,
    });
  }

  // Ask
  async ask(question, idempotencyKey) {
    const asked = await this.call("POST", "/request/add", question, idempotencyKey);
    return {
      guid: asked.guid,
      account: asked.privakeyId,
      appSpace: asked.appSpaceGuid,
      issuedAt: asked.issuedAt,
      expiresAt: asked.expiresAt,
      code: asked.code,
      question,
    };
  }

  // Wait
  async wait(guid) {
    for (;;) {
      const reply = await this.send("GET", `/request/getRequest?requestGuid=${guid}&wait=${WAIT}`);
      const busy = reply.status === 429 || reply.status === 503;
      if (!busy && reply.status >= 400) throw new Problem(reply);
      if (!busy && !UNFINISHED.includes(reply.body.state)) return reply.body;
      await pause(Math.max(reply.retryAfter, 1) * 1000);
    }
  }

  // Compare
  verifyReply(reply, pending) {
    demand(reply.guid === pending.guid, "guid");
    if (reply.state !== "ANSWERED" && reply.state !== "DISOWNED") {
      return { approved: false, state: reply.state };
    }
    const receipt = verifyReceipt(reply.receipt, this.pinned);
    const { claims, display } = receipt;
    demand(canonical(display) === canonical(this.expected(pending, display)), "display");
    demand(reply.state === receipt.outcome, "state");
    demand(reply.answer === receipt.answer, "answer");
    demand(reply.device === receipt.device, "device");
    demand(reply.answeredAt === receipt.at, "answeredAt");
    demand(reply.buttonSelected === (claims.button ?? null), "buttonSelected");
    demand(reply.approved === receipt.approved, "approved");
    if (receipt.approved && pending.question.showCode) demand(claims.code === pending.code, "code");
    return { approved: receipt.approved, state: receipt.outcome, title: claims.title, receipt };
  }

  /** The document that the person has to have been shown; only the two names are the service's. */
  expected({ question, ...pending }, display) {
    return {
      version: 1,
      challenge: pending.guid,
      appSpace: { guid: pending.appSpace, name: display.appSpace.name },
      origin: { guid: this.settings.origin, name: display.origin.name },
      account: { guid: pending.account, id: question.accountId },
      content: question.content,
      buttons: question.buttons.map(({ title, strongAuth, approving, style }) => ({
        title,
        strong: strongAuth,
        approves: approving,
        ...present({ style }),
      })),
      code: question.showCode ?? false,
      issuedAt: pending.issuedAt,
      expiresAt: pending.expiresAt,
      ...present({
        additionalInfo: question.additionalInfo,
        transactionId: question.transactionId,
      }),
    };
  }
}

const present = (members) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => (value ?? null) !== null));

// Link
export function bindLink(members) {
  const encoded = (text) =>
    encodeURIComponent(text).replace(
      /[!'()*]/g,
      (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const parts = Object.entries(present(members)).map(([name, text]) => `${name}=${encoded(text)}`);
  return `counterseal://bind?${parts.join("&")}`;
}
