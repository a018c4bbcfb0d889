/** Invitations: what a service says of the App Space of a bind link, before a device is bound. */

import { InvalidField, Misuse } from "../wire/errors.js";
import { readLink } from "../wire/link.js";
import { readInvitation } from "./records.js";

/** @typedef {import("../wire/link.js").BindLink} BindLink */
/** @typedef {import("./service.js").Service} Service */

/**
 * @typedef {object} Invitation
 * @property {string} appSpace The App Space's GUID.
 * @property {string} appSpaceName As the service has it; whoever writes a link can name any.
 * @property {string | null} companyName As the App Space's company calls itself.
 * @property {string | null} verifiedName As an operator of the service calls the company; null if it
 *   is not verified.
 * @property {string | null} account The account's GUID; null where the service does not say it.
 * @property {string | null} accountId Null where the service does not say it.
 * @property {string | null} accountName What the service calls the account; likewise.
 * @property {string | null} color `#RRGGBB`.
 * @property {string | null} logo Where its logo is, a PNG of the service.
 * @property {readonly string[] | null} languages In which the service displays actions; null where it
 *   takes no language of a device.
 * @property {string | null} rpId The relying party id of its passkeys; null if it takes none.
 */

/**
 * Read a bind link, or the session token alone.
 *
 * @param {string} text
 * @returns {Partial<BindLink> & {token: string}}
 * @throws {InvalidField} It is malformed.
 * @throws {Misuse} It is no text.
 */
export function readLinkOrToken(text) {
  if (typeof text !== "string" || text === "") throw new Misuse("client_unfit", "link: not a text");
  return /^[a-z]+:\/\//.test(text) ? readLink(text) : { token: text };
}

/**
 * Ask a service for the App Space of a link; nothing is bound, and the link stays as good as it was.
 *
 * @param {Service} service
 * @param {Partial<BindLink> & {token: string}} link
 * @returns {Promise<Invitation>}
 * @throws {InvalidField} The link names another App Space than the service.
 */
export async function fetchInvitation(service, { token, appSpace }) {
  const body = JSON.stringify({ token });
  const call = { method: "POST", path: "/device/invitation", body };
  const { brand, ...invitation } = await service.plain(call, readInvitation);
  demandAppSpace(invitation, appSpace);
  const logo = logoAddress(service.address, invitation.appSpace, brand.logo);
  return { ...invitation, color: brand.color, logo };
}

/**
 * @param {{appSpace: string}} invitation
 * @param {string | undefined} appSpace The link's.
 * @throws {InvalidField}
 */
export function demandAppSpace(invitation, appSpace) {
  if (appSpace === undefined || appSpace === invitation.appSpace) return;
  throw new InvalidField("appSpaceGuid", "another App Space than the service's");
}

/**
 * @param {string} address The service's.
 * @param {string} appSpace
 * @param {string | null | undefined} digest The logo's.
 */
export const logoAddress = (address, appSpace, digest) =>
  digest ? `${address}/device/logo/${appSpace}/${digest}` : null;
