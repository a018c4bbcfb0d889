/** Look-alikes among App Spaces: what a person has to compare before a device is bound. */

import { trimAddress } from "../wire/http.js";
import { areAlike } from "../wire/lookalikes.js";

/**
 * By what a person tells an App Space from others.
 *
 * @typedef {object} AppSpaceIdentity
 * @property {string} url The service's address.
 * @property {string} appSpace The App Space's GUID.
 * @property {string} appSpaceName
 * @property {string | null | undefined} [companyName] As the company calls itself.
 * @property {string | null | undefined} [verifiedName] As an operator of the service calls it.
 */

/**
 * An App Space that looks like that of an account.
 *
 * @template T
 * @typedef {object} Lookalike
 * @property {T} existing
 * @property {string} name The name that looks like one of the existing App Space.
 * @property {string} existingName
 */

/**
 * Return which of the existing App Spaces another looks like, with the first names that are alike.
 *
 * Names of App Spaces and companies are compared, each with each. What is exempt: the same App
 * Space; another one of a company that the same service has verified; and the names of two
 * companies, of which neither is verified, with each other, since they may be one.
 *
 * @template {AppSpaceIdentity} T
 * @param {AppSpaceIdentity} identity
 * @param {readonly T[]} existing
 * @returns {Lookalike<T>[]}
 */
export function findLookalikes(identity, existing) {
  return existing.filter((other) => !isSame(identity, other)).flatMap((other) => {
    const pairs = namesOf(identity).flatMap((name) =>
      namesOf(other).map((existingName) => ({ existing: other, name, existingName })),
    );
    const isVerified = typeof (identity.verifiedName ?? other.verifiedName) === "string";
    const pair = pairs.find(
      ({ name, existingName }) =>
        areAlike(name, existingName) &&
        (isVerified || identity.appSpaceName === name || other.appSpaceName === existingName),
    );
    return pair === undefined ? [] : [pair];
  });
}

/** @param {AppSpaceIdentity} identity */
const namesOf = ({ appSpaceName, companyName, verifiedName }) =>
  [appSpaceName, companyName, verifiedName].filter((name) => typeof name === "string");

/**
 * @param {AppSpaceIdentity} identity
 * @param {AppSpaceIdentity} other
 */
const isSame = (identity, other) =>
  trimAddress(identity.url) === trimAddress(other.url) &&
  (identity.appSpace === other.appSpace ||
    (typeof identity.verifiedName === "string" && identity.verifiedName === other.verifiedName));
