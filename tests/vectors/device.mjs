// A whole device on top of wire.mjs: binds, shows, answers, disowns, rotates, checks receipts.
// It talks in JSON lines: what it writes is a request to the service, or a question to the person;
// what it reads is the reply. test_device_in_node.py plays service and person.

import crypto from "node:crypto";
import { createInterface } from "node:readline";

import {
  ANSWER,
  b64url,
  BIND,
  bindClaims,
  digest,
  DISOWN,
  ENDORSE,
  keyset,
  PROOF,
  publicKey,
  readLink,
  receipt,
  ROLES,
  ROTATE,
  rotationClaims,
  shown,
  sign,
} from "./wire.mjs";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value);
const write = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const random = () => b64url(crypto.randomBytes(16));
const now = () => Math.floor(Date.now() / 1000);

async function request(what) {
  write(what);
  return read();
}

const KINDS = {
  ES256: ["ec", { namedCurve: "P-256" }],
  EdDSA: ["ed25519", {}],
  PS256: ["rsa", { modulusLength: 2048 }],
  RS256: ["rsa", { modulusLength: 2048 }],
};

class Device {
  constructor(alg, base) {
    this.alg = alg;
    this.base = base;
    this.keys = Object.fromEntries(ROLES.map((role) => [role, this.newKey()]));
  }

  newKey() {
    const { publicKey: open, privateKey } = crypto.generateKeyPairSync(...KINDS[this.alg]);
    const name = { kid: random(), alg: this.alg };
    return {
      jwk: { ...open.export({ format: "jwk" }), ...name },
      secret: { ...privateKey.export({ format: "jwk" }), ...name },
    };
  }

  offers(keys, typ, claims, old = {}) {
    return Object.entries(keys).map(([role, key]) => ({
      role,
      jwk: key.jwk,
      proof: sign(key.secret, typ, claims),
      ...(old[role] ? { endorsement: sign(old[role].secret, ENDORSE, claims) } : {}),
    }));
  }

  prints(keys) {
    return Object.entries(keys).map(([role, key]) => ({ role, ...publicKey(key.jwk) }));
  }

  async bind(link) {
    const { st: token, appSpaceGuid } = readLink(link);
    const claims = bindClaims(token, appSpaceGuid, this.prints(this.keys));
    const body = { token, keys: this.offers(this.keys, BIND, claims), name: "Node" };
    const reply = await request({ method: "POST", uri: `${this.base}/bind`, body: JSON.stringify(body) });
    this.names = { iss: reply.device, sub: reply.account, aud: reply.appSpace };
    this.pinned = reply.serviceKeys.keys.map(publicKey);
  }

  call(method, path, body = "") {
    const uri = this.base + path;
    const proof = sign(this.keys.device.secret, PROOF, {
      ...this.names, htm: method, htu: uri, body: digest(body), iat: now(), jti: random(),
    });
    return request({ method, uri, body, proof });
  }

  async answerOne() {
    const { challenges } = await this.call("GET", "/pending");
    const { display: text } = await this.call("GET", `/challenges/${challenges[0]}`);
    const display = shown(text, { appSpace: this.names.aud, account: this.names.sub });
    const { press, code } = await request({ show: display });
    const common = {
      ...this.names, challenge: display.challenge, display: digest(text), iat: now(), jti: random(),
    };
    if (press === null) {
      return this.send("/disown", sign(this.keys.device.secret, DISOWN, common));
    }
    const button = display.buttons[press];
    const asked = display.code && button.approves ? { code } : {};
    const key = button.strong ? this.keys.strong : this.keys.device;
    return this.send(
      "/answer",
      sign(key.secret, ANSWER, { ...common, button: press, title: button.title, ...asked }),
    );
  }

  async send(path, token) {
    const first = await this.call("POST", path, token);
    const again = await this.call("POST", path, token); // as if the reply had been lost
    if (first.receipt !== again.receipt) throw new Error("a repeat is not the recorded result");
    return { state: first.state, ...receipt(first.receipt, this.pinned) };
  }

  async rotate() {
    const fresh = Object.fromEntries(ROLES.map((role) => [role, this.newKey()]));
    const claims = rotationClaims(this.names.iss, this.names.aud, this.prints(fresh));
    const body = { keys: this.offers(fresh, ROTATE, claims, this.keys) };
    const { rotated } = await this.call("POST", "/rotate", JSON.stringify(body));
    if (rotated) this.keys = fresh;
  }

  async adopt() {
    const { keys } = await this.call("GET", "/keys");
    ({ keys: this.pinned, taken: this.taken } = keyset(keys, this.pinned, this.taken));
  }
}

const { alg, base, link, tasks } = await read();
const device = new Device(alg, base);
await device.bind(link);
for (const task of tasks) {
  write({ done: task, result: (await device[task]()) ?? null });
}
process.exit(0);
