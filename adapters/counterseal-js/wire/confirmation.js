/** Confirmation of a new device: the code that two screens show, and what a device signs of it. */

import { readNumber, utf8 } from "./bytes.js";

/** @typedef {"add" | "move" | "refuse"} Choice `move`: the new device takes the place of the one that signs. */
/** @typedef {Record<import("./enrolment.js").Role, string[]>} Thumbprints Of all keys of a device, sorted. */

export const CONFIRM = "counterseal-confirm+jwt";

/** Crockford's base32: no I, L, O or U. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_LENGTH = 10;
const GROUP = 5;
const ITERATIONS = 65_536;
const DERIVED_BITS = 64n;
const CHARACTER_BITS = 5n;

/**
 * Return the code by which people compare the keys of a new device, as `XXXXX-XXXXX`.
 *
 * Both devices compute it from the keys, and never take it from the service: it shows that the
 * service has given both the same keys.
 *
 * @param {string} account The account's GUID.
 * @param {string} device The new device's.
 * @param {Thumbprints} thumbprints
 * @returns {Promise<string>}
 */
export async function comparisonCode(account, device, thumbprints) {
  const lines = Object.entries(thumbprints).flatMap(([role, own]) =>
    own.map((thumbprint) => `${role} ${thumbprint}`),
  );
  const keys = utf8(lines.sort().join("\n"));
  const salt = utf8(`counterseal-comparison ${account} ${device}`);
  const key = await crypto.subtle.importKey("raw", keys, "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: ITERATIONS };
  const derived = await crypto.subtle.deriveBits(how, key, Number(DERIVED_BITS));
  const number = readNumber(new Uint8Array(derived));
  const code = Array.from({ length: CODE_LENGTH }, (_, at) => {
    const shift = DERIVED_BITS - CHARACTER_BITS * BigInt(at + 1);
    return ALPHABET[Number((number >> shift) & 31n)];
  }).join("");
  return `${code.slice(0, GROUP)}-${code.slice(GROUP)}`;
}
