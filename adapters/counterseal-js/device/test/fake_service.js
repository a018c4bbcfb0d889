// A service with one invitation and one challenge, which checks what a device sends by the rules
// of the wire, signs receipts, and loses replies where a test says so.

import { ANSWER, DISOWN } from "../../wire/answer.js";
import { digest } from "../../wire/bytes.js";
import { canonical } from "../../wire/ijson.js";
import { keySigner, readToken, signToken, verifyToken } from "../../wire/jws.js";
import { thumbprintOf } from "../../wire/keys.js";
import {
  checkAnswer,
  checkBind,
  checkProof,
  checkRotation,
  readOfferedKey,
} from "../../wire/test/service.js";
import { generateKey } from "../strong_keys.js";

export const URL_OF_SERVICE = "https://auth.example.com";
export const NAMES = {
  device: "97a7e1e1-c222-87e5-be48-cb4abb3dd87e",
  account: "9776d5e6-7b6c-881b-86bd-89e71800ca35",
  appSpace: "072474e9-82a3-8ce6-891d-30696cf80f68",
  origin: "0714f396-3a94-880b-a13b-9d08e89cca43",
};
const CHALLENGE = "97536725-7d24-8347-8a65-2c7634d21950";
const ISSUED_AT = Date.parse("2026-03-01T12:00:00.000Z");
const DENIED = new Set(["stale_proof", "wrong_device", "wrong_key", "wrong_signature"]);
const random = (size) => crypto.getRandomValues(new Uint8Array(size));

export class FakeService {
  now = ISSUED_AT;
  token = `${NAMES.device}.secret`;
  keys = [];
  answers = new Map();
  requests = [];
  /** What happens to the next calls: "lost", "unreached", "busy", or a function. */
  script = [];
  open = true;
  #asked = 0;
  state = "ACTIVE";
  /** Until when a device that is bound has to be confirmed. */
  confirmBy = undefined;
  newDevices = [];
  decisions = [];
  /** Milliseconds that the wallet's clock is ahead. */
  ahead = 0;
  /** Where passkeys may be used, as the App Space says. */
  scope = { rpId: "localhost", origins: [globalThis.location?.origin ?? "http://localhost"] };
  lastReceipt = { number: 0, hash: "" };
  display = {
    version: 1,
    challenge: CHALLENGE,
    appSpace: { guid: NAMES.appSpace, name: "Bank" },
    origin: { guid: NAMES.origin, name: "Shop" },
    account: { guid: NAMES.account, id: "user-7" },
    content: { text: "Pay?" },
    buttons: [
      { title: "Pay", strong: true, approves: true },
      { title: "Do not pay", strong: false, approves: false },
    ],
    code: false,
    issuedAt: "2026-03-01T12:00:00.000Z",
    expiresAt: "2026-03-01T12:02:00.000Z",
  };

  static async make() {
    const service = new FakeService();
    service.issuer = await generateKey("EdDSA", random);
    return service;
  }

  get challenge() {
    return this.display.challenge;
  }

  /** Ask the same once more, by another challenge. */
  reopen() {
    this.#asked += 1;
    const challenge = CHALLENGE.slice(0, -2) + String(this.#asked).padStart(2, "0");
    this.display = { ...this.display, challenge };
    this.open = true;
    this.now += 1000;
  }

  /** What a wallet needs of this service, with a time that passes only where it sleeps. */
  get world() {
    return {
      fetch: (uri, options) => this.fetch(uri, options),
      now: () => this.now + this.ahead,
      monotonic: () => this.now,
      sleep: async (milliseconds) => {
        this.now += milliseconds;
      },
    };
  }

  async fetch(uri, { method, headers, body, keepalive, signal }) {
    signal?.throwIfAborted();
    const fault = this.script.shift();
    if (fault === "unreached") {
      const cause = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
      throw new TypeError("fetch failed", { cause });
    }
    if (fault === "busy") return new Response("", { status: 503, headers: { "retry-after": "1" } });
    const request = {
      method,
      uri,
      body: body ? new TextDecoder().decode(body) : "",
      headers: new Headers(headers),
      keepalive,
    };
    this.requests.push(request);
    const reply = await this.reply(request);
    if (fault === "lost") throw new TypeError("terminated");
    return typeof fault === "function" ? fault(reply) : reply;
  }

  async reply(request) {
    try {
      const document = await this.document(request);
      if (document instanceof Response) return document;
      return Response.json(document);
    } catch (error) {
      const code = DENIED.has(error.code) ? "denied" : (error.code ?? error.stack);
      const { reason, attemptsLeft } = error;
      const headers = { date: new Date(this.now).toUTCString() };
      return Response.json({ code, reason, attemptsLeft }, { status: 403, headers });
    }
  }

  async document(request) {
    const path = request.uri.slice(URL_OF_SERVICE.length);
    if (path === "/device/bind") return this.bind(JSON.parse(request.body));
    if (path === "/device/invitation") return this.invitation(JSON.parse(request.body));
    await checkProof(
      {
        ...request,
        token: request.headers.get("counterseal-proof"),
        receivedAt: this.now / 1000,
      },
      this.view,
    );
    if (this.state !== "ACTIVE") {
      const reason = this.state.toLowerCase();
      throw Object.assign(new Error(), { code: "denied", reason });
    }
    if (this.locked) throw Object.assign(new Error(), { code: "unreachable" });
    if (path === "/device/lock") {
      this.locked = true;
      return new Response(null, { status: 204 });
    }
    if (request.method === "DELETE") {
      this.state = "REVOKED";
      return new Response(null, { status: 204 });
    }
    if (path.startsWith("/device/requests?") || path === "/device/requests") {
      const { challenge: guid, issuedAt, expiresAt } = this.display;
      return { requests: this.open ? [{ guid, issuedAt, expiresAt }] : [] };
    }
    if (path.startsWith("/device/requests/")) {
      const { challenge: guid, expiresAt } = this.display;
      return { guid, state: "SEEN", expiresAt, display: canonical(this.display) };
    }
    if (path === "/device/confirmations") return this.confirmations(request);
    if (path === "/device/answer") return this.answer(request.body, ANSWER);
    if (path === "/device/disown") return this.answer(request.body, DISOWN);
    if (path === "/device/rotate") return this.rotate(JSON.parse(request.body));
    if (request.method === "PATCH") this.learn(JSON.parse(request.body));
    if (path === "/device/keys") return { endorsed: this.endorsed ?? {} };
    return this.status();
  }

  get view() {
    const { device, account, appSpace } = NAMES;
    const challenge = { canonical: canonical(this.display) };
    const challenges = { [this.challenge]: challenge };
    return { device, account, appSpace, keys: this.keys, challenges, scope: this.scope };
  }

  /** Say what the token is for. */
  invitation({ token }) {
    if (token !== this.token) throw Object.assign(new Error(), { code: "denied" });
    const { appSpace } = NAMES;
    const names = { appSpaceName: "Bank", ...this.names };
    const account = this.keys.length === 0 ? NAMES.account : undefined;
    const { languages, scope } = this;
    return { appSpace, account, ...names, rpId: scope?.rpId, ...this.brand, languages };
  }

  async bind(body) {
    await checkBind(body, { token: this.token, appSpace: NAMES.appSpace, scope: this.scope });
    const keys = await this.readKeys(body);
    const spent = this.keys.length > 0 && keys.some((key, at) => key.kid !== this.keys[at].kid);
    if (spent) throw Object.assign(new Error(), { code: "token_spent" });
    this.keys = keys;
    this.learn(body);
    const { device, account, appSpace } = NAMES;
    const { confirmBy } = this;
    const serviceKeys = { keys: [this.issuer.jwk] };
    return { device, account, appSpace, ...this.names, serviceKeys, confirmBy };
  }

  /** List the new devices, or read a decision on one, which only the strong key may sign. */
  async confirmations({ method, body }) {
    if (method === "GET") return { confirmations: this.newDevices };
    const strong = this.keys.find(({ role }) => role === "strong");
    const claims = await verifyToken(readToken(body), strong, "counterseal-confirm+jwt");
    this.decisions.push(claims);
    return { device: claims.binding, status: "ACTIVE" };
  }

  async rotate(body) {
    await checkRotation(body, this.view);
    const fresh = await this.readKeys(body);
    const roles = fresh.map(({ role }) => role);
    this.keys = [...this.keys.filter(({ role }) => !roles.includes(role)), ...fresh];
    return this.status();
  }

  readKeys({ keys }) {
    const read = async (offer) => ({
      role: offer.role,
      ...(await readOfferedKey(offer, this.scope)),
    });
    return Promise.all(keys.map(read));
  }

  /** @type {{appSpaceColor?: unknown, appSpaceLogo?: unknown}} */
  brand = {};
  /** What an older release does not say. */
  names = {};

  status() {
    const keys = this.keys.map(({ role, kid }) => ({ role, kid }));
    const { device } = NAMES;
    const status = { device, status: "ACTIVE", name: "", addresses: 0, attemptsLeft: 5, keys };
    const lastSeenAt = new Date(this.now).toISOString();
    const { language, languages } = this;
    const stored = { ...(this.keepsApps ? { ...this.app, lastSeenAt } : {}), language, languages };
    return { ...status, ...this.names, ...this.brand, ...stored };
  }

  /** Whether it is of a release that keeps what devices say of their apps. */
  keepsApps = true;
  app = { platform: "", appVersion: "" };
  /** In which it displays actions; undefined for a release that takes no language. */
  languages = undefined;
  language = undefined;

  /** Keep what a body says of the app and the person. */
  learn({ platform, appVersion, language }) {
    if (language !== undefined && this.languages === undefined) {
      throw Object.assign(new Error(), { code: "invalid_field" });
    }
    this.language = language ?? this.language;
    this.app = {
      platform: platform ?? this.app.platform,
      appVersion: appVersion ?? this.app.appVersion,
    };
  }

  async answer(text, typ) {
    const signed = text.slice(0, text.lastIndexOf("."));
    const { claims, approved } = await checkAnswer(text, typ, this.view);
    const known = this.answers.get(this.challenge);
    if (known && known.signed !== signed) throw Object.assign(new Error(), { code: "wrong_state" });
    if (known) return known.reply;
    const key = this.keys.find(({ kid }) => kid === readToken(text).header.kid);
    const state = typ === ANSWER ? "ANSWERED" : "DISOWNED";
    const receipt = await this.receipt(text, { claims, key, state, approved });
    const reply = { guid: this.challenge, state, approved, receipt };
    this.answers.set(this.challenge, { signed, reply });
    this.open = false;
    return reply;
  }

  async receipt(answer, { key, state, approved }) {
    const at = new Date(this.now).toISOString();
    const { role, jwk, thumbprint, passkey } = key;
    const [device] = this.keys.filter((each) => each.role === "device");
    const number = this.lastReceipt.number + 1;
    const text = await signToken(keySigner(this.issuer), "counterseal-receipt+jwt", {
      version: 1,
      issuer: this.issuer.jwk,
      display: canonical(this.display),
      answer,
      device: NAMES.device,
      account: NAMES.account,
      key: jwk,
      role,
      ...(passkey ? { passkey: { userVerified: true, ...passkey } } : {}),
      history: [
        { at, role: "device", thumbprint: device.thumbprint },
        { at, role, thumbprint },
      ],
      outcome: state,
      approved,
      at,
      number,
      previous: this.lastReceipt.hash,
    });
    this.lastReceipt = { number, hash: await digest(text.slice(0, text.lastIndexOf("."))) };
    return text;
  }

  /** Change to a new key, which the old one endorses. */
  async changeKey() {
    const old = this.issuer;
    this.issuer = await generateKey("EdDSA", random);
    const claims = { keys: [old.jwk, this.issuer.jwk], iat: this.now / 1000 };
    this.endorsed = { [old.kid]: await signToken(keySigner(old), "counterseal-keys+jwt", claims) };
    return thumbprintOf(this.issuer.jwk);
  }
}
