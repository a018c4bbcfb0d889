// A service with several devices and challenges, which checks what devices send by the rules of the
// wire, repeats what it has answered, and loses nothing at a restart but its streams.

import { ANSWER, DISOWN } from "../../wire/answer.js";
import { digest } from "../../wire/bytes.js";
import { canonical } from "../../wire/ijson.js";
import { keySigner, readToken, signToken } from "../../wire/jws.js";
import { checkAnswer, checkBind, checkProof, checkRotation, readOfferedKey } from "../../wire/test/service.js";
import { generateKey } from "../strong_keys.js";

export const ADDRESS = "https://auth.example.com";
export const APP_SPACE = "072474e9-82a3-8ce6-891d-30696cf80f68";
const ORIGIN = "0714f396-3a94-880b-a13b-9d08e89cca43";
const LIFE = 600_000;
const DENIED = new Set(["stale_proof", "wrong_device", "wrong_key", "wrong_signature", "wrong_token"]);

const refused = (code, more = {}) => Object.assign(new Error(code), { code, ...more });

export class ModelService {
  /** By GUID: `account`, `keys`, `name`, `state` and `last`, its newest receipt. */
  devices = new Map();
  /** By GUID: `display`, `device`, `answer` and `reply`, which is null while it is open. */
  challenges = new Map();
  /** The tokens of invitations, by the GUIDs of their devices. */
  tokens = new Map();
  #streams = new Set();
  #clock;
  #guid;

  /** @param {{clock: () => number, guid: () => string, random: (size: number) => Uint8Array}} world */
  static async make({ clock, guid, random }) {
    const service = new ModelService();
    service.#clock = clock;
    service.#guid = guid;
    service.issuer = await generateKey("ES256", random);
    return service;
  }

  invite() {
    const device = this.#guid();
    const token = `${device}.secret`;
    this.tokens.set(device, { token, account: this.#guid() });
    return { device, token, account: this.tokens.get(device).account };
  }

  /** Ask a device. */
  ask(device) {
    const challenge = this.#guid();
    const { account } = this.devices.get(device);
    const now = this.#clock();
    const display = {
      version: 1,
      challenge,
      appSpace: { guid: APP_SPACE, name: "Bank" },
      origin: { guid: ORIGIN, name: "Shop" },
      account: { guid: account, id: "user-7" },
      content: { text: `Pay ${this.challenges.size} EUR?` },
      buttons: [
        { title: "Pay", strong: true, approves: true },
        { title: "Do not pay", strong: false, approves: false },
      ],
      code: false,
      issuedAt: new Date(now).toISOString(),
      expiresAt: new Date(now + LIFE).toISOString(),
    };
    this.challenges.set(challenge, { display, device, reply: null });
    this.#tell(device);
    return challenge;
  }

  /** Answer a call; the reply is a Response. */
  async handle(request) {
    try {
      const document = await this.#document(request);
      return document instanceof Response ? document : Response.json(document);
    } catch (error) {
      if (error.code === undefined) throw error;
      const code = DENIED.has(error.code) ? "denied" : error.code;
      const headers = { date: new Date(this.#clock()).toUTCString() };
      const { reason } = error;
      return Object.assign(Response.json({ code, reason }, { status: 403, headers }), { code });
    }
  }

  /** Restart: streams end. */
  restart() {
    for (const stream of this.#streams) stream.end();
  }

  open(device) {
    const now = this.#clock();
    return [...this.challenges.values()].filter(
      ({ device: owner, display, reply }) =>
        owner === device && reply === null && Date.parse(display.expiresAt) > now,
    );
  }

  #list(device) {
    const requests = this.open(device).map(({ display: { challenge: guid, issuedAt, expiresAt } }) => ({
      guid,
      issuedAt,
      expiresAt,
    }));
    return { requests };
  }

  #tell(device, ended) {
    for (const stream of this.#streams) if (stream.device === device) stream.tell(ended);
  }

  async #document({ method, uri, body, headers }) {
    const path = uri.slice(ADDRESS.length);
    if (path === "/device/bind") return this.#bind(JSON.parse(body));
    const token = headers.get("counterseal-proof") ?? "";
    const { iss } = readToken(token).claims;
    const device = this.devices.get(iss);
    if (device === undefined) throw refused("denied");
    const view = this.#viewOf(iss);
    await checkProof({ method, uri, body, token, receivedAt: this.#clock() / 1000 }, view);
    if (device.state !== "ACTIVE") throw refused("denied", { reason: device.state.toLowerCase() });
    if (method === "DELETE") {
      device.state = "REVOKED";
      return new Response(null, { status: 204 });
    }
    if (path === "/device/requests/events") return this.#stream(iss);
    if (path === "/device/requests") return this.#list(iss);
    if (path.startsWith("/device/requests/")) return this.#show(iss, path.split("/").at(-1));
    if (path === "/device/answer") return this.#answer(iss, body, ANSWER);
    if (path === "/device/disown") return this.#answer(iss, body, DISOWN);
    if (path === "/device/keys") return { endorsed: {} };
    if (path === "/device/rotate") await this.#rotate(iss, JSON.parse(body));
    if (method === "PATCH") device.name = JSON.parse(body).name ?? device.name;
    return this.#status(iss);
  }

  #viewOf(guid) {
    const { account, keys } = this.devices.get(guid);
    const own = [...this.challenges].filter(([, { device }]) => device === guid);
    const challenges = Object.fromEntries(
      own.map(([challenge, { display }]) => [challenge, { canonical: canonical(display) }]),
    );
    return { device: guid, account, appSpace: APP_SPACE, keys, challenges };
  }

  async #bind(body) {
    const [guid = ""] = body.token.split(".");
    const invitation = this.tokens.get(guid);
    if (invitation === undefined) throw refused("denied");
    const { account, token } = invitation;
    await checkBind(body, { token, appSpace: APP_SPACE });
    const keys = await readKeys(body);
    const known = this.devices.get(guid);
    if (known && known.bound !== keys.map(({ kid }) => kid).join()) throw refused("token_spent");
    if (!known) {
      const bound = keys.map(({ kid }) => kid).join();
      const last = { number: 0, hash: "" };
      this.devices.set(guid, { account, keys, bound, state: "ACTIVE", name: body.name ?? "", last });
    } else if (known.state !== "ACTIVE") throw refused("denied");
    const serviceKeys = { keys: [this.issuer.jwk] };
    return { device: guid, account, appSpace: APP_SPACE, serviceKeys };
  }

  async #rotate(guid, body) {
    await checkRotation(body, this.#viewOf(guid));
    const fresh = await readKeys(body);
    const roles = fresh.map(({ role }) => role);
    const device = this.devices.get(guid);
    device.keys = [...device.keys.filter(({ role }) => !roles.includes(role)), ...fresh];
  }

  #status(guid) {
    const { keys, name, state } = this.devices.get(guid);
    const listed = keys.map(({ role, kid }) => ({ role, kid }));
    return { device: guid, status: state, name, addresses: 0, attemptsLeft: 5, keys: listed };
  }

  #show(device, challenge) {
    const { display, device: owner, reply } = this.challenges.get(challenge) ?? {};
    if (owner !== device) throw refused("not_found");
    const { expiresAt } = display;
    return { guid: challenge, state: reply?.state ?? "SEEN", expiresAt, display: canonical(display) };
  }

  async #answer(guid, text, typ) {
    const { claims, approved } = await checkAnswer(text, typ, this.#viewOf(guid));
    const challenge = this.challenges.get(claims.challenge);
    const signed = text.slice(0, text.lastIndexOf("."));
    if (challenge.reply !== null) {
      if (challenge.signed !== signed) throw refused("wrong_state");
      return challenge.reply;
    }
    if (Date.parse(challenge.display.expiresAt) <= this.#clock()) throw refused("deadline_passed");
    const key = this.devices.get(guid).keys.find(({ kid }) => kid === readToken(text).header.kid);
    const state = typ === ANSWER ? "ANSWERED" : "DISOWNED";
    const receipt = await this.#receipt(guid, text, { display: challenge.display, key, state, approved });
    challenge.signed = signed;
    challenge.reply = { guid: claims.challenge, state, approved, receipt };
    this.#tell(guid, claims.challenge);
    return challenge.reply;
  }

  async #receipt(guid, answer, { display, key, state, approved }) {
    const device = this.devices.get(guid);
    const at = new Date(this.#clock()).toISOString();
    const { role, jwk, thumbprint } = key;
    const own = device.keys.find((other) => other.role === "device");
    const number = device.last.number + 1;
    const text = await signToken(keySigner(this.issuer), "counterseal-receipt+jwt", {
      version: 1,
      issuer: this.issuer.jwk,
      display: canonical(display),
      answer,
      device: guid,
      account: device.account,
      key: jwk,
      role,
      history: [
        { at, role: "device", thumbprint: own.thumbprint },
        { at, role, thumbprint },
      ],
      outcome: state,
      approved,
      at,
      number,
      previous: device.last.hash,
    });
    device.last = { number, hash: await digest(text.slice(0, text.lastIndexOf("."))) };
    return text;
  }

  #stream(device) {
    const encoder = new TextEncoder();
    const stream = { device };
    const write = (controller, name, data) =>
      controller.enqueue(encoder.encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`));
    const body = new ReadableStream({
      start: (controller) => {
        stream.tell = (ended) => {
          if (ended) write(controller, "ended", { requestGuid: ended });
          write(controller, "requests", this.#list(device));
        };
        stream.end = () => {
          this.#streams.delete(stream);
          controller.error(new TypeError("terminated"));
        };
        this.#streams.add(stream);
        stream.tell();
      },
      cancel: () => {
        this.#streams.delete(stream);
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }
}

const readKeys = ({ keys }) =>
  Promise.all(keys.map(async (offer) => ({ role: offer.role, ...(await readOfferedKey(offer)) })));
