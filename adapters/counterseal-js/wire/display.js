/** Display documents: everything that a person is shown, as the device signs it. */

import { demandShape } from "./claims.js";
import { demand, refuse } from "./errors.js";
import { canonical, isObject, readJson } from "./ijson.js";

/**
 * @typedef {object} Display
 * @property {1} version
 * @property {string} challenge
 * @property {{guid: string, name: string}} appSpace
 * @property {{guid: string, name: string}} origin Who asks.
 * @property {{guid: string, id: string}} account
 * @property {{text: string} | {html: string} | {title: string, keys: {key: string, value: string}[]}} content
 * @property {{title: string, strong: boolean, approves: boolean, style?: string}[]} buttons
 * @property {boolean} code Whether an approval asks for the matching code.
 * @property {string} issuedAt
 * @property {string} expiresAt
 * @property {string | Record<string, unknown>} [additionalInfo]
 * @property {string} [transactionId]
 * @property {{ipAddress?: string, place?: string, browser?: string}} [context] As the origin says.
 * @property {DisplayedAction} [action] Of an action: `content` is its rendering, and every button
 *   that approves is strong.
 */

/**
 * @typedef {object} DisplayedAction
 * @property {string} type
 * @property {string} digest SHA-256 of the action document, base64url.
 * @property {string} validUntil Until when an approval may be used.
 * @property {string} language Of the rendering: a language tag.
 * @property {Attachment[]} [attachments] At least one, if any.
 */

/**
 * @typedef {object} Attachment
 * @property {string} name
 * @property {number} size Bytes.
 * @property {string} type A media type without parameters.
 * @property {string} sha256 base64url.
 * @property {string} url It begins with `https://`.
 */

const VERSION = 1;
const BUTTONS_LEAST = 2;
const ATTACHMENTS_LIMIT = 20;
const TYPE = /^(?=.{1,64}$)[a-z][a-z0-9]*(?:[-.:][a-z0-9]+)*$/;
/** SHA-256 in base64url; the two lowest bits of its last character are 0. */
const DIGEST = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const LANGUAGE = /^(?=.{1,35}$)[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/;
const MEDIA_TYPE = /^(?=.{1,127}$)[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/;
const ADDRESS = /^(?=.{1,2048}$)https:\/\/[!-~]+$/;
const CONTEXT = Object.fromEntries(
  ["ipAddress", "place", "browser"].map((name) => /** @type {const} */ ([name, "text"])),
);

/** @type {readonly [string, import("./claims.js").Shape][]} */
const CONTENTS = [
  ["text", { text: "text" }],
  ["html", { html: "text" }],
  ["title", { title: "text", keys: "list" }],
];

/**
 * Demand that *document* has the members of a display document, of the right types.
 *
 * @param {unknown} document
 * @returns {Display}
 * @throws {import("./errors.js").Refused} `malformed_token`
 */
export function demandDisplay(document) {
  if (!isObject(document)) return refuse("malformed_token");
  const { additionalInfo = "", ...rest } = document;
  demand(typeof additionalInfo === "string" || isObject(additionalInfo), "malformed_token");
  const { appSpace, origin, account, content, buttons, context } = demandShape(
    rest,
    {
      version: "integer",
      challenge: "guid",
      appSpace: "object",
      origin: "object",
      account: "object",
      content: "object",
      buttons: "list",
      code: "flag",
      issuedAt: "moment",
      expiresAt: "moment",
    },
    { transactionId: "text", context: "object", action: "object" },
  );
  if (context !== undefined) {
    demandShape(context, {}, CONTEXT);
    demand(Object.keys(context).length > 0, "malformed_token");
  }
  for (const each of [appSpace, origin]) demandShape(each, { guid: "guid", name: "text" });
  demandShape(account, { guid: "guid", id: "text" });
  const [, shape] =
    CONTENTS.find(([name]) => Object.hasOwn(content, name)) ?? refuse("malformed_token");
  demandShape(content, shape);
  for (const pair of content.keys ?? []) demandShape(pair, { key: "text", value: "text" });
  demand(buttons.length >= BUTTONS_LEAST, "malformed_token");
  for (const button of buttons) {
    demandShape(button, { title: "text", strong: "flag", approves: "flag" }, { style: "text" });
  }
  if (rest["action"] !== undefined) demandAction(/** @type {Display} */ (document));
  return /** @type {Display} */ (document);
}

/**
 * Demand that the action of *document*, and the rest beside it, is what an action may have.
 *
 * @param {Display} document Its other members are checked.
 */
function demandAction({ action, additionalInfo, buttons, content }) {
  const { type, digest, language, attachments } = demandShape(
    action,
    { type: "text", digest: "text", validUntil: "moment", language: "text" },
    { attachments: "list" },
  );
  const count = attachments?.length ?? 1;
  const facts = [
    TYPE.test(type) && DIGEST.test(digest) && LANGUAGE.test(language),
    count >= 1 && count <= ATTACHMENTS_LIMIT,
    "title" in content && additionalInfo === undefined,
    buttons.every(({ approves, strong }) => strong || !approves),
  ];
  demand(facts.every(Boolean), "malformed_token");
  for (const attachment of attachments ?? []) demandAttachment(attachment);
}

/** @param {unknown} attachment */
function demandAttachment(attachment) {
  const { name, sha256, type, url } = demandShape(attachment, {
    name: "text",
    size: "count",
    type: "text",
    sha256: "text",
    url: "text",
  });
  const fits = name !== "" && MEDIA_TYPE.test(type) && DIGEST.test(sha256) && ADDRESS.test(url);
  demand(fits, "malformed_token");
}

/**
 * Return the document that a device shows; the text is what it signs.
 *
 * @param {string} text
 * @param {{appSpace: string, account: string}} device The GUIDs that the device is bound to.
 * @returns {Display}
 * @throws {import("./errors.js").Refused} `invalid_field`: it is no I-JSON; `display_changed`: it
 *   is for another account, of another version, or not what a device may show.
 */
export function readDisplay(text, { appSpace, account }) {
  const document = readJson(text);
  let display;
  try {
    display = demandDisplay(document);
  } catch (error) {
    return refuse("display_changed", "", { cause: error });
  }
  const addressed = display.appSpace.guid === appSpace && display.account.guid === account;
  demand(display.version === VERSION && addressed, "display_changed");
  demand(canonical(document) === text, "display_changed");
  return display;
}
