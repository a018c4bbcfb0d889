/** Records: what a wallet stores of each account, and what the service replies to a device. */

import { isGuid, isMoment } from "../wire/claims.js";
import { InvalidField } from "../wire/errors.js";
import { isAnyText, Members } from "../wire/members.js";
import { readKeyRecord } from "./strong_keys.js";

/** @typedef {import("../wire/keys.js").Algorithm} Algorithm */
/** @typedef {{kid: string, alg: Algorithm, key: CryptoKey, thumbprint: string}} KeyRecord */
/** @typedef {{kind: string, record: Record<string, unknown>}} StrongRecord */

/**
 * @typedef {object} AccountRecord
 * @property {1} version
 * @property {string} url The service's address.
 * @property {string} device The device's GUID, which is the record's id.
 * @property {string} account
 * @property {string} appSpace
 * @property {string} appSpaceName As the link says, or the service before the bind.
 * @property {string} accountName As the link says; the App Space's name if it says nothing.
 * @property {Names} [names] As the service last said; none before it has.
 * @property {Brand} [brand] As the service last said; none before the first status.
 * @property {string} name What the device is called at the service.
 * @property {DeviceState} state As the service last said.
 * @property {KeyRecord | null} deviceKey Null once the device is revoked.
 * @property {StrongRecord} strongKey Its record is empty once the device is revoked.
 * @property {{keys: Record<string, string>[]}} serviceKeys Pinned, a JWK Set.
 * @property {number} keysAt `iat` of the newest key set; 0 at the bind.
 * @property {{number: number, hash: string} | null} last The newest receipt of this device.
 * @property {{deviceKey: KeyRecord, strongKey: StrongRecord, kids: string[]} | null} rotation New
 *   keys that the service may have or may not have accepted.
 * @property {number} rotations How often keys were replaced.
 */

/**
 * A bind that the service may have completed.
 *
 * @typedef {object} PendingBind
 * @property {1} version
 * @property {string} url The service's address.
 * @property {string} device The GUID that the device gets.
 * @property {string} appSpace
 * @property {string} appSpaceName
 * @property {string | null} account Null if neither the link nor the service names it.
 * @property {string} accountName As the link says; the App Space's name if it says nothing.
 * @property {string} name What to call the device.
 * @property {KeyRecord} deviceKey
 * @property {StrongRecord | null} strongKey Null if the strong key is under a PIN.
 * @property {string | null} body The body of the call, which has the session token, a secret;
 *   likewise.
 * @property {number} at When it was sent, in milliseconds since the epoch.
 */

/**
 * What is kept of one answer whose receipt is verified. `receipt` is null where it may not lie
 * beside the strong key, and of a refusal with a reason, which it would show.
 *
 * @typedef {object} HistoryEntry
 * @property {string} device
 * @property {string} challenge
 * @property {string} at
 * @property {"ANSWERED" | "DISOWNED"} outcome
 * @property {boolean} approved
 * @property {string | null} title The button's.
 * @property {import("../wire/display.js").Display} display What was shown.
 * @property {number} number In the account's chain of receipts.
 * @property {string} hash The receipt's.
 * @property {string | null} receipt
 */

/** @typedef {{guid: string, issuedAt: string, expiresAt: string}} OpenRequest */
/** @typedef {{guid: string, state: ChallengeState, expiresAt: string, display: string}} RequestReply */
/** @typedef {typeof CHALLENGE_STATES[number]} ChallengeState How far a request is. */
/** @typedef {typeof DEVICE_STATES[number]} DeviceState */
/** @typedef {{guid: string, state: string, approved: boolean, receipt: string | null}} AnswerReply */

/**
 * What the App Space is recognised by; nothing of it is signed.
 *
 * @typedef {object} Brand
 * @property {string | null} color `#RRGGBB`.
 * @property {string | null} logo SHA-256 of its logo, a PNG, base64url.
 */

/**
 * By what a person recognises an account and whose it is; nothing of it is signed. Each is null where
 * the service does not say it.
 *
 * @typedef {object} Names
 * @property {string | null} appSpaceName
 * @property {string | null} companyName As the company calls itself.
 * @property {string | null} verifiedName As an operator of the service calls the company; null if it
 *   is not verified.
 * @property {string | null} accountId
 * @property {string | null} accountName What the service calls the account.
 */

/**
 * @typedef {object} DeviceStatus
 * @property {string} device
 * @property {DeviceState} state
 * @property {string} name
 * @property {number} addresses How many push addresses the service has.
 * @property {number} attemptsLeft How many wrong PINs are left.
 * @property {{role: string, kid: string}[]} keys
 * @property {string | null} platform Null where the service does not keep it.
 * @property {string | null} appVersion Likewise.
 * @property {string | null} language As the device has said; null if it has not, or the service takes
 *   none.
 * @property {readonly string[] | null} languages In which the service displays actions; only in the
 *   reply of `status`, and null where it takes no language of a device.
 * @property {string | null} lastSeenAt When the device last made a call, about.
 * @property {string | null} webPushKey With which to subscribe to Web Push, `applicationServerKey`;
 *   only in the reply of `status`, and null where the service sends none.
 * @property {Brand} brand The App Space's; only in the reply of `status`.
 * @property {Names} names Likewise.
 */

const DEVICE_STATES = /** @type {const} */ (["UNCONFIRMED", "ACTIVE", "SUSPENDED", "REVOKED"]);
const CHALLENGE_STATES = /** @type {const} */ ([
  "PENDING",
  "SEEN",
  "ANSWERED",
  "DISOWNED",
  "CANCELLED",
  "FAILED",
  "EXPIRED",
]);
const COLOR = /^#[0-9A-Fa-f]{6}$/;
const DIGEST = /^[A-Za-z0-9_-]{43}$/;

/**
 * @param {string | null} text
 * @param {RegExp} shape
 * @returns {string | null} Null for a text of another shape: it shows nothing.
 */
const readShape = (text, shape) => (text !== null && shape.test(text) ? text : null);

/**
 * @param {Members} members
 * @returns {Brand}
 */
const readBrand = (members) => ({
  color: readShape(members.textOrNull("appSpaceColor"), COLOR),
  logo: readShape(members.textOrNull("appSpaceLogo"), DIGEST),
});

/**
 * @param {Members} members
 * @returns {Names}
 */
const readNames = (members) => ({
  appSpaceName: members.textOrNull("appSpaceName") || null,
  companyName: members.textOrNull("companyName") || null,
  verifiedName: members.textOrNull("verifiedName") || null,
  accountId: members.textOrNull("accountId") || null,
  accountName: members.textOrNull("accountName") || null,
});

/**
 * @param {Members} members
 * @returns {readonly string[] | null}
 */
function readLanguages(members) {
  const languages = members.document["languages"] ?? null;
  return Array.isArray(languages) && languages.every(isAnyText) ? languages : null;
}

/**
 * Return what to call a stored account and whose it is: as the service says, or else as the link did.
 *
 * @param {AccountRecord} record
 */
export const namesOf = ({ accountName, appSpaceName, names }) => ({
  appSpaceName: names?.appSpaceName ?? appSpaceName,
  companyName: names?.companyName ?? null,
  verifiedName: names?.verifiedName ?? null,
  accountId: names?.accountId ?? null,
  accountName: names?.accountName ?? accountName,
});

/**
 * Check a stored account.
 *
 * @param {any} record
 * @returns {AccountRecord}
 * @throws {InvalidField} It was not written by this library.
 */
export function readAccountRecord(record) {
  if (record?.version !== 1) throw new InvalidField("account record", "of another version");
  const members = new Members(record, "account record");
  for (const name of ["account", "appSpace", "device", "url"]) members.text(name);
  if (record.state !== "REVOKED") readKeyRecord(record.deviceKey);
  return record;
}

/**
 * Check a stored bind.
 *
 * @param {any} record
 * @returns {PendingBind}
 * @throws {InvalidField} It was not written by this library.
 */
export function readPendingBind(record) {
  if (record?.version !== 1) throw new InvalidField("bind record", "of another version");
  new Members(record, "bind record").text("device");
  readKeyRecord(record.deviceKey);
  return record;
}

/**
 * @param {unknown} document
 * @returns {{device: string, account: string, appSpace: string, names: Names, serviceKeys: unknown, confirmBy: string | null}}
 */
export function readBond(document) {
  const members = new Members(document);
  return {
    device: members.guid("device"),
    account: members.guid("account"),
    appSpace: members.guid("appSpace"),
    names: readNames(members),
    serviceKeys: members.document["serviceKeys"],
    confirmBy: members.readOrNull("confirmBy", isMoment),
  };
}

/**
 * @param {unknown} document
 * @returns {Names & {account: string | null, appSpace: string, appSpaceName: string, brand: Brand, languages: readonly string[] | null, rpId: string | null}}
 */
export function readInvitation(document) {
  const members = new Members(document);
  return {
    ...readNames(members),
    account: members.readOrNull("account", isGuid),
    appSpace: members.guid("appSpace"),
    appSpaceName: members.text("appSpaceName"),
    brand: readBrand(members),
    languages: readLanguages(members),
    rpId: members.textOrNull("rpId"),
  };
}

/**
 * @param {unknown} document
 * @returns {OpenRequest[]}
 */
export const readOpenRequests = (document) =>
  new Members(document).objects("requests", (request) => ({
    guid: request.guid("guid"),
    issuedAt: request.moment("issuedAt"),
    expiresAt: request.moment("expiresAt"),
  }));

/**
 * A request to the account that has ended; the service does not say again what it asked.
 *
 * @typedef {object} EndedRequest
 * @property {string} guid
 * @property {ChallengeState} state `ANSWERED`, `DISOWNED`, `CANCELLED`, `FAILED` or `EXPIRED`.
 * @property {boolean} approved
 * @property {boolean} answeredHere Whether this device answered it.
 * @property {string} endedAt
 */

/**
 * @param {unknown} document
 * @returns {EndedRequest[]}
 */
export const readEndedRequests = (document) =>
  new Members(document).objects("requests", (request) => ({
    guid: request.guid("guid"),
    state: request.choice("state", CHALLENGE_STATES),
    approved: request.flag("approved"),
    answeredHere: request.flag("answeredHere"),
    endedAt: request.moment("endedAt"),
  }));

/**
 * @param {unknown} document
 * @returns {string} The GUID of a request that is open no more.
 */
export const readEnd = (document) => new Members(document).guid("requestGuid");

/**
 * @param {unknown} document
 * @returns {RequestReply}
 */
export function readRequest(document) {
  const members = new Members(document);
  return {
    guid: members.guid("guid"),
    state: members.choice("state", CHALLENGE_STATES),
    expiresAt: members.moment("expiresAt"),
    display: members.text("display"),
  };
}

/**
 * @param {unknown} document
 * @returns {AnswerReply}
 */
export function readAnswerReply(document) {
  const members = new Members(document);
  return {
    guid: members.guid("guid"),
    state: members.text("state"),
    approved: members.flag("approved"),
    receipt: members.textOrNull("receipt"),
  };
}

/**
 * @param {unknown} document
 * @returns {DeviceStatus}
 */
export function readStatus(document) {
  const members = new Members(document);
  return {
    device: members.guid("device"),
    state: members.choice("status", DEVICE_STATES),
    name: members.read("name", isAnyText),
    addresses: members.count("addresses"),
    attemptsLeft: members.count("attemptsLeft"),
    keys: members.objects("keys", (key) => ({ role: key.text("role"), kid: key.text("kid") })),
    platform: members.readOrNull("platform", isAnyText),
    appVersion: members.readOrNull("appVersion", isAnyText),
    language: members.textOrNull("language"),
    languages: readLanguages(members),
    lastSeenAt: members.readOrNull("lastSeenAt", isMoment),
    webPushKey: members.textOrNull("webPushKey"),
    brand: readBrand(members),
    names: readNames(members),
  };
}

/**
 * @param {unknown} document
 * @returns {Map<string, string>} Endorsed key sets, by the `kid` of the key that signed each.
 */
export function readEndorsements(document) {
  const { document: endorsed } = new Members(new Members(document).document["endorsed"], "endorsed");
  return new Map(Object.entries(endorsed).filter(([, text]) => isAnyText(text)));
}
