/** Endorsed key sets: new service keys, signed by one that is pinned already. */

import { demandShape } from "./claims.js";
import { demand, refuse } from "./errors.js";
import { readToken, verifyToken } from "./jws.js";
import { readKeySet } from "./keys.js";

/** @typedef {import("./keys.js").PublicKey} PublicKey */

const KEYS = "counterseal-keys+jwt";
const KEYSET_LIMIT = 65_536;

/**
 * Verify an endorsed key set.
 *
 * @param {string} text
 * @param {readonly PublicKey[]} pinned
 * @param {number} [notBefore] `iat` of the newest set that was accepted.
 * @returns {Promise<{keys: PublicKey[], issuedAt: number}>}
 * @throws {import("./errors.js").Refused} `issuer_untrusted`: no pinned key signed it;
 *   `stale_proof`: it is older; another code: it does not hold.
 */
export async function verifyKeySet(text, pinned, notBefore = 0) {
  const token = readToken(text, KEYSET_LIMIT);
  const signer =
    pinned.find(({ kid }) => kid === token.header.kid) ?? refuse("issuer_untrusted");
  await verifyToken(token, signer, KEYS);
  const { iat } = demandShape(token.claims, { keys: "list", iat: "integer" });
  demand(iat >= notBefore, "stale_proof");
  return { keys: await readKeySet({ keys: token.claims.keys }), issuedAt: iat };
}
