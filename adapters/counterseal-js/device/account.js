/** Accounts: one device of one account, at one service. */

import { ANSWER, demandReason, DISOWN } from "../wire/answer.js";
import { digest, newId } from "../wire/bytes.js";
import { wholeSeconds } from "../wire/claims.js";
import { readDisplay } from "../wire/display.js";
import { BadReply, InvalidField, Misuse, Overloaded, Refused, ReplyLost } from "../wire/errors.js";
import { keySigner, signToken } from "../wire/jws.js";
import { fetchAttachment } from "./attachments.js";
import { Connection } from "./connection.js";
import { ServiceRefused } from "./errors.js";
import { readEvent, readEvents } from "./events.js";
import { logoAddress } from "./invitation.js";
import { decideNewDevice, inviteDevice, listNewDevices } from "./new_devices.js";
import { keepReceipt, refreshKeys, verifyTrusted } from "./receipts.js";
import {
  namesOf,
  readAnswerReply,
  readEnd,
  readEndedRequests,
  readOpenRequests,
  readRequest,
  readStatus,
} from "./records.js";
import { demandUnchanged, rotateKeys } from "./rotation.js";

/** @typedef {import("../wire/bytes.js").Bytes} Bytes */
/** @typedef {import("../wire/display.js").Attachment} Attachment */
/** @typedef {import("../wire/display.js").Display} Display */
/** @typedef {import("../wire/answer.js").Reason} Reason */
/** @typedef {import("../wire/enrolment.js").Role} Role */
/** @typedef {import("../wire/receipt.js").Receipt} Receipt */
/** @typedef {import("./connection.js").Surroundings} Surroundings */
/** @typedef {import("./enrolment.js").PushAddress} PushAddress */
/** @typedef {import("./records.js").AccountRecord} AccountRecord */
/** @typedef {import("./records.js").DeviceStatus} DeviceStatus */
/** @typedef {import("./records.js").EndedRequest} EndedRequest */
/** @typedef {import("./records.js").HistoryEntry} HistoryEntry */
/** @typedef {import("./new_devices.js").NewDevice} NewDevice */
/** @typedef {import("./records.js").OpenRequest} OpenRequest */

/**
 * A signed answer; `rotations` says which keys it was signed with.
 *
 * @typedef {{choice: string, token: string, rotations: number}} SignedAnswer
 */

/**
 * A request that is shown. What `answer` signs is the text that `display` was read from.
 *
 * @typedef {object} ShownRequest
 * @property {string} guid
 * @property {string} state
 * @property {string} expiresAt
 * @property {Display} display
 * @property {ShownAction | null} action Null for a request that is no action.
 */

/**
 * What a request asks to approve, beside the rows that `display.content` has of it.
 *
 * @typedef {object} ShownAction
 * @property {string} type
 * @property {string} digest Of the action, as the receipt has it.
 * @property {string} validUntil Until when an approval may be used.
 * @property {string} language Of the rows: a language tag.
 * @property {readonly Attachment[]} attachments `Account.attachment` returns the bytes of each.
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

const SECOND = 1000;
/** Seconds for which the service may hold one call; proxies often give up after 30. */
const HOLD = 25;
const RETRY = 1000;
const CODE = /^[0-9]{6}$/;
const JOSE = "application/jose";
/** One device of one account, at one service. */
export class Account {
  /**
   * Of a new device that waits to be confirmed: the code to compare with another device's, and
   * until when. Only the program that bound the device knows it: the code would tell a right PIN.
   *
   * @type {{code: string, confirmBy: string} | null}
   */
  comparison = null;
  #connection;
  #surroundings;
  /** @type {WeakMap<ShownRequest, string>} */
  #texts = new WeakMap();
  /** @type {Map<string, string>} */
  #shownTexts = new Map();
  /** @type {Map<string, Set<number>>} Of each request, the attachments that were checked. */
  #checked = new Map();
  /** @type {Map<string, SignedAnswer>} */
  #unconfirmed = new Map();

  /**
   * @param {AccountRecord} record
   * @param {Surroundings} surroundings
   */
  constructor(record, surroundings) {
    this.#connection = new Connection(record, surroundings);
    this.#surroundings = surroundings;
  }

  get #record() {
    return this.#connection.record;
  }

  /**
   * Use what is stored now, which another tab may have changed.
   *
   * @param {AccountRecord} record
   */
  adopt(record) {
    this.#connection.stored.adopt(record);
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
    return namesOf(this.#record).appSpaceName;
  }

  /** What the App Space's company calls itself; null where the service does not say it. */
  get companyName() {
    return namesOf(this.#record).companyName;
  }

  /** What an operator of the service calls the company; null if it is not verified. */
  get verifiedName() {
    return namesOf(this.#record).verifiedName;
  }

  /** The account's id; null where the service does not say it. */
  get accountId() {
    return namesOf(this.#record).accountId;
  }

  /** The colour of the App Space, `#RRGGBB`, as the service last said; null if it has none. */
  get color() {
    return this.#record.brand?.color ?? null;
  }

  /** Where the App Space's logo is, a PNG, as the service last said; null if it has none. */
  get logo() {
    const { appSpace, brand, url } = this.#record;
    return logoAddress(url, appSpace, brand?.logo);
  }

  /** What the service calls the account, or what the link said until then. */
  get accountName() {
    return namesOf(this.#record).accountName;
  }

  /** Whether `accountName` is only what the link said, which anybody can write. */
  get isNamedByLink() {
    return (this.#record.names?.accountName ?? null) === null;
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
    return (await this.#connection.call(call, readOpenRequests)).value;
  }

  /**
   * Return the open requests once they are others than *known*, or when *timeout* is over.
   *
   * @param {{timeout: number, known?: readonly {guid: string}[], signal?: AbortSignal}} how Seconds.
   * @returns {Promise<OpenRequest[]>}
   */
  async wait({ timeout, known: previous = [], signal }) {
    const { now, sleep } = this.#surroundings.world;
    const end = now() + timeout * SECOND;
    const guids = previous.map(({ guid }) => guid);
    for (;;) {
      const start = now();
      const hold = Math.max(0, Math.min(HOLD, Math.ceil((end - start) / SECOND)));
      const query = guids.length > 0 ? `wait=${hold}&known=${guids.join()}` : `wait=${hold}`;
      const path = `/device/requests?${query}`;
      const call = { method: "GET", path, longer: hold * SECOND, signal };
      const { value: requests, retryAfter } = await this.#connection.call(call, readOpenRequests);
      const remaining = end - now();
      if (isOther(requests, guids) || remaining <= 0) return requests;
      // A service that waits for less than it was asked for cannot wait now.
      const early = now() - start < hold * SECOND * 0.9;
      if (early) await sleep(Math.min(Math.max(retryAfter ?? 0, RETRY), remaining));
    }
  }

  /**
   * Yield the open requests, now and at each change, until *signal* is aborted.
   *
   * It reads the service's event stream, and opens it again, with a new proof, when it ends. Of a
   * request that has ended elsewhere, the wallet's event `change` tells first; and of a service that
   * could not be reached, and was reached again.
   *
   * @param {{signal?: AbortSignal}} [how]
   * @returns {AsyncGenerator<OpenRequest[], void, void>}
   */
  async *watch({ signal } = {}) {
    const { world, notify } = this.#surroundings;
    /** @type {string | undefined} */
    let last;
    let isReached = true;
    while (!signal?.aborted) {
      let pause = RETRY;
      let isSilent = true;
      try {
        for await (const { name, data } of this.#events(signal)) {
          isSilent = false;
          if (!isReached) notify("reached", this.device);
          isReached = true;
          if (name === "ended") this.#tellEnd(readEvent(data, readEnd));
          if (name !== "requests") continue;
          const requests = readEvent(data, readOpenRequests);
          const text = JSON.stringify(requests);
          if (text === last) continue;
          last = text;
          notify("requests", this.device);
          yield requests;
        }
      } catch (error) {
        if (signal?.aborted) return;
        pause = pauseAfter(error);
        // A stream that ends in the middle is opened again at once, which tells.
        if (isSilent && isReached) notify("unreached", this.device);
        isReached &&= !isSilent;
      }
      await world.sleep(pause);
    }
  }

  /** @param {string} request */
  #tellEnd(request) {
    this.#surroundings.notify("ended", this.device, { request });
  }

  /** @param {AbortSignal | undefined} signal */
  async *#events(signal) {
    const stream = await this.#connection.stream("/device/requests/events", signal);
    try {
      yield* readEvents(stream);
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
    const { value: reply } = await this.#connection.call(call, readRequest);
    const display = readDisplay(reply.display, this);
    const text = this.#shownTexts.get(guid) ?? reply.display;
    if (display.challenge !== guid || reply.guid !== guid || text !== reply.display) {
      throw new Refused("display_changed", "another request, or another text than before");
    }
    this.#shownTexts.set(guid, text);
    const { state, expiresAt } = reply;
    const request = freezeAll({ guid, state, expiresAt, display, action: actionOf(display) });
    this.#texts.set(request, text);
    return request;
  }

  /**
   * Fetch an attachment of a request, and return its bytes only if they are those that the person
   * signs: the size and the SHA-256 of the display document.
   *
   * @param {ShownRequest} request As `show` returned it.
   * @param {number} index Of the attachment in `request.action`.
   * @param {{signal?: AbortSignal}} [how]
   * @returns {Promise<Bytes>}
   * @throws {InvalidField} The request has no such attachment.
   * @throws {Refused} `attachment_changed`, `attachment_too_large` (26,214,400 bytes at most) or
   *   `attachment_address`: the device does not return it; see `Refused.code`.
   * @throws {import("../wire/errors.js").Unavailable} `attachment_unavailable`: it cannot be fetched
   *   now; the same call may be repeated.
   */
  async attachment(request, index, { signal } = {}) {
    const attachment = request.action?.attachments[index];
    if (attachment === undefined) throw new InvalidField("index", "not one of the request");
    if (!this.#texts.has(request)) throw new Misuse("client_unfit", "not what `show` returned");
    const { fetch } = this.#surroundings.world;
    const bytes = await fetchAttachment(attachment, { fetch, signal });
    const checked = this.#checked.get(request.guid) ?? new Set();
    this.#checked.set(request.guid, checked.add(index));
    return bytes;
  }

  /**
   * Press a button of a request that `show` returned; asks the person where the button is strong.
   *
   * If the reply was lost, the same call sends the same answer again.
   *
   * @param {ShownRequest} request
   * @param {{button: number, code?: string, reason?: Reason | undefined}} choice `code`: the
   *   matching code as it was typed; `reason`: why the person refuses, if they say so, for a button
   *   that does not approve.
   * @returns {Promise<Outcome>}
   * @throws {InvalidField} `code` is asked for, and is not six digits; `reason` is unknown, or given
   *   for a button that approves.
   * @throws {ServiceRefused} `strong_key_missed`: most likely a wrong PIN; `wrong_code`; others.
   * @throws {Refused} `changed_elsewhere`: the keys were replaced since they signed; call again.
   *   `answer_unconfirmed`: another answer was sent, whose reply was lost: only that one can be sent
   *   again. `attachment_unchecked`: the button approves, and `attachment` has not returned every
   *   attachment of the request.
   */
  async answer(request, { button: index, code = "", reason }) {
    const button = request.display.buttons[index];
    if (button === undefined) throw new InvalidField("button", "not one of the request");
    const needsCode = request.display.code && button.approves;
    const digits = code.replace(/\s/gu, "");
    if (needsCode && !CODE.test(digits)) throw new InvalidField("code", "not six digits");
    if (reason !== undefined && button.approves) {
      throw new InvalidField("reason", "only with a button that does not approve");
    }
    const attachments = request.action?.attachments.length ?? 0;
    if (button.approves && (this.#checked.get(request.guid)?.size ?? 0) < attachments) {
      throw new Refused("attachment_unchecked", "an attachment was not fetched and checked");
    }
    const claims = {
      button: index,
      title: button.title,
      ...(needsCode ? { code: digits } : {}),
      ...reasonClaim(reason),
    };
    const choice = JSON.stringify(claims);
    const answer =
      this.#unconfirmedAnswer(request, choice) ??
      (await this.#sign(ANSWER, request, claims, { choice, strong: button.strong }));
    const expected = { state: "ANSWERED", approved: button.approves };
    return this.#deliver("/device/answer", request, answer, expected);
  }

  /**
   * Say that the person did not ask for this.
   *
   * @param {ShownRequest} request
   * @param {{reason?: Reason | undefined}} [more] `reason`: more of why, if the person says it.
   * @returns {Promise<Outcome>}
   * @throws {InvalidField} `reason` is unknown.
   */
  async disown(request, { reason } = {}) {
    const claims = reasonClaim(reason);
    const choice = `disown${JSON.stringify(claims)}`;
    const answer =
      this.#unconfirmedAnswer(request, choice) ??
      (await this.#sign(DISOWN, request, claims, { choice, strong: false }));
    const expected = { state: "DISOWNED", approved: false };
    return this.#deliver("/device/disown", request, answer, expected);
  }

  /**
   * @param {ShownRequest} request
   * @param {string} choice
   */
  #unconfirmedAnswer({ guid }, choice) {
    const unconfirmed = this.#unconfirmed.get(guid);
    if (unconfirmed && unconfirmed.choice !== choice) {
      throw new Refused("answer_unconfirmed", "another answer was sent, and its reply was lost");
    }
    return unconfirmed;
  }

  /**
   * @param {string} typ
   * @param {ShownRequest} request
   * @param {Record<string, unknown>} claims
   * @param {{choice: string, strong: boolean}} how
   * @returns {Promise<SignedAnswer>}
   */
  async #sign(typ, request, claims, { choice, strong }) {
    const text = this.#texts.get(request);
    if (text === undefined) throw new Misuse("client_unfit", "not what `show` returned");
    const { world, strongKeys } = this.#surroundings;
    if (this.#record.rotation !== null) await this.#connection.readKeys();
    const deviceKey = this.#connection.deviceKey();
    const { rotations, strongKey } = this.#record;
    const signer = strong
      ? await strongKeys(strongKey.kind).open(strongKey.record)
      : keySigner(deviceKey);
    const token = await signToken(signer, typ, {
      iss: this.device,
      sub: this.account,
      aud: this.appSpace,
      challenge: request.guid,
      display: await digest(text),
      iat: wholeSeconds(this.now()),
      jti: newId(world.random),
      ...claims,
      // A passkey may be on other devices too; the device key is on this one only.
      ...(signer.alg.startsWith("WA-") ? { deviceKey: deviceKey.thumbprint } : {}),
    });
    return { choice, token, rotations };
  }

  /**
   * Send an answer, again if need be, and verify and keep the receipt.
   *
   * @param {string} path
   * @param {ShownRequest} request
   * @param {SignedAnswer} answer
   * @param {{state: string, approved: boolean}} expected How a request ends by this answer.
   * @returns {Promise<Outcome>}
   */
  #deliver(path, request, answer, expected) {
    const connection = this.#connection;
    return connection.stored.exclusive(async (update) => {
      await connection.resolveRotation(update);
      // If keys were replaced, the next press signs anew.
      this.#unconfirmed.delete(request.guid);
      // A wrong key would count as a wrong PIN.
      demandUnchanged(connection, answer.rotations);
      this.#unconfirmed.set(request.guid, answer);
      const call = { method: "POST", path, body: answer.token, type: JOSE };
      let reply;
      try {
        ({ value: reply } = await connection.repeatProven(call, readAnswerReply, update));
      } catch (error) {
        if (error instanceof ServiceRefused) this.#unconfirmed.delete(request.guid);
        throw error;
      }
      const { guid, state, approved, receipt: receiptText } = reply;
      const fits = state === expected.state && approved === expected.approved;
      if (guid !== request.guid || !fits) throw new BadReply("a reply to another answer");
      this.#unconfirmed.delete(request.guid);
      const receipt = await verifyTrusted(receiptText ?? "", connection, update);
      if (receipt !== null) {
        const proof = { receipt, text: receiptText ?? "", display: request.display };
        const sent = { token: answer.token, state, approved };
        await keepReceipt(proof, sent, connection, this.#surroundings, update);
      }
      this.#surroundings.notify("answered", this.device);
      return { guid, state, approved, receipt, receiptText: receiptText ?? "" };
    });
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
   * Return the requests to the account that ended last, on whatever device: newest first, 20 at
   * most.
   *
   * @returns {Promise<EndedRequest[]>}
   */
  async ended() {
    const call = { method: "GET", path: "/device/history" };
    return (await this.#connection.call(call, readEndedRequests)).value;
  }

  /**
   * Return the status of the device at the service, and keep the names, the colour and the logo.
   *
   * If the service has another platform or app version than the wallet, it learns the wallet's.
   *
   * @returns {Promise<DeviceStatus>}
   */
  async status() {
    const call = { method: "GET", path: "/device/status" };
    const { value: status } = await this.#connection.call(call, readStatus);
    const { brand, names } = status;
    if (isChanged(brand, this.#record.brand) || isChanged(names, this.#record.names)) {
      await this.#connection.stored.update({ brand, names });
      this.#surroundings.notify("branded", this.device);
    }
    const app = this.#newerApp(status);
    if (app === undefined) return status;
    const { platform, appVersion } = await this.#change(app);
    return { ...status, platform, appVersion };
  }

  /**
   * @param {DeviceStatus} status
   * @returns {import("./enrolment.js").App | undefined} What the service has to learn.
   */
  #newerApp(status) {
    const { platform = status.platform, appVersion = status.appVersion } = this.#surroundings.app;
    // A service that keeps neither would refuse both.
    if (status.platform === null || status.appVersion === null) return undefined;
    const isSame = platform === status.platform && appVersion === status.appVersion;
    return isSame ? undefined : this.#surroundings.app;
  }

  /**
   * Change what the device is called at the service.
   *
   * @param {string} name
   * @returns {Promise<DeviceStatus>}
   */
  async rename(name) {
    const status = await this.#change({ name });
    await this.#connection.stored.update({ name });
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

  /** @param {{name?: string, addresses?: readonly PushAddress[]} & import("./enrolment.js").App} change */
  async #change(change) {
    const call = { method: "PATCH", path: "/device", body: JSON.stringify(change) };
    return (await this.#connection.repeat(call, readStatus)).value;
  }

  /**
   * Invite one more device of the account.
   *
   * @returns {Promise<import("./new_devices.js").DeviceInvitation>}
   * @throws {ServiceRefused} `new_device_forbidden`, `too_often` and others.
   */
  inviteDevice() {
    return inviteDevice(this.#connection);
  }

  /**
   * Return the new devices of the account that wait to be confirmed, oldest first.
   *
   * @returns {Promise<NewDevice[]>}
   */
  newDevices() {
    return listNewDevices(this.#connection);
  }

  /**
   * Confirm a new device, or refuse it; asks the person for the strong key. Show its `code` first:
   * it has to be the same on both screens.
   *
   * @param {NewDevice} newDevice As `newDevices` returned it.
   * @param {import("../wire/confirmation.js").Choice} choice `add`; `move`, which revokes this
   *   device; or `refuse`.
   * @returns {Promise<{device: string, status: string}>}
   * @throws {ServiceRefused} `strong_key_missed`: most likely a wrong PIN; others.
   * @throws {Refused} `changed_elsewhere`: the keys were replaced meanwhile; call again.
   */
  decide(newDevice, choice) {
    return decideNewDevice(this.#connection, this.#surroundings, newDevice, choice);
  }

  /**
   * Revoke the device at the service, for good, and delete its keys and history here.
   *
   * @throws {import("./errors.js").Unavailable} The service did not confirm it; nothing was
   *   deleted, and the same call may be repeated.
   */
  async unbind() {
    try {
      await this.#connection.repeat({ method: "DELETE", path: "/device" }, () => undefined);
    } catch (error) {
      // It was revoked before, or by a call whose reply was lost.
      if (!(error instanceof ServiceRefused) || error.reason !== "revoked") throw error;
    }
    await this.#surroundings.forget(this.device);
  }

  /**
   * Lock the account at the service: no device of it is asked or answers, until an administrator
   * of the service unlocks it.
   *
   * @throws {import("./errors.js").Unavailable} The service did not confirm it; the same call may be
   *   repeated.
   */
  async lock() {
    try {
      await this.#connection.repeat({ method: "POST", path: "/device/lock" }, () => undefined);
    } catch (error) {
      // It was locked before, or by a call whose reply was lost.
      if (!(error instanceof ServiceRefused) || error.problem !== "unreachable") throw error;
    }
  }

  /**
   * Record an event in the service's audit log; never personal data.
   *
   * @param {string} event
   * @param {{attributes?: Record<string, string>, request?: string}} [more]
   */
  async record(event, { attributes, request } = {}) {
    const body = JSON.stringify({ event, attributes, requestGuid: request });
    await this.#connection.call({ method: "POST", path: "/device/telemetry", body }, () => undefined);
  }

  /** Pin the service's present keys, if a pinned key endorses them. */
  async refreshKeys() {
    const { stored } = this.#connection;
    const endorsed = await stored.exclusive((update) => refreshKeys(this.#connection, update));
    if (endorsed) this.#surroundings.notify("keys", this.device);
  }

  /**
   * Replace the device's keys; asks the person for the old strong key and for the new one.
   *
   * @param {{roles?: readonly Role[], strongKey?: string}} [how] `strongKey`: of which kind the new
   *   strong key is; the old one's kind if none is given.
   * @returns {Promise<DeviceStatus>}
   * @throws {Refused} `changed_elsewhere`: another tab has replaced them meanwhile.
   */
  rotate({ roles = ["device", "strong"], strongKey: kind = this.strongKind } = {}) {
    return rotateKeys(this.#connection, this.#surroundings, { roles, kind });
  }
}

/**
 * @param {Display} display
 * @returns {ShownAction | null}
 */
const actionOf = ({ action }) =>
  action ? { ...action, attachments: action.attachments ?? [] } : null;

/**
 * @param {Record<string, string | null>} members As the service says them now.
 * @param {Record<string, string | null> | undefined} stored
 */
const isChanged = (members, stored) =>
  Object.entries(members).some(([name, value]) => value !== (stored?.[name] ?? null));

/** @param {Reason | undefined} reason */
const reasonClaim = (reason) => (reason === undefined ? {} : { reason: demandReason(reason) });

/**
 * @param {readonly OpenRequest[]} requests
 * @param {readonly string[]} guids
 */
const isOther = (requests, guids) =>
  requests.length !== guids.length || requests.some(({ guid }) => !guids.includes(guid));

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
