/** Receipts: the service's proof, for anybody who trusts its key, of who answered what. */

import { ANSWER, demandAnswer, DISOWN } from "./answer.js";
import { digest } from "./bytes.js";
import { demandShape, isMoment } from "./claims.js";
import { demandDisplay } from "./display.js";
import { ROLES } from "./enrolment.js";
import { demand, Refused } from "./errors.js";
import { canonical, equalJson, readJson } from "./ijson.js";
import { readToken, verifyToken } from "./jws.js";
import { equalKeys, readPublicKey } from "./keys.js";

/** @typedef {import("./display.js").Display} Display */
/** @typedef {import("./enrolment.js").Role} Role */
/** @typedef {import("./keys.js").PublicKey} PublicKey */

/**
 * A category of authentication factors. A device says that it verified its user, by a PIN or a
 * biometric (`knowledge-or-inherence`), and not by which.
 *
 * @typedef {"possession" | "knowledge-or-inherence"} Factor
 */

/**
 * A receipt that has been verified.
 *
 * @typedef {object} Receipt
 * @property {string} hash What the next receipt names as `previous`.
 * @property {Display} display What the person was shown.
 * @property {Record<string, any>} answer The claims of the answer or the disown.
 * @property {string} answerToken
 * @property {string} device
 * @property {string} account
 * @property {PublicKey} key The key that signed the answer.
 * @property {"device" | "strong"} role Its role.
 * @property {boolean} backupEligible Whether it is a passkey that may be copied to other devices.
 * @property {"ANSWERED" | "DISOWNED"} outcome
 * @property {boolean} approved
 * @property {readonly Factor[]} factors Which factors the answer shows.
 * @property {string} at When the service accepted it.
 * @property {number} number In the account's chain, from 1.
 * @property {string} previous The hash of the receipt before; empty for the first.
 */

/**
 * The service keys whose receipts are proof: the keys, or the thumbprint of one.
 *
 * @typedef {{keys: readonly PublicKey[], thumbprint?: undefined} | {keys?: undefined, thumbprint: string}} TrustedKeys
 */

const RECEIPT = "counterseal-receipt+jwt";
const RECEIPT_LIMIT = 1_048_576;
const VERSION = 1;

/** @type {import("./claims.js").Shape} */
const CLAIMS = {
  version: "integer",
  issuer: "object",
  display: "text",
  answer: "text",
  device: "text",
  account: "text",
  key: "object",
  role: "text",
  history: "list",
  outcome: "text",
  approved: "flag",
  at: "text",
  number: "integer",
  previous: "text",
};

/** @type {import("./claims.js").Shape} */
const OPTIONAL = { passkey: "object", factors: "list" };

/**
 * Verify a receipt, offline.
 *
 * @param {string} token
 * @param {TrustedKeys} trusted
 * @returns {Promise<Receipt>}
 * @throws {Refused} `issuer_untrusted`: another key signed it; `receipt_changed`: everything else.
 */
export async function verifyReceipt(token, trusted) {
  try {
    return await readReceipt(token, trusted);
  } catch (error) {
    throw receiptRefusal(error);
  }
}

/**
 * Return the refusal of a receipt whose verification threw *error*.
 *
 * @param {unknown} error
 */
export function receiptRefusal(error) {
  const untrusted = error instanceof Refused && error.code === "issuer_untrusted";
  const reason = error instanceof Refused ? error.message : "";
  return new Refused(untrusted ? "issuer_untrusted" : "receipt_changed", reason, { cause: error });
}

/**
 * Demand that a receipt's issuer is trusted.
 *
 * @param {PublicKey} issuer The key that the receipt names.
 * @param {TrustedKeys} trusted
 * @throws {Refused} `issuer_untrusted`
 */
export function demandTrusted(issuer, { keys, thumbprint }) {
  const trusted =
    keys === undefined
      ? issuer.thumbprint === thumbprint
      : keys.some((each) => equalKeys(each, issuer));
  demand(trusted, "issuer_untrusted");
}

/**
 * @param {string} text
 * @param {TrustedKeys} trusted
 * @returns {Promise<Receipt>}
 */
async function readReceipt(text, trusted) {
  const token = readToken(text, RECEIPT_LIMIT);
  const claims = demandShape(token.claims, CLAIMS, OPTIONAL);
  const issuer = await readPublicKey(claims.issuer);
  demandTrusted(issuer, trusted);
  await verifyToken(token, issuer, RECEIPT);
  const passkey = Object.hasOwn(claims, "passkey") ? readPasskey(claims["passkey"]) : undefined;
  const key = await readPublicKey(claims.key, passkey);
  const signed = readToken(claims.answer, RECEIPT_LIMIT);
  const { typ } = signed.header;
  demand(typ === ANSWER || typ === DISOWN, "receipt_changed");
  const answer = demandAnswer(await verifyToken(signed, key, typ), typ);
  const display = demandDisplay(readJson(claims.display));
  demand(canonical(display) === claims.display, "receipt_changed");
  demandHistory(claims, { role: claims.role, thumbprint: key.thumbprint });
  if (answer.deviceKey !== undefined) {
    demandHistory(claims, { role: "device", thumbprint: answer.deviceKey });
  }
  const facts = [
    passkey === undefined || (passkey.userVerified && claims.role === "strong"),
    claims.version === VERSION && display.version === VERSION,
    answer.display === (await digest(claims.display)),
    answer.challenge === display.challenge,
    answer.aud === display.appSpace.guid,
    answer.sub === display.account.guid && answer.sub === claims.account,
    answer.iss === claims.device,
    isMoment(claims.at) && display.issuedAt <= claims.at && claims.at < display.expiresAt,
    typ === DISOWN ? isDisown(claims) : isAnswer(claims, answer, display),
    claims.factors === undefined || statesFactors(claims, display),
    claims.number >= 1 && (claims.previous === "") === (claims.number === 1),
  ];
  demand(facts.every(Boolean), "receipt_changed");
  return {
    hash: await digest(token.signedText),
    display,
    answer,
    answerToken: claims.answer,
    device: claims.device,
    account: claims.account,
    key,
    role: claims.role,
    backupEligible: passkey?.backupEligible ?? false,
    outcome: claims.outcome,
    approved: claims.approved,
    factors: factorsOf(claims.role),
    at: claims.at,
    number: claims.number,
    previous: claims.previous,
  };
}

/**
 * @param {unknown} document
 * @returns {import("./passkeys.js").Passkey & {userVerified: boolean}}
 */
function readPasskey(document) {
  const passkey = demandShape(
    document,
    { rpIdHash: "text", origins: "list", userVerified: "flag", backupEligible: "flag" },
    { aaguid: "text" },
  );
  const { origins } = passkey;
  demand(origins.every((/** @type {unknown} */ each) => typeof each === "string"), "receipt_changed");
  return /** @type {import("./passkeys.js").Passkey & {userVerified: boolean}} */ (passkey);
}

/**
 * Demand that the device came to a key as the history says.
 *
 * @param {Record<string, any>} claims
 * @param {{role: string, thumbprint: string}} key
 */
function demandHistory(claims, { role, thumbprint }) {
  for (const change of claims.history) {
    demandShape(change, { at: "moment", role: "text", thumbprint: "text" });
  }
  const isInHistory = claims.history.some(
    (/** @type {Record<string, string>} */ change) =>
      change.thumbprint === thumbprint && change.role === role,
  );
  demand(isInHistory && ROLES.includes(/** @type {Role} */ (role)), "receipt_changed");
}

/**
 * Return the factors that a signature by a key in this role shows.
 *
 * @param {Role} role
 * @returns {readonly Factor[]}
 */
const factorsOf = (role) =>
  role === "strong" ? ["possession", "knowledge-or-inherence"] : ["possession"];

/**
 * Tell whether the receipt of an approved action states the factors that its answer shows.
 *
 * @param {Record<string, any>} claims
 * @param {Display} display
 */
const statesFactors = ({ approved, factors, role }, { action }) =>
  approved === true && action !== undefined && equalJson(factors, factorsOf(role));

/** @param {Record<string, any>} claims */
const isDisown = ({ outcome, approved }) => outcome === "DISOWNED" && approved === false;

/**
 * @param {Record<string, any>} claims
 * @param {Record<string, any>} answer
 * @param {Display} display
 */
function isAnswer(claims, answer, display) {
  const button = display.buttons[answer.button];
  return (
    button !== undefined &&
    button.title === answer.title &&
    (claims.role === "strong" || !button.strong) &&
    !(button.approves && display.code && answer.code === undefined) &&
    !(button.approves && answer.reason !== undefined) &&
    claims.outcome === "ANSWERED" &&
    claims.approved === button.approves
  );
}
