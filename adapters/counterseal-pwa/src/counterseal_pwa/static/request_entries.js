/** Entries of open requests in the list: type, who asks, the first lines, and the time left. */

import { element, foreign } from "./dom.js";
import { kindOf, linesOf } from "./summaries.js";
import { say, writeSpan } from "./texts.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Display} Display */
/** @typedef {import("./device/index.js").OpenRequest} OpenRequest */
/** @typedef {import("./session.js").Session} Session */

/** @type {Set<string>} The keys of requests that are being loaded. */
const loading = new Set();

/**
 * Return the key of an account's request: of two services, each may list the same GUID.
 *
 * @param {{device: string}} account
 * @param {{guid: string}} request
 */
export const keyOf = ({ device }, { guid }) => `${device}/${guid}`;

/**
 * Load what open requests ask; the session's event `displays` tells of each.
 *
 * What cannot be loaded now is loaded with the next list; the view of the request says why.
 *
 * @param {Session} session
 * @param {readonly Account[]} accounts
 */
export async function loadDisplays(session, accounts) {
  const { displays, requests } = session;
  // What is loaded counts as seen, and nobody sees a hidden page.
  if (document.hidden) return;
  const open = accounts.flatMap((account) =>
    (requests.get(account.device) ?? []).map(({ guid }) => ({ account, guid, key: keyOf(account, { guid }) })),
  );
  const keys = new Set(open.map(({ key }) => key));
  for (const key of displays.keys()) if (!keys.has(key)) displays.delete(key);
  const missing = open.filter(({ key }) => !displays.has(key) && !loading.has(key));
  await Promise.all(
    missing.map(async ({ account, guid, key }) => {
      loading.add(key);
      try {
        displays.set(key, (await account.show(guid)).display);
        session.dispatchEvent(new Event("displays"));
      } catch {
        // The entry stays as it is.
      } finally {
        loading.delete(key);
      }
    }),
  );
}

/**
 * @param {Account} account
 * @param {OpenRequest} request
 * @param {Display | undefined} display Undefined if it is not loaded.
 */
export function requestEntry(account, { expiresAt, guid }, display) {
  const left = element("span", { class: "left" });
  const update = () => {
    left.textContent = say("left", { span: writeSpan(Date.parse(expiresAt) - account.now()) });
  };
  update();
  const item = element(
    "li",
    {},
    element(
      "a",
      { class: "card open", href: `#/request/${guid}/${account.device}` },
      ...(display ? partsOf(display) : [element("strong", {}, say("home.request"), " ", foreign(account.appSpaceName))]),
      element("span", { class: "quiet" }, display && foreign(account.appSpaceName), display && " · ", left),
    ),
  );
  return { item, update };
}

/** @param {Display} display */
function partsOf(display) {
  const written = display.action !== undefined;
  return [
    element("strong", {}, kindOf(display)),
    ...linesOf(display).map((line) => element("span", { class: "first" }, foreign(line, { written }))),
    element("span", { class: "quiet" }, say("outcome.asked"), " ", foreign(display.origin.name)),
  ];
}
