/**
 * Approval: the check between the service's reply and acting on it.
 *
 * `requireApproved` demands, at the least:
 *
 * 1. the reply is about the pending request: request, account, App Space, origin, and every
 *    member of the question;
 * 2. it is ANSWERED;
 * 3. its receipt is signed by a pinned service key, and is consistent;
 * 4. the document that the person was shown and signed is the one of the pending request; of an
 *    action, the digest in it is the one of the action that was sent;
 * 5. device, time and button in the reply are those in the receipt, and before the deadline;
 * 6. the button approves, and a strong button was signed by a strong key;
 * 7. the matching code, if the request has one, was typed and is the one that the origin showed.
 *
 * Use an approval once: mark the order as paid in the transaction in which you act on it.
 */

import { constantTimeEqual, utf8 } from "../wire/bytes.js";
import { equalJson } from "../wire/ijson.js";
import { Declined, demandEvidence, demandFit, Unanswered } from "./errors.js";
import { PendingRequest } from "./pending.js";
import { haveButtons } from "./question.js";
import { Trust } from "./trust.js";

/** @typedef {import("./processed.js").ProcessedRequest} ProcessedRequest */
/** @typedef {import("../wire/receipt.js").Receipt} Receipt */

/**
 * A person's approval, with its proof.
 *
 * @typedef {object} Approval
 * @property {string} request The request's GUID.
 * @property {string} account
 * @property {string} accountId The origin's own id of the person.
 * @property {string} appSpace
 * @property {string | null} transactionId
 * @property {number} button Index of the chosen button.
 * @property {string} title
 * @property {boolean} strong Whether a strong key signed.
 * @property {readonly import("../wire/receipt.js").Factor[]} factors Which factors the answer shows.
 * @property {boolean} codeTyped Whether the person typed a matching code.
 * @property {string} device The device that signed.
 * @property {string} thumbprint The key that signed (RFC 7638).
 * @property {string} issuedAt When the service issued the request.
 * @property {string} at When the service accepted the answer.
 * @property {string} receipt Keep it: it proves all this to anybody who trusts the service's key.
 */

/**
 * What an origin requires of an approval, beside what is always demanded; `verify` throws
 * RequirementUnmet if the approval does not meet it.
 *
 * `verify` is synchronous and returns nothing: if it returns a promise, or anything else, the
 * approval is refused as Unfit.
 *
 * @typedef {object} Requirement
 * @property {(approval: Approval) => void} verify
 */

/**
 * Return the approval of *pending*, or throw.
 *
 * @param {ProcessedRequest} reply From `wait`, `status` or `verifyCallback`.
 * @param {PendingRequest} pending From your own records; never made from *reply*.
 * @param {Trust} trust The service's keys.
 * @param {{requirements?: Iterable<Requirement>}} [how] What the approval must also meet.
 * @returns {Promise<Approval>}
 * @throws {Declined} The person said no.
 * @throws {Unanswered} There is no answer, yet or ever.
 * @throws {import("./errors.js").RequirementUnmet} A requirement is not met.
 * @throws {import("./errors.js").EvidenceRefused} The reply does not prove an answer to this request.
 * @throws {import("./errors.js").Unfit} An argument is of another type, or a requirement's `verify`
 *   returns something.
 */
export async function requireApproved(reply, pending, trust, { requirements = [] } = {}) {
  demandFit(pending instanceof PendingRequest, "pending: not a PendingRequest");
  demandFit(trust instanceof Trust, "trust: not a Trust");
  const demanded = demandRequirements(requirements);
  const approval = await readApproval(reply, pending, trust);
  for (const requirement of demanded) demandMet(requirement, approval);
  return approval;
}

/**
 * Return *requirements* as a list.
 *
 * @param {Iterable<Requirement>} requirements
 * @returns {Requirement[]}
 * @throws {import("./errors.js").Unfit} It has something else in it.
 */
export function demandRequirements(requirements) {
  const list = [...requirements];
  for (const each of list) {
    demandFit(typeof each?.verify === "function", "requirements: not objects with `verify`");
  }
  return list;
}

/**
 * Demand that *approval* meets *requirement*.
 *
 * @param {Requirement} requirement
 * @param {Approval} approval
 * @throws {import("./errors.js").RequirementUnmet} It does not.
 * @throws {import("./errors.js").Unfit} `verify` returns something, such as a promise.
 */
export function demandMet(requirement, approval) {
  /** @type {unknown} */
  const value = requirement.verify(approval);
  demandFit(value === undefined, "requirements: `verify` returns something; it has to be synchronous");
}

/**
 * @param {ProcessedRequest} reply
 * @param {PendingRequest} pending
 * @param {Trust} trust
 * @returns {Promise<Approval>}
 */
async function readApproval(reply, pending, trust) {
  await pending.demandEqual(reply);
  if (reply.state !== "ANSWERED" && reply.state !== "DISOWNED") throw new Unanswered(reply.state);
  demandEvidence(reply.receipt !== null, "receipt");
  const receipt = await trust.verifyReceipt(reply.receipt);
  await demandDisplay(receipt, pending);
  demandReceipt(reply, receipt);
  const { answer } = receipt;
  const { guid, account, appSpace, issuedAt, expiresAt } = pending;
  demandEvidence(answer["challenge"] === guid, "answer");
  demandEvidence(answer["sub"] === account && answer["aud"] === appSpace, "answer");
  demandEvidence(issuedAt <= receipt.at && receipt.at < expiresAt, "deadline");
  const { reason } = reply;
  if (reply.state === "DISOWNED") throw new Declined({ disowned: true, reason });
  const index = reply.buttonSelected;
  demandEvidence(index !== null, "buttonSelected");
  const button = receipt.display.buttons[index]; // the question's
  demandEvidence(button !== undefined, "buttonSelected");
  demandEvidence(button.title === answer["title"], "title");
  if (!button.approves) throw new Declined({ disowned: false, reason });
  demandEvidence(reply.approved && receipt.approved, "approved");
  const strong = receipt.role === "strong";
  demandEvidence(strong || !button.strong, "strong key");
  demandCode(answer["code"], pending);
  return Object.freeze({
    request: guid,
    account,
    accountId: pending.accountId,
    appSpace,
    transactionId: pending.question.transactionId,
    button: index,
    title: button.title,
    strong,
    factors: receipt.factors,
    codeTyped: pending.codeAsked,
    device: receipt.device,
    thumbprint: receipt.key.thumbprint,
    issuedAt,
    at: receipt.at,
    receipt: reply.receipt,
  });
}

/**
 * Demand that the person was shown the question; names of App Space and origin aside.
 *
 * @param {Receipt} receipt
 * @param {PendingRequest} pending
 */
async function demandDisplay({ display }, pending) {
  const { action, question } = pending;
  const buttons = display.buttons.map(({ approves, ...button }) => ({
    ...button,
    approving: approves,
  }));
  const pairs = {
    challenge: [display.challenge, pending.guid],
    account: [display.account, { guid: pending.account, id: question.accountId }],
    // Only the service can make the content of an action; the digest says that it is this one's.
    content: action === null ? [display.content, question.content] : [null, null],
    action: [display.action?.digest ?? null, await pending.actionDigest()],
    buttons: [haveButtons(question, buttons), true],
    code: [display.code, pending.codeAsked],
    issuedAt: [display.issuedAt, pending.issuedAt],
    expiresAt: [display.expiresAt, pending.expiresAt],
    additionalInfo: [display.additionalInfo ?? null, question.additionalInfo],
    transactionId: [display.transactionId ?? null, question.transactionId],
    context: [display.context ?? null, question.context],
    appSpace: [display.appSpace.guid, pending.appSpace],
    origin: [display.origin.guid, pending.origin],
  };
  for (const [name, [value, ours]] of Object.entries(pairs)) {
    demandEvidence(equalJson(value, ours), `display: ${name}`);
  }
}

/**
 * Demand that the reply says what its receipt proves.
 *
 * @param {ProcessedRequest} reply
 * @param {Receipt} receipt
 */
function demandReceipt(reply, receipt) {
  demandEvidence(reply.state === receipt.outcome, "state");
  demandEvidence(reply.device === receipt.device, "device");
  demandEvidence(reply.answeredAt === receipt.at, "answeredAt");
  demandEvidence(reply.buttonSelected === (receipt.answer["button"] ?? null), "buttonSelected");
  demandEvidence(reply.answer === receipt.answerToken, "answer");
  demandEvidence(reply.approved === receipt.approved, "approved");
  demandEvidence(reply.reason === (receipt.answer["reason"] ?? null), "reason");
}

/**
 * @param {unknown} code As the person typed it.
 * @param {PendingRequest} pending
 */
function demandCode(code, pending) {
  demandEvidence(typeof code === "string" || !pending.codeAsked, "code");
  if (pending.code !== null) {
    demandEvidence(constantTimeEqual(utf8(String(code)), utf8(pending.code)), "code");
  }
}
