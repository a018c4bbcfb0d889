/** Replies: what the service knows of an origin's users and their devices. */

import { isFlag, Members } from "../wire/members.js";
import { isObject } from "../wire/ijson.js";

/**
 * Invitation for one device of one user.
 *
 * @typedef {object} Invitation
 * @property {string} account The account's GUID.
 * @property {string} appSpace
 * @property {string} appSpaceName
 * @property {string} [app] Where the service's device in the browser is, which the link opens.
 * @property {string} [service] The service's address, beside `app`.
 * @property {string} token The session token, a secret: anyone with it can bind a device.
 * @property {string} expiresAt
 * @property {string} link The bind link, for a QR code; it has the token.
 */

/**
 * The state of a device; a newer service may have others. `INVITED`: the invitation is open.
 *
 * @typedef {"INVITED" | "UNCONFIRMED" | "ACTIVE" | "SUSPENDED" | "REVOKED" | "EXPIRED" | (string & {})} DeviceState
 */

/**
 * @typedef {object} KnownDevice
 * @property {string} guid
 * @property {string} name
 * @property {DeviceState | null} state
 * @property {boolean} answers Whether it can answer a request: false for a passkey in a browser,
 *   which only authenticates.
 */

/** @typedef {{account: string, accountId: string, userInfo: string}} KnownAccount */

/**
 * @param {unknown} document
 * @returns {Omit<Invitation, "link">}
 */
export function readInvitation(document) {
  const members = new Members(document);
  const { sessionToken } = members.document;
  const form = isObject(sessionToken) ? new Members(sessionToken, "sessionToken") : undefined;
  const app = members.textOrNull("appUrl");
  const service = members.textOrNull("serviceUrl");
  return {
    account: members.guid("privakeyId"),
    appSpace: members.guid("appSpaceGuid"),
    appSpaceName: members.text("appSpaceName"),
    token: form?.text("guid") ?? members.text("sessionToken"),
    expiresAt: form?.moment("expiration") ?? members.moment("sessionTokenExpiration"),
    ...(app === null ? {} : { app }),
    ...(service === null ? {} : { service }),
  };
}

/**
 * @param {unknown} document
 * @returns {KnownAccount}
 */
export function readAccount(document) {
  const members = new Members(document);
  return {
    account: members.guid("privakeyId"),
    accountId: members.text("accountId"),
    userInfo: members.textOrNull("userInfo") ?? "",
  };
}

/**
 * @param {unknown} document
 * @returns {KnownDevice[]}
 */
export const readDevices = (document) =>
  new Members({ devices: document }).objects("devices", (device) => ({
    guid: device.guid("guid"),
    name: device.textOrNull("name") ?? "",
    state: device.textOrNull("state") ?? device.textOrNull("status"),
    // A service that does not say has no others.
    answers: device.readOrNull("answers", isFlag) ?? true,
  }));
