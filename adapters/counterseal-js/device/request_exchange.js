/** One request: what this device has shown of it, and what it has answered. */

import { digest } from "../wire/bytes.js";
import { BadReply, NotSent, Refused, ServiceRefused } from "./errors.js";
import { readEntry, verifyTrusted } from "./receipts.js";
import { readAnswerReply } from "./records.js";
import { demandUnchanged } from "./rotation.js";

/** @typedef {import("../wire/receipt.js").Receipt} Receipt */
/** @typedef {import("./answers.js").ShownRequest} ShownRequest */
/** @typedef {import("./connection.js").Connection} Connection */
/** @typedef {import("./connection.js").SignedToken} SignedToken */
/** @typedef {import("./history.js").History} History */
/** @typedef {import("./records.js").HistoryEntry} HistoryEntry */
/** @typedef {import("./stored_account.js").Update} Update */

/**
 * How a request ended.
 *
 * @typedef {object} Outcome
 * @property {string} guid
 * @property {"ANSWERED" | "DISOWNED"} state
 * @property {boolean} approved
 * @property {Receipt | null} receipt Verified; null if no key that the device trusts signed it.
 * @property {string} receiptText As it came.
 * @property {boolean} kept Whether it is in the stored history. If the store has failed, it is only in
 *   memory until the store takes it, which the event `change` tells by the type `kept`.
 */

/**
 * What is signed and sent. `choice` tells it from another answer to the same request.
 *
 * @typedef {object} Choice
 * @property {string} choice
 * @property {string} path
 * @property {string} typ
 * @property {Record<string, unknown>} claims
 * @property {import("../wire/display.js").Display["buttons"][number] | null} strongButton The button, if the strong key signs.
 * @property {{state: "ANSWERED" | "DISOWNED", approved: boolean}} expected How the request ends by it.
 */

const JOSE = "application/jose";
const TOO_MANY_CALLS = 429;
/** Problems with which the service has not looked at the answer: an earlier attempt may have arrived. */
const UNDECIDED = new Set(["denied", "unreachable"]);

/**
 * The exchange about one request, from the moment it is shown until it has ended.
 *
 * Of all presses, one choice is sent, and it is sent with the same bytes until the service has said
 * what came of it.
 */
export class RequestExchange {
  /** When the request ends, in milliseconds since the epoch. */
  expiresAt = Infinity;
  /** @type {Set<number>} The attachments that were checked. */
  checked = new Set();
  #connection;
  #history;
  /** @type {Choice | null} What was sent, and may have been accepted; nothing else is sent. */
  #choice = null;
  /** @type {Promise<void> | null} The call that was made at once, until its reply is known. */
  #callAtOnce = null;
  /** @type {SignedToken | null} How it was sent; null if new keys have to sign it. */
  #answer = null;
  /** Whether an attempt had no reply. */
  #mayHaveArrived = false;
  /** Presses that have no outcome yet. */
  #presses = 0;
  /** @type {Outcome | null} */
  #outcome = null;
  /** @type {HistoryEntry | null} The outcome's. */
  #entry = null;

  /**
   * @param {Connection} connection
   * @param {History} history
   * @param {string} text The display document, which is signed.
   */
  constructor(connection, history, text) {
    this.#connection = connection;
    this.#history = history;
    /** @readonly */
    this.text = text;
  }

  get isAnswered() {
    return this.#outcome !== null;
  }

  /** Whether a press is being signed or sent. */
  get isPressed() {
    return this.#presses > 0;
  }

  /** Whether something was sent, and the service has not said what came of it. */
  get isUnconfirmed() {
    return this.#choice !== null && this.#outcome === null;
  }

  /**
   * Sign and send an answer, again if need be, and verify and keep the receipt.
   *
   * @param {ShownRequest} request
   * @param {Choice} choice
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Outcome>}
   */
  async send(request, choice, signal) {
    this.#demandSame(choice);
    if (this.#outcome !== null) return this.#keepAgain(this.#outcome);
    this.#presses += 1;
    try {
      const answer = this.#answer ?? (await this.#sign(request, choice));
      return await this.#connection.stored.exclusive(async (update) => {
        // Another press may have been faster.
        this.#demandSame(choice);
        if (this.#outcome !== null) return this.#outcome;
        await this.#callAtOnce;
        await this.#connection.resolveRotation(update);
        return this.#deliver(request, choice, this.#answer ?? answer, { update, signal });
      });
    } finally {
      this.#presses -= 1;
    }
  }

  /** What was sent, if the service has not said what came of it. */
  get unconfirmed() {
    return this.isUnconfirmed ? this.#choice : null;
  }

  /**
   * Sign a choice of the device key, and return what sends it at once, unless another choice was
   * sent by then, or keys were replaced; it returns whether it did. `send` then learns the outcome.
   *
   * @param {ShownRequest} request
   * @param {Choice} choice
   * @returns {Promise<() => boolean>}
   */
  async prepare(request, choice) {
    this.#demandSame(choice);
    const connection = this.#connection;
    const answer = await this.#sign(request, choice);
    const begin = await connection.prepare(callOf(choice, answer));
    return () => {
      const isReplaced = answer.rotations !== connection.record.rotations;
      if (this.#choice !== null || this.#outcome !== null || isReplaced) return false;
      this.#answer = answer;
      this.#choice = choice;
      this.#callAtOnce = this.#noteCall(begin());
      return true;
    };
  }

  /**
   * Learn whether a call that was made at once may have arrived.
   *
   * @param {Promise<void>} call
   */
  async #noteCall(call) {
    try {
      await call;
      this.#mayHaveArrived = true;
    } catch (error) {
      this.#mayHaveArrived ||= !(error instanceof NotSent);
      if (!this.#mayHaveArrived && !this.isPressed && !this.isAnswered) this.#forgetChoice();
    }
    this.#callAtOnce = null;
  }

  #forgetChoice() {
    this.#answer = null;
    this.#choice = null;
  }

  /** @param {Choice} choice */
  #demandSame({ choice }) {
    if (this.#choice === null || this.#choice.choice === choice) return;
    if (this.isAnswered) throw new Refused("already_answered", "another answer of this device was accepted");
    throw new Refused("answer_unconfirmed", "another answer was sent, and its reply was lost");
  }

  /**
   * Sign a choice; where the strong key signs, the person is shown this request and this button.
   *
   * @param {ShownRequest} request
   * @param {Choice} choice
   * @returns {Promise<SignedToken>}
   */
  async #sign(request, { typ, claims: chosen, strongButton: button }) {
    const connection = this.#connection;
    if (connection.record.rotation !== null) await connection.readKeys();
    const claims = { challenge: request.guid, display: await digest(this.text), ...chosen };
    if (button === null) return connection.sign(typ, claims);
    return connection.signStrong(typ, claims, { purpose: "answer", request, button });
  }

  /**
   * @param {ShownRequest} request
   * @param {Choice} choice
   * @param {SignedToken} answer
   * @param {{update: Update, signal: AbortSignal | undefined}} how
   * @returns {Promise<Outcome>}
   */
  async #deliver(request, choice, answer, { update, signal }) {
    const connection = this.#connection;
    // If keys were replaced, the next press signs anew.
    this.#answer = null;
    // A wrong key would count as a wrong PIN.
    demandUnchanged(connection, answer.rotations);
    this.#answer = answer;
    this.#choice = choice;
    const call = { ...callOf(choice, answer), signal };
    const attempt = async () => {
      try {
        return await connection.proven(call, readAnswerReply, { update });
      } catch (error) {
        this.#mayHaveArrived ||= !(error instanceof NotSent || error instanceof ServiceRefused);
        throw error;
      }
    };
    let reply;
    try {
      ({ value: reply } = await connection.repeat(attempt, signal));
    } catch (error) {
      if (isDecided(error)) this.#mayHaveArrived = false;
      if (!this.#mayHaveArrived) this.#forgetChoice();
      throw error;
    }
    const { expected } = choice;
    const { guid, state, approved, receipt: receiptText } = reply;
    const fits = state === expected.state && approved === expected.approved;
    if (guid !== request.guid || !fits) throw new BadReply("a reply to another answer");
    const text = receiptText ?? "";
    const receipt = await verifyTrusted(text, connection, update);
    const outcome = { guid, ...expected, receipt, receiptText: text, kept: true };
    if (receipt !== null) {
      const proof = { receipt, text, display: request.display };
      const sent = { token: answer.token, state, approved };
      this.#entry = readEntry(proof, sent, connection, this.#history.last);
      outcome.kept = await this.#history.add(this.#entry, update);
    }
    this.#outcome = outcome;
    this.#answer = null;
    connection.notify("answered");
    return outcome;
  }

  /**
   * Return the outcome again, once the store was asked again.
   *
   * @param {Outcome} outcome
   * @returns {Promise<Outcome>}
   */
  async #keepAgain(outcome) {
    await this.#history.retry();
    const kept = this.#entry === null || this.#history.isStored(this.#entry);
    this.#outcome = { ...outcome, kept };
    return this.#outcome;
  }
}

/**
 * @param {Choice} choice
 * @param {SignedToken} answer
 */
const callOf = ({ expected, path }, { token }) => {
  // Who refuses may leave the page at once.
  const keepalive = !expected.approved;
  return { method: "POST", path, body: token, type: JOSE, keepalive };
};

/**
 * Tell whether the service has looked at the answer, and refused it.
 *
 * @param {unknown} error
 */
const isDecided = (error) =>
  error instanceof ServiceRefused &&
  error.status !== TOO_MANY_CALLS &&
  !UNDECIDED.has(error.problem);
