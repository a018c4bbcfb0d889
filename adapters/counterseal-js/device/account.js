/** Accounts: one device of one account, at one service. */

import { Connection } from "./connection.js";
import { changeDevice, fetchStatus, renameDevice } from "./device_status.js";
import { ServiceRefused } from "./errors.js";
import { History } from "./history.js";
import { logoAddress } from "./invitation.js";
import { decideNewDevice, inviteDevice, listNewDevices } from "./new_devices.js";
import { namesOf, readEndedRequests, readOpenRequests } from "./records.js";
import { rotateKeys } from "./rotation.js";
import { waitForChange, watchRequests } from "./watching.js";

/** @typedef {import("../wire/bytes.js").Bytes} Bytes */
/** @typedef {import("../wire/answer.js").Reason} Reason */
/** @typedef {import("../wire/enrolment.js").Role} Role */
/** @typedef {import("./answers.js").ShownRequest} ShownRequest */
/** @typedef {import("./connection.js").Surroundings} Surroundings */
/** @typedef {import("./enrolment.js").App} App */
/** @typedef {import("./enrolment.js").PushAddress} PushAddress */
/** @typedef {import("./records.js").AccountRecord} AccountRecord */
/** @typedef {import("./records.js").DeviceStatus} DeviceStatus */
/** @typedef {import("./records.js").EndedRequest} EndedRequest */
/** @typedef {import("./records.js").HistoryEntry} HistoryEntry */
/** @typedef {import("./new_devices.js").NewDevice} NewDevice */
/** @typedef {import("./records.js").OpenRequest} OpenRequest */
/** @typedef {import("./request_exchange.js").Outcome} Outcome */

const SECOND = 1000;

/** One device of one account, at one service. */
export class Account {
  /**
   * Of a new device that waits to be confirmed: the code to compare with another device's, and
   * until when. Only the program that bound the device knows it: the code would tell a right PIN.
   *
   * @type {{code: string, confirmBy: string} | null}
   */
  comparison = null;
  /** @type {import("./answers.js").Answers | undefined} Loaded with the first request. */
  #answers;
  #app;
  #connection;
  #forget;
  #history;

  /**
   * @param {AccountRecord} record
   * @param {Surroundings & {app: () => App, forget: (device: string) => Promise<void>}} surroundings
   */
  constructor(record, { app, forget, ...surroundings }) {
    this.#app = app;
    this.#forget = forget;
    this.#connection = new Connection(record, surroundings);
    const { stored } = this.#connection;
    this.#history = new History(surroundings.store, stored, (type) => this.#connection.notify(type));
  }

  async #loadAnswers() {
    const { Answers } = await import("./answers.js");
    this.#answers ??= new Answers(this.#connection, this.#history);
    return this.#answers;
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
    return this.#connection.now();
  }

  /**
   * Return the open requests, oldest first.
   *
   * @param {{signal?: AbortSignal}} [how]
   * @returns {Promise<OpenRequest[]>}
   */
  async pending({ signal } = {}) {
    const call = { method: "GET", path: "/device/requests", signal };
    return this.#learn((await this.#connection.call(call, readOpenRequests)).value);
  }

  /**
   * Return the open requests once they are others than *known*, or when *timeoutSeconds* are over.
   *
   * @param {{timeoutSeconds: number, known?: readonly {guid: string}[], signal?: AbortSignal}} how
   * @returns {Promise<OpenRequest[]>}
   */
  async wait({ timeoutSeconds, known: previous = [], signal }) {
    const how = { timeout: timeoutSeconds * SECOND, previous, signal };
    return this.#learn(await waitForChange(this.#connection, how));
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
    const end = (/** @type {string} */ request) => {
      this.#answers?.end(request);
      this.#connection.notify("ended", { request });
    };
    for await (const requests of watchRequests(this.#connection, { signal, end })) {
      yield this.#learn(requests);
    }
  }

  /**
   * Forget the requests that have ended, and ask the store again where it has failed.
   *
   * @param {OpenRequest[]} requests Those that are open.
   */
  #learn(requests) {
    this.#answers?.keepOnly(requests);
    void this.#history.retry();
    return requests;
  }

  /**
   * Return a request to be shown, exactly as it will be signed.
   *
   * @param {string} guid
   * @param {{signal?: AbortSignal}} [how]
   * @returns {Promise<ShownRequest>}
   * @throws {import("./errors.js").Refused} `display_changed`: it is for another account, not as this
   *   library can show it, or another one than was shown before.
   */
  async show(guid, { signal } = {}) {
    return (await this.#loadAnswers()).show(guid, signal);
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
   * @throws {Refused} `attachment_changed`, `attachment_too_large` (26,214,400 bytes at most),
   *   `attachment_address`, or `attachment_forbidden`: the page's Content Security Policy forbids to
   *   fetch it. The device does not return it; see `Refused.code`.
   * @throws {import("../wire/errors.js").Unavailable} `attachment_unavailable`: it cannot be fetched
   *   now; the same call may be repeated.
   */
  async attachment(request, index, { signal } = {}) {
    return (await this.#loadAnswers()).attachment(request, index, signal);
  }

  /**
   * Press a button of a request that `show` returned; asks the person where the button is strong.
   *
   * If the reply was lost, the same call sends the same answer again; once the service has accepted
   * it, the same call returns its outcome. A store that fails changes nothing of it: see
   * `Outcome.kept`.
   *
   * @param {ShownRequest} request
   * @param {{button: number, code?: string, reason?: Reason | undefined, signal?: AbortSignal}} choice
   *   `code`: the matching code as it was typed; `reason`: why the person refuses, if they say so, for
   *   a button that does not approve.
   * @returns {Promise<Outcome>}
   * @throws {InvalidField} `code` is asked for, and is not six digits; `reason` is unknown, or given
   *   for a button that approves.
   * @throws {ServiceRefused} `strong_key_missed`: most likely a wrong PIN; `wrong_code`; others.
   * @throws {Refused} `changed_elsewhere`: the keys were replaced since they signed; call again.
   *   `answer_unconfirmed`: another answer was sent, whose reply was lost: only that one can be sent
   *   again. `already_answered`: another answer of this device was accepted. `attachment_unchecked`: the button approves, and `attachment` has not returned every
   *   attachment of the request.
   */
  async answer(request, choice) {
    return (await this.#loadAnswers()).answer(request, choice);
  }

  /**
   * Sign a refusal now, and return what sends it at once, also from a page that is being left.
   *
   * It returns whether it did: not if anything else was sent, or the keys were replaced by then.
   * `answer` with the same button sends the same bytes, and learns the outcome. The proof of the
   * call is good for as long as the service accepts a device's clock to be late, five minutes by
   * default: then prepare another one.
   *
   * @param {ShownRequest} request
   * @param {{button: number}} choice
   * @returns {Promise<() => boolean>}
   * @throws {InvalidField} The button approves, or the strong key would sign.
   * @throws {Refused} `answer_unconfirmed`, `already_answered`: as `answer`.
   */
  async prepareRefusal(request, { button }) {
    return (await this.#loadAnswers()).prepareRefusal(request, button);
  }

  /**
   * Say that the person did not ask for this.
   *
   * @param {ShownRequest} request
   * @param {{reason?: Reason | undefined, signal?: AbortSignal}} [more] `reason`: more of why, if the
   *   person says it.
   * @returns {Promise<Outcome>}
   * @throws {InvalidField} `reason` is unknown.
   */
  async disown(request, more = {}) {
    return (await this.#loadAnswers()).disown(request, more);
  }

  /**
   * Tell whether an answer or a disown was sent whose reply was lost: the same call sends it again.
   *
   * @param {ShownRequest} request
   */
  isUnconfirmed(request) {
    return this.unconfirmed(request) !== null;
  }

  /**
   * Return what was sent and had no reply, however often the request was shown since.
   *
   * @param {ShownRequest} request
   * @returns {{approves: boolean, button: number | null} | null} `button`: null for a disown.
   */
  unconfirmed(request) {
    const choice = this.#answers?.unconfirmed(request.guid) ?? null;
    if (choice === null) return null;
    const { button = null } = /** @type {{button?: number}} */ (choice.claims);
    return { approves: choice.expected.approved, button };
  }

  /**
   * Send again what had no reply, with its reason and its code: the same bytes.
   *
   * @param {ShownRequest} request
   * @returns {Promise<Outcome>}
   * @throws {Misuse} `client_unfit`: nothing is unconfirmed.
   */
  async sendAgain(request) {
    return (await this.#loadAnswers()).sendAgain(request);
  }

  /**
   * Return what this device has answered, newest first.
   *
   * @returns {Promise<HistoryEntry[]>}
   */
  history() {
    return this.#history.list();
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
   * If the service has another platform, app version or language than the wallet, it learns the
   * wallet's.
   *
   * @returns {Promise<DeviceStatus>}
   */
  status() {
    return fetchStatus(this.#connection, this.#app());
  }

  /**
   * Change what the device is called at the service.
   *
   * @param {string} name
   * @returns {Promise<DeviceStatus>}
   */
  rename(name) {
    return renameDevice(this.#connection, name);
  }

  /**
   * Replace the push addresses that the service has.
   *
   * @param {readonly PushAddress[]} addresses An empty list clears them.
   * @returns {Promise<DeviceStatus>}
   */
  setAddresses(addresses) {
    return changeDevice(this.#connection, { addresses });
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
    return decideNewDevice(this.#connection, newDevice, choice);
  }

  /**
   * Revoke the device at the service, for good, and delete its keys and history here.
   *
   * @throws {import("./errors.js").Unavailable} The service did not confirm it; nothing was
   *   deleted, and the same call may be repeated.
   */
  async unbind() {
    try {
      await this.#connection.repeatCall({ method: "DELETE", path: "/device" }, () => undefined);
    } catch (error) {
      // It was revoked before, or by a call whose reply was lost.
      if (!(error instanceof ServiceRefused) || error.reason !== "revoked") throw error;
    }
    await this.#forget(this.device);
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
      await this.#connection.repeatCall({ method: "POST", path: "/device/lock" }, () => undefined);
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
    const { refreshKeys } = await import("./receipts.js");
    const { stored } = this.#connection;
    const endorsed = await stored.exclusive((update) => refreshKeys(this.#connection, update));
    if (endorsed) this.#connection.notify("keys");
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
    return rotateKeys(this.#connection, { roles, kind });
  }
}
