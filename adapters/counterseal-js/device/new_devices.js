/** New devices: a bound device invites another one, and confirms it once it has made its keys. */

import { comparisonCode, CONFIRM } from "../wire/confirmation.js";
import { BadReply } from "../wire/errors.js";
import { ROLES } from "../wire/enrolment.js";
import { publicThumbprint } from "../wire/keys.js";
import { isAnyText, Members } from "../wire/members.js";
import { demandUnchanged } from "./rotation.js";

/** @typedef {import("../wire/confirmation.js").Choice} Choice */
/** @typedef {import("../wire/confirmation.js").Thumbprints} Thumbprints */
/** @typedef {import("./connection.js").Connection} Connection */

/**
 * An invitation that a device has made; its link is a secret, for the person's own new device.
 *
 * @typedef {{device: string, link: string, expiresAt: string}} DeviceInvitation
 */

/**
 * A new device that waits to be confirmed. `code` is to be the same on its own screen.
 *
 * @typedef {object} NewDevice
 * @property {string} device
 * @property {string} name
 * @property {string} expiresAt
 * @property {string} code
 * @property {Thumbprints} thumbprints
 */

const JOSE = "application/jose";

/**
 * Invite one more device of the account.
 *
 * @param {Connection} connection
 * @returns {Promise<DeviceInvitation>}
 */
export const inviteDevice = (connection) =>
  connection.call({ method: "POST", path: "/device/invitations" }, readInvitation).then(
    ({ value }) => value,
  );

/**
 * Return the new devices that wait to be confirmed, oldest first.
 *
 * @param {Connection} connection
 * @returns {Promise<NewDevice[]>}
 */
export async function listNewDevices(connection) {
  const call = { method: "GET", path: "/device/confirmations" };
  const { value: listed } = await connection.call(call, readNewDevices);
  const { account } = connection.record;
  return Promise.all(
    listed.map(async ({ keys, ...newDevice }) => {
      const thumbprints = await thumbprintsOf(keys);
      const code = await comparisonCode(account, newDevice.device, thumbprints);
      return { ...newDevice, code, thumbprints };
    }),
  );
}

/**
 * Confirm a new device, or refuse it; asks the person for the strong key.
 *
 * @param {Connection} connection
 * @param {NewDevice} newDevice As it was listed: its keys are signed.
 * @param {Choice} choice
 * @returns {Promise<{device: string, status: string}>}
 */
export async function decideNewDevice(connection, newDevice, choice) {
  const claims = { binding: newDevice.device, ...newDevice.thumbprints, choice };
  const use = /** @type {const} */ ({ purpose: "confirm", newDevice, choice });
  const { token, rotations } = await connection.signStrong(CONFIRM, claims, use);
  const call = { method: "POST", path: "/device/confirmations", body: token, type: JOSE };
  return connection.stored.exclusive(async (update) => {
    await connection.resolveRotation(update);
    // A wrong key would count as a wrong PIN.
    demandUnchanged(connection, rotations);
    const decide = () => connection.proven(call, readDecision, { update });
    const { value: decision } = await connection.repeat(decide);
    if (decision.device !== newDevice.device) throw new BadReply("of another device");
    return decision;
  });
}

/**
 * Return the thumbprints of keys by their roles, sorted.
 *
 * @param {readonly {role: string, jwk: unknown}[]} keys
 * @returns {Promise<Thumbprints>}
 */
export async function thumbprintsOf(keys) {
  const all = await Promise.all(
    keys.map(async ({ role, jwk }) => ({ role, thumbprint: await publicThumbprint(jwk) })),
  );
  const own = (/** @type {string} */ role) =>
    all.filter((key) => key.role === role).map(({ thumbprint }) => thumbprint);
  return { device: own("device").sort(), strong: own("strong").sort() };
}

/** @param {unknown} document */
function readInvitation(document) {
  const members = new Members(document);
  return {
    device: members.guid("device"),
    link: members.text("link"),
    expiresAt: members.moment("sessionTokenExpiration"),
  };
}

/** @param {unknown} document */
const readNewDevices = (document) =>
  new Members(document).objects("confirmations", (newDevice) => ({
    device: newDevice.guid("device"),
    name: newDevice.read("name", isAnyText),
    expiresAt: newDevice.moment("expiresAt"),
    keys: newDevice.objects("keys", (key) => ({
      role: key.choice("role", ROLES),
      jwk: key.document["jwk"],
    })),
  }));

/** @param {unknown} document */
function readDecision(document) {
  const members = new Members(document);
  return { device: members.guid("device"), status: members.text("status") };
}
