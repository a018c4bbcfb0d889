/** Questions: what an origin asks, as it is sent, shown and compared. */

import { canonical, equalJson, isObject } from "../wire/ijson.js";
import { Members } from "../wire/members.js";
import { writeAction } from "./action.js";
import { demandFit } from "./errors.js";

/** @typedef {import("./action.js").Action} Action */
/** @typedef {{text: string} | {html: string} | {title: string, keys: {key: string, value: string}[]}} PlainContent */
/** @typedef {PlainContent | {action: Action}} Content */

/**
 * @typedef {object} Button
 * @property {string} title
 * @property {boolean} strong Whether it takes a strong key.
 * @property {boolean} approving Whether an answer with it is an approval.
 * @property {string} [style] Opaque text for the device.
 */

/** @typedef {{ipAddress?: string, place?: string, browser?: string}} Context */

/**
 * @typedef {object} QuestionOptions
 * @property {readonly Button[]} [buttons] At least two; if none, *Approve* (strong) and *Reject*, or
 *   those of the action's type.
 * @property {string | number} [duration] How long it may be answered: a whole number with `s`, `m`, `h`
 *   or `d`, such as `5m`, or whole seconds.
 * @property {string} [callback] Where the outcome is delivered: on the origin's allow-list.
 * @property {string | Record<string, unknown>} [additionalInfo] For the device, and returned.
 * @property {string} [transactionId] Returned.
 * @property {string} [notificationTitle] Of the push notification, after the App Space's name.
 * @property {string} [notificationBody] Of the same.
 * @property {boolean} [showNotification] Whether devices show a notification.
 * @property {boolean} [showCode] Whether the person types a code that you show.
 * @property {Context} [context] What you know of where the act comes from: shown, and signed.
 * @property {string} [device] The GUID of the only device that is asked; by default all are.
 */

/**
 * A question as it is compared with what the service says.
 *
 * @typedef {object} Question
 * @property {string} accountId
 * @property {Content} content
 * @property {Button[] | null} buttons Null for those of the action's type.
 * @property {string | null} callback
 * @property {string | Record<string, unknown> | null} additionalInfo
 * @property {string | null} transactionId
 * @property {Context | null} context
 * @property {boolean} showCode
 * @property {boolean} showNotification
 */

/** @type {readonly Button[]} */
const DEFAULT_BUTTONS = [
  { title: "Approve", strong: true, approving: true },
  { title: "Reject", strong: false, approving: false },
];
const TEXTS = /** @type {const} */ ([
  "callback",
  "transactionId",
  "notificationTitle",
  "notificationBody",
]);
const FLAGS = /** @type {const} */ (["showNotification", "showCode"]);
const OPTIONS = new Set([...TEXTS, ...FLAGS, "buttons", "duration", "additionalInfo", "device", "context"]);
const DURATION = /^(?=.*[1-9])[0-9]{1,9}[smhd]?$/;
const CONTEXT = new Set(["ipAddress", "place", "browser"]);
const BUTTON_MEMBERS = new Set(["title", "strong", "approving", "style"]);

/**
 * Return the body of `request/add`, as text.
 *
 * @param {string} accountId
 * @param {Content | string} content A text is plain text, also if it looks like HTML.
 * @param {QuestionOptions} options
 * @returns {string}
 * @throws {import("./errors.js").Unfit} An argument is missing, unknown or of another type.
 */
export function writeQuestion(accountId, content, options) {
  demandFit(typeof accountId === "string" && accountId !== "", "accountId: not a text");
  for (const name of Object.keys(options)) demandFit(OPTIONS.has(name), `${name}: unknown`);
  const { buttons, duration, additionalInfo, device, context } = options;
  /** @type {Record<string, unknown>} */
  const document = { accountId, ...contentMembers(content) };
  if (buttons !== undefined) document["buttons"] = buttonDocuments(buttons);
  if (duration !== undefined) document["duration"] = durationText(duration);
  if (additionalInfo !== undefined) {
    const fits = typeof additionalInfo === "string" || isObject(additionalInfo);
    demandFit(fits, "additionalInfo: neither a text nor an object");
    document["additionalInfo"] = additionalInfo;
  }
  if (context !== undefined) {
    const isContext = isObject(context) && Object.keys(context).length > 0;
    demandFit(isContext, "context: not an object with members");
    for (const [name, value] of Object.entries(context)) {
      demandFit(CONTEXT.has(name) && typeof value === "string", `context: ${name}`);
    }
    document["context"] = context;
  }
  if (device !== undefined) {
    demandFit(typeof device === "string", "device: not a text");
    document["deviceGuid"] = device;
  }
  for (const name of TEXTS) {
    const value = options[name];
    demandFit(value === undefined || typeof value === "string", `${name}: not a text`);
    if (value !== undefined) document[name] = value;
  }
  for (const name of FLAGS) {
    const value = options[name] ?? name === "showNotification";
    demandFit(typeof value === "boolean", `${name}: not a boolean`);
    document[name] = value;
  }
  return writeBody(document);
}

/**
 * Return a document as JSON.
 *
 * @param {unknown} document
 * @throws {import("./errors.js").Unfit} JSON cannot hold a value.
 */
export function writeBody(document) {
  try {
    canonical(document);
  } catch {
    demandFit(false, "a value that JSON cannot hold");
  }
  return JSON.stringify(document);
}

/** @param {Content | string} content */
function contentMembers(content) {
  if (typeof content === "string") return { content: { text: content } };
  demandFit(isObject(content), "content: neither a text nor an object");
  const members = Object.keys(content).sort().join();
  demandFit(["action", "text", "html", "keys,title"].includes(members), "content: unknown members");
  return "action" in content
    ? { action: writeAction(content.action) }
    : { content: contentDocument(content) };
}

/**
 * @param {PlainContent} content
 * @returns {PlainContent}
 */
function contentDocument(content) {
  const texts = "keys" in content ? [content.title] : Object.values(content);
  demandFit(texts.every((text) => typeof text === "string"), "content: not a text");
  if (!("keys" in content)) return content;
  demandFit(Array.isArray(content.keys), "content.keys: not a list");
  for (const pair of content.keys) {
    const fits = typeof pair.key === "string" && typeof pair.value === "string";
    demandFit(fits && Object.keys(pair).length === 2, "content.keys: not key and value");
  }
  return content;
}

/** @param {string | number} duration */
function durationText(duration) {
  const text = typeof duration === "number" ? `${duration}s` : duration;
  const fits = typeof text === "string" && DURATION.test(text);
  demandFit(fits, "duration: neither whole seconds nor a whole number with s, m, h or d, like 5m");
  return text;
}

/** @param {readonly Button[]} buttons */
function buttonDocuments(buttons) {
  demandFit(Array.isArray(buttons), "buttons: not a list");
  return buttons.map(({ title, strong, approving, style, ...unknown }) => {
    for (const name of Object.keys(unknown)) {
      demandFit(BUTTON_MEMBERS.has(name), `buttons: ${name} is unknown`);
    }
    demandFit(typeof title === "string", "buttons: no title");
    demandFit(typeof strong === "boolean", "buttons: strong is no boolean");
    demandFit(typeof approving === "boolean", "buttons: approving is no boolean");
    demandFit(style === undefined || typeof style === "string", "buttons: style is no text");
    return { title, strongAuth: strong, approving, ...(style === undefined ? {} : { style }) };
  });
}

/**
 * Read the buttons of a question or of a reply.
 *
 * @param {Members} members
 * @returns {Button[]}
 */
export const readButtons = (members) =>
  members.objects("buttons", (button) => {
    const style = button.textOrNull("style");
    return {
      title: button.text("title"),
      strong: button.flag("strongAuth"),
      approving: button.flag("approving"),
      ...(style === null ? {} : { style }),
    };
  });

/**
 * Read what `writeQuestion` wrote.
 *
 * @param {unknown} document
 * @returns {Question}
 * @throws {import("../wire/errors.js").InvalidField}
 */
export function readQuestion(document) {
  const members = new Members(document, "question");
  const { content, buttons } = members.document;
  const hasAction = Object.hasOwn(members.document, "action");
  const standard = hasAction ? null : [...DEFAULT_BUTTONS];
  return {
    accountId: members.text("accountId"),
    content: /** @type {Content} */ (
      hasAction ? { action: members.read("action", isObject) } : content
    ),
    buttons: buttons === undefined ? standard : readButtons(members),
    callback: members.textOrNull("callback"),
    additionalInfo: members.document["additionalInfo"] ?? null,
    transactionId: members.textOrNull("transactionId"),
    context: /** @type {Context | null} */ (members.document["context"] ?? null),
    showCode: members.flag("showCode"),
    showNotification: members.flag("showNotification"),
  };
}

/**
 * Tell whether *buttons* are those of a question.
 *
 * Those of an action's type have titles that this package does not know: one approves, by a strong
 * key, and one declines.
 *
 * @param {Question} question
 * @param {readonly Button[]} buttons
 */
export function haveButtons(question, buttons) {
  if (question.buttons !== null) return equalJson(buttons, question.buttons);
  const untitled = buttons.map((button) => ({ ...button, title: "" }));
  return equalJson(untitled, DEFAULT_BUTTONS.map((button) => ({ ...button, title: "" })));
}
