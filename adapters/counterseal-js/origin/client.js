/** The client: the calls of an origin, over HTTP. */

import { systemRandom } from "../wire/bytes.js";
import { isGuid } from "../wire/claims.js";
import { BadReply } from "../wire/errors.js";
import { readAddress, readReply } from "../wire/http.js";
import { isObject } from "../wire/ijson.js";
import { isBase, writeLink } from "../wire/link.js";
import { systemSleep } from "../wire/pause.js";
import { retryAfter } from "../wire/problem.js";
import { readKnownAction } from "./action.js";
import { Calls } from "./calls.js";
import { Credential } from "./credential.js";
import { demandEvidence, demandFit, Finished } from "./errors.js";
import { readEventPage } from "./events.js";
import { PendingRequest, readPending } from "./pending.js";
import { pollUntilFinished } from "./polling.js";
import { readProcessed } from "./processed.js";
import { writeBody, writeQuestion } from "./question.js";
import { readAccount, readDevices, readInvitation } from "./replies.js";

/** @typedef {import("./action.js").KnownAction} KnownAction */
/** @typedef {import("./processed.js").ProcessedRequest} ProcessedRequest */
/** @typedef {import("./replies.js").Invitation} Invitation */
/** @typedef {import("./replies.js").KnownAccount} KnownAccount */
/** @typedef {import("./replies.js").KnownDevice} KnownDevice */

/**
 * @typedef {object} ClientSettings
 * @property {string} url The service's public address, as the service is configured with it.
 * @property {string} origin The Request Origin's GUID.
 * @property {string} key Its secret, as the service returned it.
 * @property {import("./credential.js").Scheme} [scheme] As the origin is set: `basic` (the
 *   default), `hmac` (CX1) or `signature` (RFC 9421).
 * @property {string} [appSpace] The App Space's GUID; if given, replies of another one are refused.
 * @property {number} [timeoutSeconds] The most that one attempt takes; a call makes three at most.
 * @property {boolean} [allowHttp] Whether plain `http` to another machine is allowed.
 * @property {typeof fetch} [fetch]
 * @property {() => number} [now] Milliseconds since the epoch, for signatures.
 * @property {() => number} [monotonic] Milliseconds that only grow.
 * @property {import("../wire/pause.js").Sleep} [sleep]
 * @property {import("../wire/bytes.js").Random} [random]
 */

/** @typedef {{signal?: AbortSignal}} Abortable An abort ends the call; the service may have done it. */
/** @typedef {import("./question.js").QuestionOptions & {idempotencyKey?: string} & Abortable} AskOptions */

const SECOND = 1000;
const TIMEOUT_SECONDS = 10;
/** Events that one call looks at, unless it says otherwise. */
const EVENTS_AT_ONCE = 100;

/** The client of one Request Origin. */
export class Client {
  #calls;
  #appSpace;
  #monotonic;

  /**
   * @param {ClientSettings} settings
   * @throws {import("./errors.js").Unfit} One of them cannot work.
   */
  constructor({ url, origin, key, scheme = "basic", appSpace, ...others }) {
    const { timeoutSeconds = TIMEOUT_SECONDS } = others;
    demandFit(typeof url === "string", "url: not a text");
    demandFit(appSpace === undefined || isGuid(appSpace), "appSpace: not a GUID");
    const isTimeout = Number.isFinite(timeoutSeconds) && timeoutSeconds > 0;
    demandFit(isTimeout, "timeoutSeconds: not more than 0");
    const { allowHttp = false, random = systemRandom, sleep = systemSleep } = others;
    this.#appSpace = appSpace;
    this.#monotonic = others.monotonic ?? (() => performance.now());
    this.#calls = new Calls({
      address: readAddress(url, { allowHttp }).replace(/\/api$/, ""),
      credential: new Credential(origin, key, scheme),
      timeout: timeoutSeconds * SECOND,
      fetch: others.fetch ?? ((...request) => fetch(...request)),
      now: others.now ?? Date.now,
      sleep,
      random,
    });
  }

  /**
   * Issue a request to a user.
   *
   * The call always has an idempotency key, so that a lost reply never makes a second request.
   * With a key of your own, such as an order's id, this holds also if your program crashes.
   *
   * @param {string} accountId The origin's own id of the user, from the authenticated session.
   * @param {import("./question.js").Content | string} content A text is plain text.
   * @param {AskOptions} [options]
   * @returns {Promise<PendingRequest>} What you keep until you act on the answer.
   * @throws {import("./errors.js").Unfit} An argument is of another type.
   * @throws {import("./errors.js").RequestRefused} The service refuses; `field` names a member.
   * @throws {import("../wire/errors.js").Unavailable} There is no reply, or one about another question.
   */
  async ask(accountId, content, { idempotencyKey, signal, ...options } = {}) {
    const body = writeQuestion(accountId, content, options);
    const reply = await this.#calls.call({
      method: "POST",
      path: "request/add",
      body,
      idempotencyKey: this.#calls.idempotencyKey(idempotencyKey),
      signal,
    });
    const { origin } = this.#calls.settings.credential;
    const [pending, issued] = readReply(reply, (document) => readPending(body, document, origin));
    await pending.demandIssued(issued);
    this.#demandOwn(pending.appSpace);
    return pending;
  }

  /**
   * Return a request as it is now.
   *
   * @param {PendingRequest | string} request
   * @param {Abortable} [how]
   * @returns {Promise<ProcessedRequest>}
   * @throws {import("./errors.js").NotFound} This origin has none of that GUID.
   * @throws {import("./errors.js").EvidenceRefused} The reply is about another request.
   */
  async status(request, { signal } = {}) {
    return (await this.#poll(request, { signal })).request;
  }

  /**
   * Return a request when it has ended, or as it is when the time is over.
   *
   * It polls a service that holds the call every 25 seconds, another one ever less often, and none
   * before its `Retry-After`. Only the failure of the last poll is thrown.
   *
   * @param {PendingRequest | string} request
   * @param {{timeoutSeconds: number} & Abortable} how
   * @returns {Promise<ProcessedRequest>}
   */
  async wait(request, { timeoutSeconds, signal }) {
    demandFit(Number.isFinite(timeoutSeconds), "timeoutSeconds: not a finite number");
    return pollUntilFinished((hold) => this.#poll(request, { hold, attempts: 1, signal }), {
      ...this.#calls.settings,
      monotonic: this.#monotonic,
      timeout: timeoutSeconds * SECOND,
      signal,
    });
  }

  /**
   * Cancel a request.
   *
   * @param {PendingRequest | string} request
   * @param {Abortable} [how]
   * @throws {Finished} It has ended in another way.
   */
  async cancel(request, how = {}) {
    const body = JSON.stringify({ requestGuid: guidOf(request) });
    try {
      await this.#calls.call({ method: "PATCH", path: "request/cancel", body, signal: how.signal });
    } catch (error) {
      // Perhaps by an earlier attempt, whose reply was lost; or the person was faster.
      const repeated = error instanceof Finished && error.repeated;
      if (!repeated || (await this.status(request, how)).state !== "CANCELLED") throw error;
    }
  }

  /**
   * Use an approved action for the arguments that are about to be executed.
   *
   * It succeeds once, for all callers together. Execute the action if this returns, never if it
   * throws. The call is made once: if its reply is lost, or the call is aborted, the action may count
   * as used, and nobody may execute it; `action` says what the service knows.
   *
   * @param {PendingRequest | string} request The request whose action the person approved.
   * @param {Record<string, unknown>} args The arguments as they are executed, not as they were asked.
   * @param {Abortable} [how]
   * @returns {Promise<KnownAction>}
   * @throws {import("./errors.js").NoApproval} The person has not approved, or it was ended.
   * @throws {import("./errors.js").ActionUsed} It was used before.
   * @throws {import("./errors.js").ArgumentsDiffer} The person approved other arguments.
   * @throws {Finished} The time of the approval has passed.
   * @throws {import("../wire/errors.js").Unavailable} The service was not reached, or its reply was lost.
   */
  async consume(request, args, { signal } = {}) {
    demandFit(isObject(args), "arguments: not an object");
    const members = { requestGuid: guidOf(request), arguments: args };
    const action = await this.#sendAction("consume", members, request, { attempts: 1, signal });
    demandEvidence(action.state === "USED", "state");
    return action;
  }

  /**
   * Report what came of a use; the same report again changes nothing.
   *
   * @param {PendingRequest | string} request
   * @param {"executed" | "failed"} outcome
   * @param {{detail?: string} & Abortable} [how] `detail`: stored with it.
   * @returns {Promise<KnownAction>}
   * @throws {Finished} Another outcome was reported, or the action was not used.
   */
  async report(request, outcome, { detail, signal } = {}) {
    demandFit(["executed", "failed"].includes(outcome), "outcome: neither executed nor failed");
    demandFit(detail === undefined || typeof detail === "string", "detail: not a text");
    const members = { requestGuid: guidOf(request), outcome };
    const body = detail === undefined ? members : { ...members, detail };
    return this.#sendAction("report", body, request, { signal });
  }

  /**
   * Give an approval back unused; again, it changes nothing.
   *
   * @param {PendingRequest | string} request
   * @param {Abortable} [how]
   * @returns {Promise<KnownAction>}
   * @throws {import("./errors.js").ActionUsed} It was used.
   * @throws {import("./errors.js").NoApproval} The person has not approved.
   * @throws {Finished} The time of the approval has passed.
   */
  async withdraw(request, { signal } = {}) {
    return this.#sendAction("withdraw", { requestGuid: guidOf(request) }, request, { signal });
  }

  /**
   * Return what the service knows of an action: the approval and its use.
   *
   * @param {PendingRequest | string} request
   * @param {Abortable} [how]
   * @returns {Promise<KnownAction>}
   * @throws {import("./errors.js").NotFound} This origin has no request of that GUID.
   */
  async action(request, { signal } = {}) {
    const call = { method: "GET", path: `action/${guidOf(request)}`, signal };
    return demandOwnAction(readReply(await this.#calls.call(call), readKnownAction), request);
  }

  /**
   * Invite one device of a user.
   *
   * **The account id must come from the user's authenticated session**, and never from a form, an
   * address or a body: it decides whose device is bound.
   *
   * @param {string} accountId
   * @param {{displayName?: string, userInfo?: string, app?: string, idempotencyKey?: string} & Abortable} [options]
   *   `displayName`: what the device calls the account; `userInfo`: stored with the account; `app`:
   *   the address of the app in the browser that the link opens, in place of the service's own.
   * @returns {Promise<Invitation>}
   */
  async invite(accountId, { displayName, userInfo, app, idempotencyKey, signal } = {}) {
    demandFit(typeof accountId === "string", "accountId: not a text");
    demandFit(app === undefined || (typeof app === "string" && isBase(app)), "app: not an address");
    const reply = await this.#calls.call({
      method: "PUT",
      path: "account/bind",
      body: JSON.stringify({ accountId, userInfo }),
      idempotencyKey: this.#calls.idempotencyKey(idempotencyKey),
      signal,
    });
    const invitation = readReply(reply, readInvitation);
    this.#demandOwn(invitation.appSpace);
    const own = { ...(displayName === undefined ? {} : { displayName }), ...(app === undefined ? {} : { app }) };
    return { ...invitation, link: writeLink({ ...invitation, ...own }) };
  }

  /**
   * Return the devices of a user, revoked ones too, and open invitations.
   *
   * @param {string} accountId
   * @param {Abortable} [how]
   * @returns {Promise<KnownDevice[]>}
   */
  async devices(accountId, { signal } = {}) {
    demandFit(typeof accountId === "string", "accountId: not a text");
    const call = { method: "GET", path: "device/getAll", query: { accountId }, signal };
    return readReply(await this.#calls.call(call), readDevices);
  }

  /**
   * Revoke a device, or an open invitation, for good; a repetition does nothing.
   *
   * @param {string} device
   * @param {Abortable} [how]
   */
  async revokeDevice(device, { signal } = {}) {
    demandFit(isGuid(device), "device: not a GUID");
    const body = JSON.stringify({ deviceGuid: device });
    try {
      await this.#calls.call({ method: "PATCH", path: "device/revoke", body, signal });
    } catch (error) {
      if (!(error instanceof Finished)) throw error;
    }
  }

  /**
   * Return a user as the service knows it.
   *
   * @param {string} accountId
   * @param {Abortable} [how]
   * @returns {Promise<KnownAccount>}
   */
  async account(accountId, { signal } = {}) {
    demandFit(typeof accountId === "string", "accountId: not a text");
    const call = { method: "GET", path: "account/getAccount", query: { accountId }, signal };
    return readReply(await this.#calls.call(call), readAccount);
  }

  /**
   * Yield what happened to the App Space's accounts since *after*, page by page, to the end.
   *
   * Keep `page.next` with what you did about the page, and begin with it the next time. The last
   * page may have no events; `page.gap` says that some were forgotten before you came.
   *
   * @param {string} [after] The `next` of an earlier page; without it, the oldest event comes first.
   * @param {{limit?: number} & Abortable} [how] `limit`: how many events of the log one call looks at, 1000 at most.
   * @returns {AsyncGenerator<import("./events.js").AccountEventPage, void, undefined>}
   */
  async *events(after, { limit = EVENTS_AT_ONCE, signal } = {}) {
    demandFit(after === undefined || typeof after === "string", "after: not a text");
    demandFit(Number.isInteger(limit), "limit: not a whole number");
    let cursor = after;
    for (let more = true; more; ) {
      const query = { limit: String(limit), ...(cursor === undefined ? {} : { after: cursor }) };
      const page = readReply(
        await this.#calls.call({ method: "GET", path: "events", query, signal }),
        readEventPage,
      );
      for (const event of page.events) this.#demandOwn(event.appSpace);
      cursor = page.next;
      more = page.more;
      yield page;
    }
  }

  /**
   * @param {string} verb
   * @param {Record<string, unknown>} members
   * @param {PendingRequest | string} request
   * @param {{attempts?: number, signal: AbortSignal | undefined}} how
   */
  async #sendAction(verb, members, request, how) {
    const call = { method: "POST", path: `action/${verb}`, body: writeBody(members), ...how };
    return demandOwnAction(readReply(await this.#calls.call(call), readKnownAction), request);
  }

  /** @param {string} appSpace */
  #demandOwn(appSpace) {
    const own = this.#appSpace === undefined || this.#appSpace === appSpace;
    if (!own) throw new BadReply("another App Space than the configured one");
  }

  /**
   * @param {PendingRequest | string} request
   * @param {{hold?: number, attempts?: number, signal: AbortSignal | undefined}} how
   */
  async #poll(request, { hold = 0, ...how }) {
    const guid = guidOf(request);
    const reply = await this.#calls.call({
      method: "GET",
      path: "request/getRequest",
      query: { requestGuid: guid, ...(hold > 0 ? { wait: String(hold) } : {}) },
      longer: hold * SECOND,
      ...how,
    });
    const processed = readReply(reply, readProcessed);
    if (request instanceof PendingRequest) await request.demandEqual(processed);
    demandEvidence(processed.guid === guid, "guid");
    const now = this.#calls.settings.now();
    return { request: processed, retryAfter: retryAfter(reply.headers, now) };
  }
}

/** @param {PendingRequest | string} request */
function guidOf(request) {
  const guid = request instanceof PendingRequest ? request.guid : request;
  demandFit(isGuid(guid), "request: neither a PendingRequest nor a GUID");
  return guid;
}

/**
 * @param {KnownAction} action
 * @param {PendingRequest | string} request
 */
async function demandOwnAction(action, request) {
  demandEvidence(action.request === guidOf(request), "requestGuid");
  const digest = request instanceof PendingRequest ? await request.actionDigest() : action.digest;
  demandEvidence(action.digest === digest, "digest");
  return action;
}
