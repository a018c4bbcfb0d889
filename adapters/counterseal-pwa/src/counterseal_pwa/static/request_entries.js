/** Entries of open requests in the list: type, who asks, the first lines, and the time left. */

import { element, foreign } from "./dom.js";
import { idAmong, verificationOf } from "./identity.js";
import { keyOf } from "./request_key.js";
import { kindOf, linesOf } from "./summaries.js";
import { say, writeSpan } from "./texts.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Display} Display */
/** @typedef {import("./device/index.js").OpenRequest} OpenRequest */
/** @typedef {import("./session.js").Session} Session */

/**
 * A display document, and what writes a line of its summary.
 *
 * @typedef {{display: Display, write: (line: string) => HTMLElement}} LoadedDisplay
 */

/** @type {Set<string>} The keys of requests that are being loaded. */
const loading = new Set();

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
        const { display } = await account.show(guid);
        // Without it, two actions could look the same.
        const write = display.action ? (await import("./reading_order.js")).lineInOrder : foreign;
        displays.set(key, { display, write: (line) => write(line) });
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
 * Return the entry of an open request; `update` shows the time left, and what is loaded by then.
 *
 * @param {Session} session
 * @param {readonly Account[]} accounts All of this browser.
 * @param {Account} account The request's.
 * @param {OpenRequest} request
 * @returns {import("./keyed_list.js").Entry}
 */
export function requestEntry({ displays }, accounts, account, { expiresAt, guid }) {
  const left = element("span", { class: "left" });
  const link = element("a", { class: "card open", href: `#/request/${guid}/${account.device}` });
  const space = () => foreign(account.appSpaceName);
  /** @type {LoadedDisplay | null | undefined} Null before anything is displayed. */
  let shown = null;
  const update = () => {
    const loaded = displays.get(keyOf(account, { guid }));
    if (loaded !== shown) {
      shown = loaded;
      const parts = loaded ? partsOf(loaded) : [element("strong", {}, say("home.request"), " ", space())];
      const id = idAmong(account, accounts);
      // On a line of its own, which no name of a tenant can begin.
      const verification = verificationOf(account);
      link.replaceChildren(
        ...parts,
        verification,
        element("span", { class: "quiet" }, loaded && space(), loaded && " · ", id, id && " · ", left),
      );
    }
    left.textContent = say("left", { span: writeSpan(Date.parse(expiresAt) - account.now()) });
  };
  return { item: element("li", {}, link), update };
}

/** @param {LoadedDisplay} loaded */
function partsOf({ display, write }) {
  return [
    element("strong", {}, kindOf(display)),
    ...linesOf(display).map((line) => element("span", { class: "first" }, write(line))),
    element("span", { class: "quiet" }, say("outcome.asked"), " ", foreign(display.origin.name)),
  ];
}
