/** Receipts: verified by the keys that the device trusts, and read as entries of its history. */

import { CountersealError, Refused } from "../wire/errors.js";
import { keySetDocument, readKeySet } from "../wire/keys.js";
import { verifyKeySet } from "../wire/keyset.js";
import { verifyReceipt } from "../wire/receipt.js";
import { readEndorsements } from "./records.js";

/** @typedef {import("../wire/receipt.js").Receipt} Receipt */
/** @typedef {import("./connection.js").Connection} Connection */
/** @typedef {import("./records.js").HistoryEntry} HistoryEntry */
/** @typedef {import("./stored_account.js").Update} Update */

/**
 * Pin the service's present keys, if a pinned key endorses them.
 *
 * @param {Connection} connection
 * @param {Update} update
 * @returns {Promise<boolean>} Whether one does.
 */
export async function refreshKeys(connection, update) {
  const call = { method: "GET", path: "/device/keys" };
  const { value: endorsements } = await connection.proven(call, readEndorsements, { update });
  const pinned = await readKeySet(connection.record.serviceKeys);
  for (const { kid } of pinned) {
    const text = endorsements.get(kid);
    if (text === undefined) continue;
    const { keys, issuedAt } = await verifyKeySet(text, pinned, connection.record.keysAt);
    await update({ serviceKeys: keySetDocument(keys), keysAt: issuedAt });
    return true;
  }
  return false;
}

/**
 * Pin the service's present keys, if they can be learned and are endorsed.
 *
 * @param {Connection} connection
 * @param {Update} update
 */
async function tryToRefreshKeys(connection, update) {
  try {
    await refreshKeys(connection, update);
  } catch (error) {
    // The answer was accepted, whatever the service says about its keys.
    if (!(error instanceof CountersealError)) throw error;
  }
}

/**
 * Return the receipt, or null if no key that the device trusts signed it.
 *
 * @param {string} text
 * @param {Connection} connection
 * @param {Update} update
 * @returns {Promise<Receipt | null>}
 */
export async function verifyTrusted(text, connection, update) {
  for (const attempt of [1, 2]) {
    const keys = await readKeySet(connection.record.serviceKeys);
    try {
      return await verifyReceipt(text, { keys });
    } catch (error) {
      const untrusted = error instanceof Refused && error.code === "issuer_untrusted";
      if (!untrusted) throw error;
      if (attempt === 1) await tryToRefreshKeys(connection, update);
    }
  }
  return null;
}

/**
 * Demand that a receipt is of this answer, and follows the one before; return its entry of the
 * history.
 *
 * @param {{receipt: Receipt, text: string, display: import("../wire/display.js").Display}} proof
 *   `text`: the receipt as it came; `display`: what was shown.
 * @param {{token: string, state: string, approved: boolean}} answer What was sent, and how the
 *   service says that the request ended.
 * @param {Connection} connection
 * @param {{number: number, hash: string} | null} last The newest receipt before it.
 * @returns {HistoryEntry}
 */
export function readEntry({ receipt, text, display }, answer, connection, last) {
  const { device, strongKey } = connection.record;
  const own = signedText(receipt.answerToken) === signedText(answer.token);
  const equal = receipt.outcome === answer.state && receipt.approved === answer.approved;
  if (!own || !equal) throw new Refused("receipt_changed", "it is of another answer");
  const next = last !== null && receipt.number === last.number + 1;
  if (next && receipt.previous !== last.hash) {
    throw new Refused("receipt_changed", "it does not follow the one before");
  }
  return {
    device,
    challenge: display.challenge,
    at: receipt.at,
    outcome: receipt.outcome,
    approved: receipt.approved,
    title: receipt.answer["title"] ?? null,
    display,
    number: receipt.number,
    hash: receipt.hash,
    // A receipt has the reason in it, which whoever presses the person may look for here.
    receipt:
      connection.strongKeys(strongKey.kind).provable && !("reason" in receipt.answer) ? text : null,
  };
}

/** @param {string} token */
const signedText = (token) => token.slice(0, token.lastIndexOf("."));
