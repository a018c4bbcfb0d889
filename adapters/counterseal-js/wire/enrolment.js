/** Enrolments: what the keys of a device sign when it is bound and when it rotates them. */

import { digest } from "./bytes.js";

/** @typedef {"device" | "strong"} Role */
/** @typedef {{role: Role, thumbprint: string}} RoleKey */

export const BIND = "counterseal-bind+jwt";
export const ROTATE = "counterseal-rotate+jwt";
export const ENDORSE = "counterseal-endorse+jwt";
export const PROOF = "counterseal-proof+jwt";

/** @type {readonly Role[]} */
export const ROLES = Object.freeze(["device", "strong"]);

/** @param {readonly RoleKey[]} keys */
const thumbprints = (keys) =>
  Object.fromEntries(
    ROLES.map((role) => [
      role,
      keys
        .filter((key) => key.role === role)
        .map(({ thumbprint }) => thumbprint)
        .sort(),
    ]),
  );

/**
 * Return what every new key signs in a bind.
 *
 * @param {string} token The session token.
 * @param {string} appSpace
 * @param {readonly RoleKey[]} keys
 * @param {string} [replaces] The device whose place the new one takes.
 */
export const bindClaims = async (token, appSpace, keys, replaces) => ({
  token: await digest(token),
  aud: appSpace,
  ...thumbprints(keys),
  ...(replaces === undefined ? {} : { replaces }),
});

/**
 * Return what new and old keys sign in a rotation.
 *
 * @param {string} device
 * @param {string} appSpace
 * @param {readonly RoleKey[]} keys The new ones.
 */
export const rotationClaims = (device, appSpace, keys) => ({
  iss: device,
  aud: appSpace,
  ...thumbprints(keys),
});
