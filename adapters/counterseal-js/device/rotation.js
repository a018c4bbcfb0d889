/** Rotation: replaces the keys of a device, and loses none where a reply is lost. */

import { Refused } from "../wire/errors.js";
import { keySigner } from "../wire/jws.js";
import { thumbprintOf } from "../wire/keys.js";
import { hasKeys } from "./connection.js";
import { writeRotation } from "./enrolment.js";
import { ServiceRefused, StoreFailed } from "./errors.js";
import { namesOf, readStatus } from "./records.js";
import { isPassing } from "./service.js";
import { generateKey } from "./strong_keys.js";

/** @typedef {import("../wire/enrolment.js").Role} Role */
/** @typedef {import("../wire/jws.js").Signer} Signer */
/** @typedef {import("./connection.js").Connection} Connection */
/** @typedef {import("./enrolment.js").NewKey} NewKey */
/** @typedef {import("./records.js").DeviceStatus} DeviceStatus */
/** @typedef {NonNullable<import("./records.js").AccountRecord["rotation"]>} Rotation */

/**
 * Replace keys of a device; asks the person for the old strong key and for the new one.
 *
 * @param {Connection} connection
 * @param {{roles: readonly Role[], kind: string}} how `kind`: of the new strong key.
 * @returns {Promise<DeviceStatus>}
 * @throws {Refused} `changed_elsewhere`: another tab has replaced them meanwhile; call again.
 */
export async function rotateKeys(connection, how) {
  const { stored } = connection;
  // Nobody is asked for anything while this has the lock.
  await connection.readKeys();
  const { rotations } = stored.record;
  const { body, rotation } = await prepareRotation(connection, how);
  return stored.exclusive(async (update) => {
    demandUnchanged(connection, rotations);
    await update({ rotation });
    try {
      const call = { method: "POST", path: "/device/rotate", body };
      const { value: status } = await connection.proven(call, readStatus, { update });
      await endStoredRotation(connection, status, update);
      return status;
    } catch (error) {
      if (error instanceof ServiceRefused) await update({ rotation: null });
      if (!isPassing(error)) throw error;
      await connection.resolveRotation(update);
      const call = { method: "GET", path: "/device/status" };
      const { value: status } = await connection.proven(call, readStatus, { update });
      if (!hasKeys(status, rotation.kids)) throw error;
      return status;
    }
  });
}

/**
 * Store that the new keys are in use; if the store fails, the next call finds the rotation and ends it.
 *
 * @param {Connection} connection
 * @param {DeviceStatus} status
 * @param {import("./stored_account.js").Update} update
 */
async function endStoredRotation(connection, status, update) {
  try {
    await connection.endRotation(status, update);
  } catch (error) {
    if (!(error instanceof StoreFailed)) throw error;
  }
}

/**
 * Demand that keys were not replaced since there were *rotations* of them.
 *
 * @param {Connection} connection
 * @param {number} rotations
 */
export function demandUnchanged({ record }, rotations) {
  if (record.rotations === rotations && record.rotation === null) return;
  throw new Refused("changed_elsewhere", "the keys were replaced meanwhile");
}

/** @param {import("./records.js").StrongRecord} strongKey */
const rpIdOf = ({ record: { rpId } }) => (typeof rpId === "string" ? rpId : undefined);

/**
 * Make the new keys, and the body that offers them.
 *
 * @param {Connection} connection
 * @param {{roles: readonly Role[], kind: string}} how
 * @returns {Promise<{body: string, rotation: Rotation}>}
 */
async function prepareRotation(connection, { roles, kind }) {
  const { strongKeys, world } = connection;
  const { device, appSpace } = connection.record;
  const { accountName } = namesOf(connection.record);
  let deviceKey = connection.deviceKey();
  let { strongKey } = connection.record;
  /** @type {(NewKey & {old: Signer})[]} */
  const keys = [];
  if (roles.includes("device")) {
    const { jwk, ...record } = await generateKey(deviceKey.alg, world.random);
    keys.push({ role: "device", jwk, signer: keySigner(record), old: keySigner(deviceKey) });
    deviceKey = { ...record, thumbprint: await thumbprintOf(jwk) };
  }
  if (roles.includes("strong")) {
    const old = await strongKeys(strongKey.kind).open(strongKey.record, { purpose: "replace" });
    const { record, ...created } = await strongKeys(kind).create({ accountName, rpId: rpIdOf(strongKey) });
    keys.push({ role: "strong", ...created, old });
    strongKey = { kind, record };
  }
  const body = await writeRotation({ device, appSpace, keys });
  const kids = keys.map(({ jwk }) => String(jwk["kid"]));
  return { body, rotation: { deviceKey, strongKey, kids } };
}
