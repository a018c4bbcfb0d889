/** Entries of open requests in the list: type, who asks, the first lines, and the time left. */

import { element, foreign } from "./dom.js";
import { idAmong, verificationOf } from "./identity.js";
import { kindOf, linesOf } from "./summaries.js";
import { say, writeSpan } from "./texts.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./displays.js").LoadedDisplay} LoadedDisplay */
/** @typedef {import("./device/index.js").OpenRequest} OpenRequest */
/** @typedef {import("./session.js").Session} Session */

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
    const loaded = displays.of(account, { guid });
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
