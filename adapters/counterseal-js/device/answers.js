/** Answers: requests that this device has shown, and what it signs and sends of each. */

import { ANSWER, demandReason, DISOWN } from "../wire/answer.js";
import { readDisplay } from "../wire/display.js";
import { InvalidField, Misuse, Refused } from "../wire/errors.js";
import { fetchAttachment } from "./attachments.js";
import { ServiceRefused } from "./errors.js";
import { readRequest } from "./records.js";
import { RequestExchange } from "./request_exchange.js";

/** @typedef {import("../wire/answer.js").Reason} Reason */
/** @typedef {import("../wire/display.js").Attachment} Attachment */
/** @typedef {import("../wire/display.js").Display} Display */
/** @typedef {import("./connection.js").Connection} Connection */
/** @typedef {import("./history.js").History} History */
/** @typedef {import("./request_exchange.js").Choice} Choice */
/** @typedef {import("./request_exchange.js").Outcome} Outcome */

/**
 * A request that is shown. What `answer` signs is the text that `display` was read from.
 *
 * @typedef {object} ShownRequest
 * @property {string} guid
 * @property {import("./records.js").ChallengeState} state
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

const CODE = /^[0-9]{6}$/;
/** How many answered requests are remembered: those that may be shown again, whatever the time is. */
const ANSWERED = 100;
/** Problems by which the service says that a request is open no more. */
const ENDINGS = new Set(["deadline_passed", "not_found", "wrong_state"]);

/** The requests that one device has shown, each until it has ended. */
export class Answers {
  #connection;
  #history;
  /** @type {Map<string, RequestExchange>} By GUID. */
  #exchanges = new Map();
  /** @type {WeakMap<ShownRequest, RequestExchange>} */
  #exchangesOfShown = new WeakMap();

  /**
   * @param {Connection} connection
   * @param {History} history
   */
  constructor(connection, history) {
    this.#connection = connection;
    this.#history = history;
  }

  /**
   * @param {string} guid
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<ShownRequest>}
   */
  async show(guid, signal) {
    const call = { method: "GET", path: `/device/requests/${encodeURIComponent(guid)}`, signal };
    const { value: reply } = await this.#connection.call(call, readRequest);
    const display = readDisplay(reply.display, this.#connection.record);
    this.#forgetExpired();
    const exchange =
      this.#exchanges.get(guid) ??
      new RequestExchange(this.#connection, this.#history, reply.display);
    if (display.challenge !== guid || reply.guid !== guid || exchange.text !== reply.display) {
      throw new Refused("display_changed", "another request, or another text than before");
    }
    this.#exchanges.set(guid, exchange);
    const { state, expiresAt } = reply;
    exchange.expiresAt = Date.parse(expiresAt);
    const request = freezeAll({ guid, state, expiresAt, display, action: actionOf(display) });
    this.#exchangesOfShown.set(request, exchange);
    return request;
  }

  /**
   * @param {ShownRequest} request
   * @param {number} index
   * @param {AbortSignal | undefined} signal
   */
  async attachment(request, index, signal) {
    const attachment = request.action?.attachments[index];
    if (attachment === undefined) throw new InvalidField("index", "not one of the request");
    const exchange = this.#exchangeOf(request);
    const { fetch, sleep } = this.#connection.world;
    const bytes = await fetchAttachment(attachment, { fetch, signal, sleep });
    exchange.checked.add(index);
    return bytes;
  }

  /**
   * @param {ShownRequest} request
   * @param {{button: number, code?: string, reason?: Reason | undefined, signal?: AbortSignal | undefined}} how
   * @returns {Promise<Outcome>}
   */
  async answer(request, { button: index, code = "", reason, signal }) {
    const button = buttonOf(request, index);
    const needsCode = request.display.code && button.approves;
    const digits = code.replace(/\s/gu, "");
    if (needsCode && !CODE.test(digits)) throw new InvalidField("code", "not six digits");
    if (reason !== undefined && button.approves) {
      throw new InvalidField("reason", "only with a button that does not approve");
    }
    const exchange = this.#exchangeOf(request);
    if (button.approves && exchange.checked.size < (request.action?.attachments.length ?? 0)) {
      throw new Refused("attachment_unchecked", "an attachment was not fetched and checked");
    }
    const more = { ...(needsCode ? { code: digits } : {}), ...reasonClaim(reason) };
    return this.#send(exchange, request, choiceOf(index, button, more), signal);
  }

  /**
   * @param {ShownRequest} request
   * @param {number} index
   * @returns {Promise<() => boolean>}
   */
  async prepareRefusal(request, index) {
    const button = buttonOf(request, index);
    if (button.approves || button.strong) {
      throw new InvalidField("button", "not one that refuses by the device key");
    }
    return this.#exchangeOf(request).prepare(request, choiceOf(index, button));
  }

  /**
   * @param {ShownRequest} request
   * @param {{reason?: Reason | undefined, signal?: AbortSignal | undefined}} how
   * @returns {Promise<Outcome>}
   */
  async disown(request, { reason, signal }) {
    const claims = reasonClaim(reason);
    const choice = {
      choice: `disown${JSON.stringify(claims)}`,
      path: "/device/disown",
      typ: DISOWN,
      claims,
      strongButton: null,
      expected: /** @type {const} */ ({ state: "DISOWNED", approved: false }),
    };
    return this.#send(this.#exchangeOf(request), request, choice, signal);
  }

  /** @param {string} guid */
  unconfirmed(guid) {
    return this.#exchanges.get(guid)?.unconfirmed ?? null;
  }

  /**
   * @param {ShownRequest} request
   * @returns {Promise<Outcome>}
   */
  async sendAgain(request) {
    const exchange = this.#exchangeOf(request);
    const choice = exchange.unconfirmed;
    if (choice === null) throw new Misuse("client_unfit", "nothing is unconfirmed");
    return this.#send(exchange, request, choice, undefined);
  }

  /**
   * Forget the requests that are not among those that are open now.
   *
   * @param {readonly {guid: string}[]} open
   */
  keepOnly(open) {
    const guids = new Set(open.map(({ guid }) => guid));
    for (const guid of this.#exchanges.keys()) if (!guids.has(guid)) this.end(guid);
  }

  /**
   * Forget a request that has ended, unless this device has answered it or is about to: the same
   * press comes to the same outcome, and another one is refused.
   *
   * @param {string} guid
   */
  end(guid) {
    const exchange = this.#exchanges.get(guid);
    if (!exchange || exchange.isAnswered || exchange.isUnconfirmed || exchange.isPressed) return;
    this.#exchanges.delete(guid);
  }

  #forgetExpired() {
    const now = this.#connection.now();
    for (const [guid, { expiresAt }] of this.#exchanges) if (expiresAt < now) this.end(guid);
    const answered = [...this.#exchanges].filter(([, { isAnswered }]) => isAnswered);
    for (const [guid] of answered.slice(0, -ANSWERED)) this.#exchanges.delete(guid);
  }

  /**
   * @param {RequestExchange} exchange
   * @param {ShownRequest} request
   * @param {Choice} choice
   * @param {AbortSignal | undefined} signal
   */
  async #send(exchange, request, choice, signal) {
    try {
      return await exchange.send(request, choice, signal);
    } catch (error) {
      if (error instanceof ServiceRefused && ENDINGS.has(error.problem)) this.end(request.guid);
      throw error;
    }
  }

  /**
   * Return the exchange of a shown request; there is one for each open request, however often it
   * was shown.
   *
   * @param {ShownRequest} request
   */
  #exchangeOf(request) {
    const exchange = this.#exchangesOfShown.get(request);
    if (exchange === undefined) throw new Misuse("client_unfit", "not what `show` returned");
    const current = this.#exchanges.get(request.guid) ?? exchange;
    if (current.text !== exchange.text) throw new Refused("display_changed", "another text than before");
    this.#exchanges.set(request.guid, current);
    return current;
  }
}

/**
 * @param {ShownRequest} request
 * @param {number} index
 */
function buttonOf({ display }, index) {
  const button = display.buttons[index];
  if (button === undefined) throw new InvalidField("button", "not one of the request");
  return button;
}

/**
 * @param {number} index
 * @param {Display["buttons"][number]} button
 * @param {Record<string, unknown>} [more] Claims beside the button's.
 * @returns {Choice}
 */
function choiceOf(index, button, more = {}) {
  const claims = { button: index, title: button.title, ...more };
  return {
    choice: JSON.stringify(claims),
    path: "/device/answer",
    typ: ANSWER,
    claims,
    strongButton: button.strong ? button : null,
    expected: { state: "ANSWERED", approved: button.approves },
  };
}

/**
 * @param {Display} display
 * @returns {ShownAction | null}
 */
const actionOf = ({ action }) =>
  action ? { ...action, attachments: action.attachments ?? [] } : null;

/** @param {Reason | undefined} reason */
const reasonClaim = (reason) => (reason === undefined ? {} : { reason: demandReason(reason) });

/**
 * @template T
 * @param {T} value
 * @returns {T}
 */
function freezeAll(value) {
  if (value !== null && typeof value === "object") {
    for (const member of Object.values(value)) freezeAll(member);
    Object.freeze(value);
  }
  return value;
}
