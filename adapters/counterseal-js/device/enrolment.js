/** Enrolments: the bodies that bind a device's keys and that replace them. */

import { BIND, bindClaims, ENDORSE, ROTATE, rotationClaims } from "../wire/enrolment.js";
import { signToken } from "../wire/jws.js";
import { thumbprintOf } from "../wire/keys.js";

/** @typedef {import("../wire/enrolment.js").Role} Role */
/** @typedef {import("../wire/jws.js").Signer} Signer */

/** @typedef {{role: Role, jwk: Record<string, string>, signer: Signer, credentialId?: string | undefined}} NewKey */
/** @typedef {{kind: string, value: string}} PushAddress */
/** @typedef {{platform?: string | undefined, appVersion?: string | undefined, language?: string | undefined}} App */

/** @param {readonly NewKey[]} keys */
const roleKeys = (keys) =>
  Promise.all(
    keys.map(async ({ role, jwk }) => ({ role, thumbprint: await thumbprintOf(jwk) })),
  );

/**
 * Return the body that completes a bind.
 *
 * @param {{token: string, appSpace: string, keys: readonly NewKey[], name?: string | undefined, addresses?: readonly PushAddress[] | undefined, replaces?: string | undefined, app: App}} bind
 * @returns {Promise<string>}
 */
export async function writeBind({ token, appSpace, keys, name, addresses, replaces, app }) {
  const claims = await bindClaims(token, appSpace, await roleKeys(keys), replaces);
  const offers = [];
  for (const { role, jwk, signer, credentialId } of keys) {
    offers.push({ role, jwk, proof: await signToken(signer, BIND, claims), credentialId });
  }
  return JSON.stringify({ token, keys: offers, name, addresses, replaces, ...app });
}

/**
 * Return the body that replaces keys.
 *
 * @param {{device: string, appSpace: string, keys: readonly (NewKey & {old: Signer})[]}} rotation
 * @returns {Promise<string>}
 */
export async function writeRotation({ device, appSpace, keys }) {
  const claims = rotationClaims(device, appSpace, await roleKeys(keys));
  const offers = [];
  // One after another: each may ask the person.
  for (const { role, jwk, signer, credentialId, old } of keys) {
    const proof = await signToken(signer, ROTATE, claims);
    const endorsement = await signToken(old, ENDORSE, claims);
    offers.push({ role, jwk, proof, endorsement, credentialId });
  }
  return JSON.stringify({ keys: offers });
}
