/** Actions: what a person is asked to approve, how an approval is used, and what its digest covers. */

import { digest } from "../wire/bytes.js";
import { isMoment } from "../wire/claims.js";
import { canonical, isObject } from "../wire/ijson.js";
import { isFlag, Members } from "../wire/members.js";
import { demandFit } from "./errors.js";

/**
 * One action, which the service displays by the rules of its type.
 *
 * @typedef {object} Action
 * @property {string} type `payment`, `tool-call`, `login`, `document`, or one that the service
 *   registers.
 * @property {string} resource The tool's name, or what the action acts on.
 * @property {Record<string, unknown>} arguments I-JSON (RFC 7493); amounts of money are texts.
 * @property {string} [agent] The program that wants to act.
 * @property {string} [run] The agent's run, task or conversation.
 * @property {string} [purpose] Why, in the words of the origin.
 * @property {string} [validUntil] Until when an approval may be used, like
 *   `2026-12-31T12:00:00.000Z`; by default, the service decides.
 * @property {string} [language] Of what the person reads, such as `de`; by default, that of the
 *   person's device.
 */

/**
 * The action of a request as the service says that it is.
 *
 * @typedef {object} RequestedAction
 * @property {string} type
 * @property {string} digest
 * @property {string} validUntil
 */

/**
 * The use of an approved action.
 *
 * @typedef {object} KnownUse
 * @property {"UNKNOWN" | "EXECUTED" | "FAILED"} state `UNKNOWN` until the origin reports: the
 *   action may have been executed.
 * @property {boolean} presented Whether the arguments were presented, and matched.
 * @property {string} at
 * @property {string | null} reportedAt
 * @property {string | null} detail As the origin reported it.
 * @property {string} receipt What the service signed about the use.
 */

/**
 * An action that an origin asked about, as the service knows it.
 *
 * @typedef {object} KnownAction
 * @property {string} request The request's GUID.
 * @property {Progress} state
 * @property {string} type
 * @property {string} digest
 * @property {string} validUntil From then on, an approval can no longer be used.
 * @property {KnownUse | null} use Null unless it was used.
 */

/** @typedef {(typeof PROGRESS)[number]} Progress */

const PROGRESS = /** @type {const} */ ([
  "PENDING",
  "DECLINED",
  "DISOWNED",
  "CANCELLED",
  "FAILED",
  "APPROVED",
  "USED",
  "WITHDRAWN",
  "EXPIRED",
]);
const USES = /** @type {const} */ (["UNKNOWN", "EXECUTED", "FAILED"]);
const VERSION = 1;
const REQUIRED = ["type", "resource"];
const OPTIONAL = ["agent", "run", "purpose", "validUntil", "language"];
const MEMBERS = new Set([...REQUIRED, ...OPTIONAL, "arguments"]);

/**
 * Return the member `action` of `request/add`.
 *
 * @param {Action} action
 * @returns {Action}
 * @throws {import("./errors.js").Unfit} A member is missing, unknown or of another type.
 */
export function writeAction(action) {
  demandFit(isObject(action), "action: not an object");
  /** @type {Record<string, unknown>} */
  const members = action;
  for (const name of Object.keys(members)) demandFit(MEMBERS.has(name), `action.${name}: unknown`);
  for (const name of REQUIRED) {
    demandFit(typeof members[name] === "string", `action.${name}: not a text`);
  }
  for (const name of OPTIONAL) {
    const value = members[name];
    demandFit(value === undefined || typeof value === "string", `action.${name}: not a text`);
  }
  demandFit(isObject(action.arguments), "action.arguments: not an object");
  const { validUntil } = action;
  const isTime = validUntil === undefined || isMoment(validUntil);
  demandFit(isTime, "action.validUntil: not a time like 2026-12-31T12:00:00.000Z");
  return action;
}

/**
 * Return the digest that the person signs with the action.
 *
 * @param {Action} action As it was sent.
 * @param {{client: string, validUntil: string}} terms The origin's GUID, and the end of an approval.
 */
export async function actionDigest({ language: _, ...action }, { client, validUntil }) {
  return digest(canonical({ ...action, version: VERSION, client, validUntil }));
}

/**
 * Read the member `action` of a request that the service sent.
 *
 * @param {Members} members
 * @returns {RequestedAction | null}
 * @throws {import("../wire/errors.js").InvalidField}
 */
export function readRequestedAction(members) {
  if ((members.document["action"] ?? null) === null) return null;
  const action = new Members(members.document["action"], "action");
  return {
    type: action.text("type"),
    digest: action.text("digest"),
    validUntil: action.moment("validUntil"),
  };
}

/**
 * Read what the service knows of an action.
 *
 * @param {unknown} document
 * @returns {KnownAction}
 * @throws {import("../wire/errors.js").InvalidField} A member is missing, or of another type.
 */
export function readKnownAction(document) {
  const members = new Members(document);
  return Object.freeze({
    request: members.guid("requestGuid"),
    state: members.choice("state", PROGRESS),
    type: members.text("type"),
    digest: members.text("digest"),
    validUntil: members.moment("validUntil"),
    use: (members.document["use"] ?? null) === null ? null : readUse(members.document["use"]),
  });
}

/**
 * @param {unknown} document
 * @returns {KnownUse}
 */
function readUse(document) {
  const use = new Members(document, "use");
  return Object.freeze({
    state: use.choice("state", USES),
    presented: use.read("argumentsPresented", isFlag),
    at: use.moment("at"),
    reportedAt: use.readOrNull("reportedAt", isMoment),
    detail: use.textOrNull("detail"),
    receipt: use.text("receipt"),
  });
}
