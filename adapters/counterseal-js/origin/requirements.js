/**
 * Requirements: what an origin may require of an approval, beside what is always demanded.
 *
 * Each returns an object whose `verify` throws a refusal of its own; `allOf` and `anyOf` put them
 * together.
 */

import { demandMet, demandRequirements } from "./approval.js";
import { demandFit, NoAlternativeMet, RequirementUnmet } from "./errors.js";

/** @typedef {import("./approval.js").Approval} Approval */
/** @typedef {import("./approval.js").Requirement} Requirement */

const SECOND = 1000;

/**
 * @param {string} code
 * @param {(approval: Approval) => boolean} isMet
 * @returns {Requirement}
 */
const requirement = (code, isMet) =>
  Object.freeze({
    /** @param {Approval} approval */
    verify(approval) {
      if (!isMet(approval)) throw new RequirementUnmet(code);
    },
  });

/** A strong key signed, also where the button does not ask for one. */
export const strongKey = () => requirement("requirement_strong_key", ({ strong }) => strong);

/** The person typed the code that the origin showed. */
export const matchingCode = () => requirement("requirement_code", ({ codeTyped }) => codeTyped);

/**
 * The service accepted the answer within so many seconds after it issued the request.
 *
 * @param {number} seconds
 */
export function within(seconds) {
  demandFit(Number.isFinite(seconds) && seconds > 0, "seconds: not more than 0");
  return requirement(
    "requirement_time",
    ({ at, issuedAt }) => Date.parse(at) - Date.parse(issuedAt) <= seconds * SECOND,
  );
}

/**
 * One of these users approved, such as a manager, by the origin's own ids.
 *
 * @param {...string} accountIds
 */
export function byAccount(...accountIds) {
  const ids = demandTexts("accountIds", accountIds);
  return requirement("requirement_account", ({ accountId }) => ids.has(accountId));
}

/**
 * One of these devices signed, by their GUIDs, as `Client.devices` returns them.
 *
 * @param {...string} devices
 */
export function byDevice(...devices) {
  const guids = demandTexts("devices", devices);
  return requirement("requirement_device", ({ device }) => guids.has(device));
}

/**
 * All of these requirements, in this order.
 *
 * @param {...Requirement} requirements
 * @returns {Requirement}
 */
export function allOf(...requirements) {
  const all = demandSome("requirements", demandRequirements(requirements));
  return Object.freeze({
    /** @param {Approval} approval */
    verify(approval) {
      for (const each of all) demandMet(each, approval);
    },
  });
}

/**
 * One of these requirements at the least.
 *
 * @param {...Requirement} requirements
 * @returns {Requirement}
 */
export function anyOf(...requirements) {
  const all = demandSome("requirements", demandRequirements(requirements));
  return Object.freeze({
    /** @param {Approval} approval */
    verify(approval) {
      /** @type {RequirementUnmet[]} */
      const refusals = [];
      for (const each of all) {
        try {
          demandMet(each, approval);
          return;
        } catch (error) {
          if (!(error instanceof RequirementUnmet)) throw error;
          refusals.push(error);
        }
      }
      throw new NoAlternativeMet(refusals);
    },
  });
}

/**
 * @param {string} name
 * @param {readonly string[]} texts
 */
function demandTexts(name, texts) {
  for (const text of texts) demandFit(typeof text === "string", `${name}: not a text`);
  return new Set(demandSome(name, texts));
}

/**
 * @template T
 * @param {string} name
 * @param {readonly T[]} items
 */
function demandSome(name, items) {
  // An empty list would be met by every approval, or by none: neither can be meant.
  demandFit(items.length > 0, `${name}: none is given`);
  return items;
}
