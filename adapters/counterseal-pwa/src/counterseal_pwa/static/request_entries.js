/** Entries of open requests in the list: type, who asks, the first lines, and the time left. */

import { element, foreign } from "./dom.js";
import { kindOf, linesOf } from "./summaries.js";
import { say, writeSpan } from "./texts.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Display} Display */
/** @typedef {import("./device/index.js").OpenRequest} OpenRequest */
/** @typedef {import("./session.js").Session} Session */

/** @type {Set<string>} The GUIDs of requests that are being loaded. */
const loading = new Set();

/**
 * Load what open requests ask, and call *change* after each.
 *
 * What cannot be loaded now is loaded with the next list; the view of the request says why.
 *
 * @param {Session} session
 * @param {readonly Account[]} accounts
 * @param {() => void} change
 */
export async function loadDisplays({ displays, requests }, accounts, change) {
  // What is loaded counts as seen, and nobody sees a hidden page.
  if (document.hidden) return;
  const open = accounts.flatMap((account) =>
    (requests.get(account.device) ?? []).map(({ guid }) => ({ account, guid })),
  );
  const guids = new Set(open.map(({ guid }) => guid));
  for (const guid of displays.keys()) if (!guids.has(guid)) displays.delete(guid);
  const missing = open.filter(({ guid }) => !displays.has(guid) && !loading.has(guid));
  await Promise.all(
    missing.map(async ({ account, guid }) => {
      loading.add(guid);
      try {
        displays.set(guid, (await account.show(guid)).display);
        change();
      } catch {
        // The entry stays as it is.
      } finally {
        loading.delete(guid);
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
      { class: "card open", href: `#/request/${guid}` },
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
