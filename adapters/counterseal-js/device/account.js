/** Accounts: one device of one account, at one service. */

import { ANSWER, DISOWN } from "../wire/answer.js";
import { digest, newId } from "../wire/bytes.js";
import { wholeSeconds } from "../wire/claims.js";
import { readDisplay } from "../wire/display.js";
import { BadReply, InvalidField, Misuse, Overloaded, Refused, ReplyLost } from "../wire/errors.js";
import { verifyKeySet } from "../wire/keyset.js";
import { keySigner, signToken } from "../wire/jws.js";
import { keySetDocument, readKeySet, thumbprintOf } from "../wire/keys.js";
import { verifyReceipt } from "../wire/receipt.js";
import { readJson } from "../wire/ijson.js";
import { writeRotation } from "./enrolment.js";
import { ServiceRefused } from "./errors.js";
import { readEvents } from "./events.js";
import { isPassing } from "./service.js";
import {
  readAnswerReply,
  readEndorsements,
  readOpenRequests,
  readRequest,
  readStatus,
} from "./records.js";
import { generateKey } from "./strong_keys.js";

/** @typedef {import("../wire/display.js").Display} Display */
/** @typedef {import("../wire/enrolment.js").Role} Role */
/** @typedef {import("../wire/jws.js").Signer} Signer */
/** @typedef {import("../wire/receipt.js").Receipt} Receipt */
/** @typedef {import("./enrolment.js").NewKey} NewKey */
/** @typedef {import("./enrolment.js").PushAddress} PushAddress */
/** @typedef {import("./records.js").AccountRecord} AccountRecord */
/** @typedef {AccountRecord["state"]} DeviceState */
/** @typedef {import("./records.js").DeviceStatus} DeviceStatus */
/** @typedef {import("./records.js").HistoryEntry} HistoryEntry */
/** @typedef {import("./records.js").OpenRequest} OpenRequest */
/** @typedef {import("./strong_keys.js").StrongKeys} StrongKeys */

/**
 * A request that is shown. What `answer` signs is the text that `display` was read from.
 *
 * @typedef {object} ShownRequest
 * @property {string} guid
 * @property {string} state
 * @property {string} expiresAt
 * @property {Display} display
 */

/**
 * How a request ended.
 *
 * @typedef {object} Outcome
 * @property {string} guid
 * @property {string} state `ANSWERED` or `DISOWNED`.
 * @property {boolean} approved
 * @property {Receipt | null} receipt Verified; null if no key that the device trusts signed it.
 * @property {string} receiptText As it came.
 */

/**
 * @typedef {object} Surroundings
 * @property {import("./service.js").Service} service
 * @property {import("./service.js").World} world
 * @property {import("./store.js").Store} store
 * @property {(kind: string) => StrongKeys} strongKeys
 * @property {(type: string, device: string) => void} notify
 * @property {(device: string) => Promise<void>} forget
 */

const SECOND = 1000;
/** Seconds for which the service may hold one call; proxies often give up after 30. */
const HOLD = 25;
/** Milliseconds for which a stream may stay open: a little longer than a service keeps it. */
const STREAM = 330_000;
const RETRY = 1000;
const CODE = /^[0-9]{6}$/;
const JOSE = "application/jose";
/** @type {ReadonlyMap<string | undefined, DeviceState>} By the reason of a refusal. */
const REASONS = new Map([
  ["suspended", "SUSPENDED"],
  ["revoked", "REVOKED"],
]);
/** What every call of a revoked device is refused with. */
const REVOKED = Object.freeze({
  code: "denied",
  status: 403,
  reason: "revoked",
  field: undefined,
  detail: undefined,
  attemptsLeft: undefined,
});

/** One device of one account, at one service. */
export class Account {
  #record;
  #surroundings;
  /** @type {WeakMap<ShownRequest, string>} */
  #texts = new WeakMap();
  /** @type {Map<string, string>} */
  #shownTexts = new Map();
  /** @type {Map<string, {choice: string, token: string, strong: boolean}>} */
  #unconfirmed = new Map();

  /**
   * @param {AccountRecord} record
   * @param {Surroundings} surroundings
   */
  constructor(record, surroundings) {
    this.#record = record;
    this.#surroundings = surroundings;
  }

  /** The device's GUID. */
  get device() {
    return this.#record.device;
  }

  /** The account's GUID. */
  get account() {
    return this.#record.account;
  }

  /** The App Space's GUID. */
  get appSpace() {
    return this.#record.appSpace;
  }

  get appSpaceName() {
    return this.#record.appSpaceName;
  }

  /** What to call the account. */
  get accountName() {
    return this.#record.accountName;
  }

  /** What the device is called at the service. */
  get name() {
    return this.#record.name;
  }

  /** The service's address. */
  get url() {
    return this.#record.url;
  }

  /** Of which kind the strong key is. */
  get strongKind() {
    return this.#record.strongKey.kind;
  }

  /**
   * The device's state, as the service last said.
   *
   * A suspended device waits. A revoked one has no keys any more, and has to be bound again; its
   * history stays until the wallet forgets it.
   */
  get state() {
    return this.#record.state;
  }

  /**
   * Return the time by the service's clock, as far as a refusal has shown that it differs from
   * this machine's.
   *
   * @returns {number} Milliseconds since the epoch.
   */
  now() {
    return this.#surroundings.service.now();
  }

  /**
   * Return the open requests, oldest first.
   *
   * @param {{signal?: AbortSignal}} [how]
   * @returns {Promise<OpenRequest[]>}
   */
  async pending({ signal } = {}) {
    const call = { method: "GET", path: "/device/requests", signal };
    return (await this.#call(call, readOpenRequests)).value;
  }

  /**
   * Return the open requests once they are others than *known*, or when *timeout* is over.
   *
   * @param {{timeout: number, known?: readonly {guid: string}[], signal?: AbortSignal}} how Seconds.
   * @returns {Promise<OpenRequest[]>}
   */
  async wait({ timeout, known = [], signal }) {
    const { now, sleep } = this.#surroundings.world;
    const end = now() + timeout * SECOND;
    const guids = known.map(({ guid }) => guid);
    for (;;) {
      const start = now();
      const hold = Math.max(0, Math.min(HOLD, Math.ceil((end - start) / SECOND)));
      const query = guids.length > 0 ? `wait=${hold}&known=${guids.join()}` : `wait=${hold}`;
      const path = `/device/requests?${query}`;
      const call = { method: "GET", path, longer: hold * SECOND, signal };
      const { value: requests, retryAfter } = await this.#call(call, readOpenRequests);
      const left = end - now();
      if (isOther(requests, guids) || left <= 0) return requests;
      // A service that waits for less than it was asked for cannot wait now.
      const early = now() - start < hold * SECOND * 0.9;
      if (early) await sleep(Math.min(Math.max(retryAfter ?? 0, RETRY), left));
    }
  }

  /**
   * Yield the open requests, now and at each change, until *signal* is aborted.
   *
   * It reads the service's event stream, and opens it again, with a new proof, when it ends.
   *
   * @param {{signal?: AbortSignal}} [how]
   * @returns {AsyncGenerator<OpenRequest[], void, void>}
   */
  async *watch({ signal } = {}) {
    const { world, notify } = this.#surroundings;
    /** @type {string | undefined} */
    let last;
    while (!signal?.aborted) {
      let pause = RETRY;
      try {
        for await (const data of this.#events(signal)) {
          const requests = readOpenRequests(readJson(data));
          const text = JSON.stringify(requests);
          if (text === last) continue;
          last = text;
          notify("requests", this.device);
          yield requests;
        }
      } catch (error) {
        if (signal?.aborted) return;
        pause = pauseAfter(error);
      }
      await world.sleep(pause);
    }
  }

  /** @param {AbortSignal | undefined} signal */
  async *#events(signal) {
    const { service } = this.#surroundings;
    const call = { method: "GET", path: "/device/requests/events", longer: STREAM, signal };
    await this.#resolveRotation();
    const stream = await this.#attempt((caller) => service.stream(caller, call));
    try {
      yield* readEvents(stream, "requests");
    } catch (error) {
      signal?.throwIfAborted();
      throw new ReplyLost(error instanceof Error ? error.name : "");
    }
  }

  /**
   * Return a request to be shown, exactly as it will be signed.
   *
   * @param {string} guid
   * @returns {Promise<ShownRequest>}
   * @throws {Refused} `display_changed`: it is for another account, not as this library can show
   *   it, or another one than was shown before.
   */
  async show(guid) {
    const call = { method: "GET", path: `/device/requests/${encodeURIComponent(guid)}` };
    const { value: request } = await this.#call(call, readRequest);
    const display = readDisplay(request.display, this);
    const text = this.#shownTexts.get(guid) ?? request.display;
    if (display.challenge !== guid || request.guid !== guid || text !== request.display) {
      throw new Refused("display_changed", "another request, or another text than before");
    }
    this.#shownTexts.set(guid, text);
    const { state, expiresAt } = request;
    const shown = freezeAll({ guid, state, expiresAt, display });
    this.#texts.set(shown, text);
    return shown;
  }

  /**
   * Press a button of a request that `show` returned; asks the person where the button is strong.
   *
   * If the reply was lost, the same call sends the same answer again.
   *
   * @param {ShownRequest} shown
   * @param {{button: number, code?: string}} choice `code`: the matching code as it was typed.
   * @returns {Promise<Outcome>}
   * @throws {InvalidField} `code` is asked for, and is not six digits.
   * @throws {ServiceRefused} `strong_key_missed`: most likely a wrong PIN; `wrong_code`; others.
   */
  async answer(shown, { button: index, code = "" }) {
    const button = shown.display.buttons[index];
    if (button === undefined) throw new InvalidField("button", "not one of the request");
    const asked = shown.display.code && button.approves;
    const digits = code.replace(/\s/gu, "");
    if (asked && !CODE.test(digits)) throw new InvalidField("code", "not six digits");
    const claims = { button: index, title: button.title, ...(asked ? { code: digits } : {}) };
    const choice = JSON.stringify(claims);
    const token =
      this.#unconfirmedToken(shown, choice) ??
      (await this.#sign(ANSWER, shown, claims, button.strong));
    return this.#deliver("/device/answer", shown, { choice, token, strong: button.strong });
  }

  /**
   * Say that the person did not ask for this.
   *
   * @param {ShownRequest} shown
   * @returns {Promise<Outcome>}
   */
  async disown(shown) {
    const choice = "disown";
    const token =
      this.#unconfirmedToken(shown, choice) ?? (await this.#sign(DISOWN, shown, {}, false));
    return this.#deliver("/device/disown", shown, { choice, token, strong: false });
  }

  /**
   * @param {ShownRequest} shown
   * @param {string} choice
   */
  #unconfirmedToken({ guid }, choice) {
    const unconfirmed = this.#unconfirmed.get(guid);
    if (unconfirmed && unconfirmed.choice !== choice) {
      throw new Misuse("client_unfit", "another answer was sent, and its reply was lost");
    }
    return unconfirmed?.token;
  }

  /**
   * @param {string} typ
   * @param {ShownRequest} shown
   * @param {Record<string, unknown>} claims
   * @param {boolean} strong
   */
  async #sign(typ, shown, claims, strong) {
    const text = this.#texts.get(shown);
    if (text === undefined) throw new Misuse("client_unfit", "not what `show` returned");
    const { world } = this.#surroundings;
    const signer = strong ? await this.#openStrong() : this.#deviceSigner();
    const { thumbprint } = this.#deviceKey();
    return signToken(signer, typ, {
      iss: this.device,
      sub: this.account,
      aud: this.appSpace,
      challenge: shown.guid,
      display: await digest(text),
      iat: wholeSeconds(this.now()),
      jti: newId(world.random),
      ...claims,
      // A passkey may be on other devices too; the device key is on this one only.
      ...(signer.alg.startsWith("WA-") ? { deviceKey: thumbprint } : {}),
    });
  }

  /**
   * Send an answer, again if need be, and verify and keep the receipt.
   *
   * @param {string} path
   * @param {ShownRequest} shown
   * @param {{choice: string, token: string, strong: boolean}} answer
   * @returns {Promise<Outcome>}
   */
  async #deliver(path, shown, answer) {
    this.#unconfirmed.set(shown.guid, answer);
    const call = { method: "POST", path, body: answer.token, type: JOSE };
    let reply;
    try {
      reply = (await this.#repeat(call, readAnswerReply)).value;
    } catch (error) {
      if (error instanceof ServiceRefused) this.#unconfirmed.delete(shown.guid);
      throw error;
    }
    if (reply.guid !== shown.guid) throw new BadReply("a reply to another answer");
    this.#unconfirmed.delete(shown.guid);
    const receiptText = reply.receipt ?? "";
    const receipt = await this.#verifyReceipt(receiptText);
    if (receipt !== null) await this.#keepReceipt(receipt, receiptText, shown, answer, reply);
    const { guid, state, approved } = reply;
    this.#surroundings.notify("answered", this.device);
    return { guid, state, approved, receipt, receiptText };
  }

  /**
   * Return the receipt, or null if no key that the device trusts signed it.
   *
   * @param {string} text
   * @returns {Promise<Receipt | null>}
   */
  async #verifyReceipt(text) {
    for (const attempt of [1, 2]) {
      const keys = await readKeySet(this.#record.serviceKeys);
      try {
        return await verifyReceipt(text, { keys });
      } catch (error) {
        const untrusted = error instanceof Refused && error.code === "issuer_untrusted";
        if (!untrusted) throw error;
        if (attempt === 1) await this.refreshKeys();
      }
    }
    return null;
  }

  /**
   * Demand that a receipt is of this answer, and follows the one before; and keep it.
   *
   * @param {Receipt} receipt
   * @param {string} text
   * @param {ShownRequest} shown
   * @param {{token: string}} answer
   * @param {{state: string, approved: boolean}} reply
   */
  async #keepReceipt(receipt, text, shown, { token }, { state, approved }) {
    const signed = (/** @type {string} */ each) => each.slice(0, each.lastIndexOf("."));
    const own = signed(receipt.answerToken) === signed(token);
    const equal = receipt.outcome === state && receipt.approved === approved;
    if (!own || !equal) throw new Refused("receipt_changed", "it is of another answer");
    const { last, strongKey } = this.#record;
    const next = last !== null && receipt.number === last.number + 1;
    if (next && receipt.previous !== last.hash) {
      throw new Refused("receipt_changed", "it does not follow the one before");
    }
    const { store, strongKeys } = this.#surroundings;
    /** @type {HistoryEntry} */
    const entry = {
      device: this.device,
      challenge: shown.guid,
      at: receipt.at,
      outcome: receipt.outcome,
      approved,
      title: receipt.answer["title"] ?? null,
      display: shown.display,
      number: receipt.number,
      hash: receipt.hash,
      receipt: strongKeys(strongKey.kind).provable ? text : null,
    };
    await store.put("history", `${this.device}/${receipt.at}/${shown.guid}`, entry);
    if (last === null || receipt.number > last.number) {
      await this.#update({ last: { number: receipt.number, hash: receipt.hash } });
    }
  }

  /**
   * Return what this device has answered, newest first.
   *
   * @returns {Promise<HistoryEntry[]>}
   */
  async history() {
    return (await this.#surroundings.store.list("history", `${this.device}/`)).reverse();
  }

  /**
   * Return the status of the device at the service.
   *
   * @returns {Promise<DeviceStatus>}
   */
  async status() {
    return (await this.#call({ method: "GET", path: "/device/status" }, readStatus)).value;
  }

  /**
   * Change what the device is called at the service.
   *
   * @param {string} name
   * @returns {Promise<DeviceStatus>}
   */
  async rename(name) {
    const status = await this.#change({ name });
    await this.#update({ name });
    this.#surroundings.notify("renamed", this.device);
    return status;
  }

  /**
   * Replace the push addresses that the service has.
   *
   * @param {readonly PushAddress[]} addresses An empty list clears them.
   * @returns {Promise<DeviceStatus>}
   */
  setAddresses(addresses) {
    return this.#change({ addresses });
  }

  /** @param {{name?: string, addresses?: readonly PushAddress[]}} change */
  async #change(change) {
    const call = { method: "PATCH", path: "/device", body: JSON.stringify(change) };
    return (await this.#repeat(call, readStatus)).value;
  }

  /**
   * Revoke the device at the service, for good, and delete its keys and history here.
   *
   * @throws {import("./errors.js").Unavailable} The service did not confirm it; nothing was
   *   deleted, and the same call may be repeated.
   */
  async unbind() {
    try {
      await this.#repeat({ method: "DELETE", path: "/device" }, () => undefined);
    } catch (error) {
      // It was revoked before, or by a call whose reply was lost.
      if (!(error instanceof ServiceRefused) || error.reason !== "revoked") throw error;
    }
    await this.#surroundings.forget(this.device);
  }

  /**
   * Record an event in the service's audit log; never personal data.
   *
   * @param {string} event
   * @param {{attributes?: Record<string, string>, request?: string}} [more]
   */
  async record(event, { attributes, request } = {}) {
    const body = JSON.stringify({ event, attributes, requestGuid: request });
    await this.#call({ method: "POST", path: "/device/telemetry", body }, () => undefined);
  }

  /** Pin the service's present keys, if a pinned key endorses them. */
  async refreshKeys() {
    const call = { method: "GET", path: "/device/keys" };
    const { value: endorsements } = await this.#call(call, readEndorsements);
    const pinned = await readKeySet(this.#record.serviceKeys);
    for (const { kid } of pinned) {
      const text = endorsements.get(kid);
      if (text === undefined) continue;
      const { keys, issuedAt } = await verifyKeySet(text, pinned, this.#record.keysAt);
      await this.#update({ serviceKeys: keySetDocument(keys), keysAt: issuedAt });
      this.#surroundings.notify("keys", this.device);
      return;
    }
  }

  /**
   * Replace the device's keys; asks the person for the old strong key and for the new one.
   *
   * @param {{roles?: readonly Role[], strongKey?: string}} [how] `strongKey`: of which kind the new
   *   strong key is; the old one's kind if none is given.
   * @returns {Promise<DeviceStatus>}
   */
  async rotate({ roles = ["device", "strong"], strongKey: kind = this.strongKind } = {}) {
    const { world, strongKeys } = this.#surroundings;
    await this.#resolveRotation();
    const { accountName, device, appSpace } = this;
    let deviceKey = this.#deviceKey();
    let { strongKey } = this.#record;
    /** @type {(NewKey & {old: Signer})[]} */
    const keys = [];
    if (roles.includes("device")) {
      const { jwk, ...record } = await generateKey(deviceKey.alg, world.random);
      keys.push({ role: "device", jwk, signer: keySigner(record), old: this.#deviceSigner() });
      deviceKey = { ...record, thumbprint: await thumbprintOf(jwk) };
    }
    if (roles.includes("strong")) {
      const old = await this.#openStrong();
      const { record, ...created } = await strongKeys(kind).create({ accountName });
      keys.push({ role: "strong", ...created, old });
      strongKey = { kind, record };
    }
    const body = await writeRotation({ device, appSpace, keys });
    const kids = keys.map(({ jwk }) => String(jwk["kid"]));
    await this.#update({ rotation: { deviceKey, strongKey, kids } });
    try {
      const call = { method: "POST", path: "/device/rotate", body };
      const { value } = await this.#proven(call, readStatus);
      await this.#endRotation(value);
      return value;
    } catch (error) {
      if (error instanceof ServiceRefused) await this.#update({ rotation: null });
      if (!isPassing(error)) throw error;
      await this.#resolveRotation();
      const status = await this.status();
      if (!hasKeys(status, kids)) throw error;
      return status;
    }
  }

  /** Learn whether the service has accepted new keys, where the reply was lost. */
  async #resolveRotation() {
    const { rotation } = this.#record;
    if (rotation === null) return;
    const call = { method: "GET", path: "/device/status" };
    for (const key of [this.#deviceKey(), rotation.deviceKey]) {
      try {
        const { value: status } = await this.#proven(call, readStatus, keySigner(key));
        await this.#endRotation(status);
        return;
      } catch (error) {
        const unknownKey = error instanceof ServiceRefused && error.problem === "denied";
        if (!unknownKey || REASONS.has(error.reason)) throw error;
      }
    }
  }

  /** @param {DeviceStatus} status */
  async #endRotation(status) {
    const { rotation } = this.#record;
    if (rotation === null) return;
    const { deviceKey, strongKey, kids } = rotation;
    const accepted = hasKeys(status, kids);
    await this.#update(accepted ? { deviceKey, strongKey, rotation: null } : { rotation: null });
    if (accepted) this.#surroundings.notify("rotated", this.device);
  }

  #deviceKey() {
    const { deviceKey } = this.#record;
    if (deviceKey === null) throw new ServiceRefused(REVOKED);
    return deviceKey;
  }

  #deviceSigner() {
    return keySigner(this.#deviceKey());
  }

  /** @returns {Promise<Signer>} */
  #openStrong() {
    const { kind, record } = this.#record.strongKey;
    return this.#surroundings.strongKeys(kind).open(record);
  }

  /**
   * Make a call with a proof, and keep what it says of the device's state.
   *
   * @template T
   * @param {(caller: import("./service.js").Caller) => Promise<T>} call
   * @param {Signer} [signer]
   * @returns {Promise<T>}
   */
  async #attempt(call, signer = this.#deviceSigner()) {
    const { device, account, appSpace } = this;
    let result;
    try {
      result = await call({ device, account, appSpace, signer });
    } catch (error) {
      const state = error instanceof ServiceRefused ? REASONS.get(error.reason) : undefined;
      if (state !== undefined) await this.#setState(state);
      throw error;
    }
    await this.#setState("ACTIVE");
    return result;
  }

  /**
   * @template T
   * @param {import("./service.js").DeviceCall} call
   * @param {(document: any) => T} reader
   * @param {Signer} [signer]
   */
  #proven(call, reader, signer) {
    const { service } = this.#surroundings;
    return this.#attempt((caller) => service.proven(caller, call, reader), signer);
  }

  /**
   * Keep another state; a revoked device has no use for its keys.
   *
   * @param {DeviceState} state
   */
  async #setState(state) {
    const { state: known, strongKey } = this.#record;
    if (state === known || known === "REVOKED") return;
    const keyless = { deviceKey: null, strongKey: { ...strongKey, record: {} }, rotation: null };
    await this.#update(state === "REVOKED" ? { state, ...keyless } : { state });
    this.#surroundings.notify(state === "ACTIVE" ? "resumed" : state.toLowerCase(), this.device);
  }

  /**
   * @template T
   * @param {import("./service.js").DeviceCall} call
   * @param {(document: any) => T} reader
   */
  async #call(call, reader) {
    await this.#resolveRotation();
    return this.#proven(call, reader);
  }

  /**
   * Make a call that may be repeated until a reply comes.
   *
   * @template T
   * @param {import("./service.js").DeviceCall} call
   * @param {(document: any) => T} reader
   */
  #repeat(call, reader) {
    return this.#surroundings.service.repeat(() => this.#call(call, reader));
  }

  /** @param {Partial<AccountRecord>} changes */
  async #update(changes) {
    this.#record = { ...this.#record, ...changes };
    await this.#surroundings.store.put("accounts", this.device, this.#record);
  }
}

/**
 * @param {readonly OpenRequest[]} requests
 * @param {readonly string[]} guids
 */
const isOther = (requests, guids) =>
  requests.length !== guids.length || requests.some(({ guid }) => !guids.includes(guid));

/**
 * @param {DeviceStatus} status
 * @param {readonly string[]} kids
 */
const hasKeys = (status, kids) =>
  kids.every((kid) => status.keys.some((key) => key.kid === kid));

/**
 * Return the milliseconds before a stream is opened again, or throw *error*.
 *
 * @param {unknown} error
 */
function pauseAfter(error) {
  const busy = error instanceof ServiceRefused && error.status === 429;
  if (!busy && error instanceof ServiceRefused) throw error;
  if (busy || error instanceof Overloaded) return Math.max(error.retryAfter ?? 0, RETRY);
  if (error instanceof Refused || error instanceof Misuse) throw error;
  return RETRY;
}

/**
 * @template T
 * @param {T} value
 * @returns {T}
 */
function freezeAll(value) {
  if (value !== null && typeof value === "object") {
    for (const each of Object.values(value)) freezeAll(each);
    Object.freeze(value);
  }
  return value;
}
