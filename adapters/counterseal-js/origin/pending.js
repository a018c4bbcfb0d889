/**
 * Pending requests: what an origin keeps of a request until it acts on the answer.
 *
 * Keep it on your server, under its `guid`, beside the order that waits for the answer.
 * Every reply and callback is compared with it.
 */

import { equalJson, readJson } from "../wire/ijson.js";
import { isMoment } from "../wire/claims.js";
import { Members } from "../wire/members.js";
import { actionDigest } from "./action.js";
import { demandEvidence } from "./errors.js";
import { readProcessed } from "./processed.js";
import { haveButtons, readQuestion } from "./question.js";

/** @typedef {import("./processed.js").ProcessedRequest} ProcessedRequest */

/**
 * @typedef {object} PendingMembers
 * @property {string} guid The request.
 * @property {string} account The account's GUID.
 * @property {string} appSpace
 * @property {string} origin
 * @property {string} sent The question as it was sent, JSON.
 * @property {boolean} codeAsked Whether an approval needs the matching code.
 * @property {string} issuedAt
 * @property {string} expiresAt
 * @property {string} [validUntil] Until when an approval of its action may be used.
 */

/**
 * Something that the person will meet, although the request was issued.
 *
 * @typedef {object} RequestWarning
 * @property {string} code `document_host`: the service's app in the browser may not fetch a document
 *   of the action; a newer service may have others.
 * @property {string | null} field The member of the question that it is about.
 * @property {string | null} host The host from which the app may not fetch, with its port unless
 *   that is 443.
 */

/** One request that was issued. */
export class PendingRequest {
  #code;
  #warnings;

  /**
   * @param {PendingMembers} members
   * @param {string | null} [code]
   * @param {readonly RequestWarning[]} [warnings]
   */
  constructor(members, code = null, warnings = []) {
    /** @readonly */
    this.guid = members.guid;
    /** @readonly */
    this.account = members.account;
    /** @readonly */
    this.appSpace = members.appSpace;
    /** @readonly */
    this.origin = members.origin;
    /** @readonly */
    this.sent = members.sent;
    /** @readonly */
    this.codeAsked = members.codeAsked;
    /** @readonly */
    this.issuedAt = members.issuedAt;
    /** @readonly */
    this.expiresAt = members.expiresAt;
    /** @readonly */
    this.validUntil = members.validUntil ?? null;
    /** @readonly */
    this.question = Object.freeze(readQuestion(readJson(members.sent)));
    this.#code = code;
    this.#warnings = Object.freeze([...warnings]);
    Object.freeze(this);
  }

  /**
   * The matching code: show it on the page on which the person just acted, and nowhere else.
   * Null if the request has none, and in what `load` returns.
   */
  get code() {
    return this.#code;
  }

  /** What the person will meet, as the service said when it was asked; none in what `load` returns. */
  get warnings() {
    return this.#warnings;
  }

  /** The origin's own id of the person. */
  get accountId() {
    return this.question.accountId;
  }

  /** The action that it asks about; null if it asks about none. */
  get action() {
    const { content } = this.question;
    return "action" in content ? content.action : null;
  }

  /** Return the digest that the person signs with the action; null if it asks about none. */
  async actionDigest() {
    const { action, validUntil } = this;
    if (action === null || validUntil === null) return null;
    return actionDigest(action, { client: this.origin, validUntil });
  }

  /**
   * Return the record for a database or a server-side session, without the code and warnings;
   * `ask` with the same idempotency key returns them again. Keep it where users cannot write.
   *
   * @returns {PendingMembers}
   */
  toJSON() {
    const { guid, account, appSpace, origin, sent, codeAsked, issuedAt, expiresAt } = this;
    const action = this.validUntil === null ? {} : { validUntil: this.validUntil };
    return { guid, account, appSpace, origin, sent, codeAsked, issuedAt, expiresAt, ...action };
  }

  /** Return the record as text; the Python client reads it too. */
  dump() {
    return JSON.stringify(this);
  }

  /**
   * Read what `dump` wrote, here or in the Python client.
   *
   * @param {string} text
   * @returns {PendingRequest}
   * @throws {import("../wire/errors.js").InvalidField} It is something else.
   */
  static load(text) {
    const members = new Members(readJson(text), "pending request");
    const validUntil = members.readOrNull("validUntil", isMoment);
    return new PendingRequest({
      guid: members.guid("guid"),
      account: members.guid("account"),
      appSpace: members.guid("appSpace"),
      origin: members.guid("origin"),
      sent: members.text("sent"),
      codeAsked: members.flag("codeAsked"),
      issuedAt: members.moment("issuedAt"),
      expiresAt: members.moment("expiresAt"),
      ...(validUntil === null ? {} : { validUntil }),
    });
  }

  /**
   * Demand that *reply* is about this request, member by member.
   *
   * Of an action it compares the digest, and not the content, which only the service can make.
   *
   * @param {ProcessedRequest} reply
   * @throws {import("./errors.js").EvidenceRefused} It is about another; it names the member.
   */
  async demandEqual(reply) {
    const { question } = this;
    const pairs = {
      guid: [reply.guid, this.guid],
      privakeyId: [reply.account, this.account],
      accountId: [reply.accountId, question.accountId],
      appSpaceGuid: [reply.appSpace, this.appSpace],
      requestOriginGuid: [reply.origin, this.origin],
      transactionId: [reply.transactionId, question.transactionId],
      additionalInfo: [reply.additionalInfo, question.additionalInfo],
      callback: [reply.callback, question.callback],
      showCode: [reply.showCode, question.showCode],
      showNotification: [reply.showNotification, question.showNotification],
      issuedAt: [reply.issuedAt, this.issuedAt],
      expiresAt: [reply.expiresAt, this.expiresAt],
    };
    for (const [name, [value, ours]] of Object.entries(pairs)) {
      demandEvidence(equalJson(value, ours), name);
    }
    demandEvidence(haveButtons(question, reply.buttons), "buttons");
    await this.#demandContent(reply);
  }

  /**
   * Demand that *reply*, the one to `request/add`, is about this request, and has what it asked for.
   *
   * @param {ProcessedRequest} reply
   * @throws {import("./errors.js").EvidenceRefused}
   */
  async demandIssued(reply) {
    await this.demandEqual(reply);
    // Without a code, nobody could type it: the origin's setting `codes` is not `typed`.
    demandEvidence(this.#code || !this.question.showCode, "code");
  }

  /** @param {ProcessedRequest} reply */
  async #demandContent(reply) {
    const { content } = this.question;
    demandEvidence((reply.action === null) === !("action" in content), "action");
    if ("action" in content) {
      demandEvidence(reply.action?.type === content.action.type, "action.type");
      demandEvidence(reply.action?.validUntil === this.validUntil, "action.validUntil");
      const end = content.action.validUntil ?? this.validUntil;
      demandEvidence(end === this.validUntil, "action.validUntil");
      demandEvidence(reply.action?.digest === (await this.actionDigest()), "action.digest");
      return;
    }
    const own = "text" in content ? content.text : "html" in content ? content.html : content;
    demandEvidence(equalJson(reply.content, own), "content");
  }
}

/**
 * Read the reply to `request/add`; `demandIssued` compares it with what was sent.
 *
 * @param {string} body What was sent.
 * @param {unknown} document
 * @param {string} origin
 * @returns {[PendingRequest, ProcessedRequest]}
 * @throws {import("../wire/errors.js").InvalidField} A member is missing, or of another type.
 */
export function readPending(body, document, origin) {
  const reply = readProcessed(document);
  const members = new Members(document);
  const code = members.textOrNull("code");
  const { guid, account, appSpace, issuedAt, expiresAt } = reply;
  const codeAsked = code !== null;
  const terms = reply.action === null ? {} : { validUntil: reply.action.validUntil };
  const pending = new PendingRequest(
    { guid, account, appSpace, origin, sent: body, codeAsked, issuedAt, expiresAt, ...terms },
    code,
    readWarnings(members),
  );
  return [pending, reply];
}

/**
 * Read the warnings of the reply to `request/add`, which a service without any leaves out.
 *
 * @param {Members} members
 * @returns {RequestWarning[]}
 * @throws {import("../wire/errors.js").InvalidField} A warning is of another type.
 */
export function readWarnings(members) {
  if ((members.document["warnings"] ?? null) === null) return [];
  return members.objects("warnings", (warning) =>
    Object.freeze({
      code: warning.text("code"),
      field: warning.textOrNull("field"),
      host: warning.textOrNull("host"),
    }),
  );
}
