/** The view after a bind: what this browser can do now, and the first requests, as they come. */

import { element, isolate } from "./dom.js";
import { homeLink } from "./home_link.js";
import { keyedList } from "./keyed_list.js";
import { notifySection } from "./notify_section.js";
import { requestEntry } from "./request_entries.js";
import { say } from "./texts.js";

/** @typedef {import("./app.js").FormContext} FormContext */
/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */

const SECOND = 1000;

/**
 * @param {FormContext} formContext
 * @param {Account} account
 */
export async function showBound(formContext, account) {
  const context = { ...formContext, session: await formContext.openSession() };
  context.fill(
    say("bound.title"),
    element("p", {}, say("bound.about", { name: isolate(account.appSpaceName) })),
    element("p", { class: "quiet" }, say("bound.keep")),
    homeLink(),
    // Below, since both are filled late and must not move what somebody is about to press.
    notifySection(context),
    waitingSection(context, account),
  );
}

/**
 * Return the section of the requests that wait, which is hidden while there are none.
 *
 * @param {ViewContext} context
 * @param {Account} account
 */
function waitingSection({ session, signal }, account) {
  const { fill, list, update } = keyedList("ul");
  const section = element(
    "section",
    { "aria-labelledby": "arrived", hidden: true },
    element("h2", { id: "arrived" }, say("home.waiting")),
    list,
  );
  const fillList = () => {
    const requests = session.lists.requestsOf(account.device) ?? [];
    fill(requests.map((request) => [request.guid, () => requestEntry(session, session.accounts, account, request)]));
    section.hidden = requests.length === 0;
  };
  for (const type of ["requests", "displays"]) session.addEventListener(type, fillList, { signal });
  session.displays.follow(() => [account], signal);
  const timer = setInterval(update, SECOND);
  signal.addEventListener("abort", () => clearInterval(timer));
  fillList();
  return section;
}
