/** Processed requests: a request as the service says that it is, which proves nothing. */

import { REASONS } from "../wire/answer.js";
import { isGuid, isMoment } from "../wire/claims.js";
import { InvalidField } from "../wire/errors.js";
import { isCount, Members } from "../wire/members.js";
import { readRequestedAction } from "./action.js";
import { readButtons } from "./question.js";

const STATES = /** @type {const} */ ([
  "PENDING",
  "SEEN",
  "ANSWERED",
  "DISOWNED",
  "CANCELLED",
  "FAILED",
  "EXPIRED",
]);
const UNFINISHED = new Set(["PENDING", "SEEN"]);

/** @typedef {(typeof STATES)[number]} State */

/**
 * @typedef {object} ProcessedRequest
 * @property {string} guid
 * @property {string} account The account's GUID, `privakeyId` on the wire.
 * @property {string} accountId The origin's own id of the person.
 * @property {string} appSpace
 * @property {string} origin
 * @property {string | null} transactionId
 * @property {unknown} content A text, or an object with title and keys.
 * @property {import("./action.js").RequestedAction | null} action Null unless it asks about one.
 * @property {import("./question.js").Button[]} buttons
 * @property {unknown} additionalInfo
 * @property {boolean} showCode
 * @property {boolean} showNotification
 * @property {string | null} callback
 * @property {State} state
 * @property {boolean} finished Whether it has ended, in any way.
 * @property {string} issuedAt
 * @property {string} expiresAt
 * @property {number | null} buttonSelected Null unless ANSWERED.
 * @property {boolean} approved What the service says; `requireApproved` returns what is proven.
 * @property {string | null} answeredAt
 * @property {string | null} device
 * @property {string | null} answer The device's own token.
 * @property {string | null} receipt
 * @property {import("../wire/answer.js").Reason | null} reason Why the person refused, if they said
 *   so. Never show `pressured` on a page: whoever presses the person may be looking at it.
 */

/**
 * Read a request that the service sent.
 *
 * @param {unknown} document
 * @returns {ProcessedRequest}
 * @throws {InvalidField} A member is missing, or of another type.
 */
export function readProcessed(document) {
  const members = new Members(document);
  const state = readState(members);
  return Object.freeze({
    guid: members.guid("guid"),
    account: members.guid("privakeyId"),
    accountId: members.text("accountId"),
    appSpace: members.guid("appSpaceGuid"),
    origin: members.guid("requestOriginGuid"),
    transactionId: members.textOrNull("transactionId"),
    content: members.document["content"],
    action: readRequestedAction(members),
    buttons: readButtons(members),
    additionalInfo: members.document["additionalInfo"] ?? null,
    showCode: members.flag("showCode"),
    showNotification: members.flag("showNotification"),
    callback: members.textOrNull("callback"),
    state,
    finished: !UNFINISHED.has(state),
    issuedAt: members.moment("issuedAt"),
    expiresAt: members.moment("expiresAt"),
    buttonSelected: members.readOrNull("buttonSelected", isCount),
    approved: members.flag("approved"),
    answeredAt: members.readOrNull("answeredAt", isMoment),
    device: members.readOrNull("device", isGuid),
    answer: members.textOrNull("answer"),
    receipt: members.textOrNull("receipt"),
    reason: (members.document["reason"] ?? null) === null ? null : members.choice("reason", REASONS),
  });
}

/**
 * Read `state`, or `status`, which must not differ.
 *
 * @param {Members} members
 */
function readState(members) {
  const names = ["state", "status"].filter((name) => Object.hasOwn(members.document, name));
  const [state, ...others] = new Set(names.map((name) => members.choice(name, STATES)));
  if (state === undefined || others.length > 0) {
    throw new InvalidField("state", "missing, or `state` and `status` differ");
  }
  return state;
}
