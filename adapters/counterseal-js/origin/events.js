/** Events: what happened to an account, as the service says it, which proves nothing. */

import { isGuid } from "../wire/claims.js";
import { Members } from "../wire/members.js";

/**
 * @typedef {object} AccountEvent
 * @property {string} type What happened: `bound`, `device_added`, `revoked`, `suspended`, `resumed`,
 *   `locked`, `unlocked`, `strike`, `disowned`, `reported`, `erased`; a newer service may have more.
 * @property {string} guid The same each time that the event is sent or read; keep it, and do
 *   nothing at a second one.
 * @property {string} at When it happened.
 * @property {number} sequence The account's events are numbered from 1.
 * @property {string} account The account's GUID, `privakeyId` on the wire.
 * @property {string | null} accountId The origin's own id; null once the account is erased.
 * @property {string} appSpace
 * @property {string | null} device The device that it is about.
 * @property {string | null} request The request that it is about.
 */

/**
 * A part of the log of the App Space's events.
 *
 * @typedef {object} AccountEventPage
 * @property {AccountEvent[]} events Those that the origin wants, in their order.
 * @property {string} next The cursor for what follows; keep it with what you did about the events.
 * @property {boolean} more Whether there is more already.
 * @property {boolean} gap Whether events after the cursor that was given have been forgotten.
 */

/**
 * Read an event that the service sent.
 *
 * @param {unknown} document
 * @returns {AccountEvent}
 * @throws {import("../wire/errors.js").InvalidField} A member is missing, or of another type.
 */
export const readEvent = (document) => read(new Members(document));

/**
 * Read the reply to `GET /events`.
 *
 * @param {unknown} document
 * @returns {AccountEventPage}
 * @throws {import("../wire/errors.js").InvalidField} A member is missing, or of another type.
 */
export function readEventPage(document) {
  const members = new Members(document);
  return Object.freeze({
    events: members.objects("events", read),
    next: members.text("next"),
    more: members.flag("more"),
    gap: members.flag("gap"),
  });
}

/**
 * @param {Members} members
 * @returns {AccountEvent}
 */
const read = (members) =>
  Object.freeze({
    type: members.text("type"),
    guid: members.guid("guid"),
    at: members.moment("at"),
    sequence: members.count("sequence"),
    account: members.guid("privakeyId"),
    accountId: members.textOrNull("accountId"),
    appSpace: members.guid("appSpaceGuid"),
    device: members.readOrNull("deviceGuid", isGuid),
    request: members.readOrNull("requestGuid", isGuid),
  });
