/**
 * Use receipts: which approved action was used, when and by whom, signed by the service.
 *
 * It states the one use that an approval allows, and not what came of it.
 */

import { demandShape, isGuid, isMoment } from "./claims.js";
import { demand } from "./errors.js";
import { readToken, verifyToken } from "./jws.js";
import { readPublicKey } from "./keys.js";
import { demandTrusted, receiptRefusal } from "./receipt.js";

/**
 * A use receipt that has been verified.
 *
 * @typedef {object} UseReceipt
 * @property {string} challenge The request that the person approved.
 * @property {string} account
 * @property {string} origin Who used it.
 * @property {string} device The device that approved.
 * @property {string} type The action's type.
 * @property {string} action The digest of the action, as the person signed it.
 * @property {boolean} presented Whether the arguments were presented, and matched.
 * @property {string} approval The `hash` of the approval's receipt.
 * @property {string} validUntil From then on, the approval could not be used.
 * @property {string} at When the action was used.
 */

const USE = "counterseal-use+jwt";
const USE_LIMIT = 8192;
const VERSION = 1;
const MATCHED = "matched";
const NOT_PRESENTED = "not presented";

/** @type {import("./claims.js").Shape} */
const CLAIMS = {
  version: "integer",
  issuer: "object",
  challenge: "text",
  account: "text",
  origin: "text",
  device: "text",
  type: "text",
  action: "text",
  arguments: "text",
  approval: "text",
  validUntil: "text",
  at: "text",
};

const GUIDS = ["challenge", "account", "origin", "device"];

/**
 * Verify a use receipt, offline.
 *
 * @param {string} text
 * @param {import("./receipt.js").TrustedKeys} trusted
 * @returns {Promise<UseReceipt>}
 * @throws {import("./errors.js").Refused} `issuer_untrusted`: another key signed it;
 *   `receipt_changed`: everything else.
 */
export async function verifyUseReceipt(text, trusted) {
  try {
    return await readUseReceipt(text, trusted);
  } catch (error) {
    throw receiptRefusal(error);
  }
}

/**
 * @param {string} text
 * @param {import("./receipt.js").TrustedKeys} trusted
 * @returns {Promise<UseReceipt>}
 */
async function readUseReceipt(text, trusted) {
  const token = readToken(text, USE_LIMIT);
  const claims = demandShape(token.claims, CLAIMS);
  const issuer = await readPublicKey(claims["issuer"]);
  demandTrusted(issuer, trusted);
  await verifyToken(token, issuer, USE);
  const { version, arguments: presented, at, validUntil } = claims;
  for (const name of GUIDS) demand(isGuid(claims[name]), "receipt_changed", name);
  demand(version === VERSION, "receipt_changed", "version");
  demand(presented === MATCHED || presented === NOT_PRESENTED, "receipt_changed", "arguments");
  demand(isMoment(at) && isMoment(validUntil) && at < validUntil, "receipt_changed", "at");
  return Object.freeze({
    challenge: claims.challenge,
    account: claims.account,
    origin: claims.origin,
    device: claims.device,
    type: claims.type,
    action: claims.action,
    presented: presented === MATCHED,
    approval: claims.approval,
    validUntil,
    at,
  });
}
