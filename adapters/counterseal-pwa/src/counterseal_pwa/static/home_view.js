/** The first view: what waits for an answer, the accounts, and a place for a link. */

import { showBind } from "./bind_view.js";
import { element, foreign } from "./dom.js";
import { brandOf, idAmong, nameOf, ownerOf } from "./identity.js";
import { arrange, keyedList, linkEntry } from "./keyed_list.js";
import { describeLink, readPasted } from "./links.js";
import { notifySection } from "./notify_section.js";
import { requestEntry } from "./request_entries.js";
import { keyOf } from "./request_key.js";
import { scanSection } from "./scan_section.js";
import { say } from "./texts.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */

const SECOND = 1000;

/** @param {ViewContext} context */
export async function showHome(context) {
  const { session, signal } = context;
  await session.refresh();
  const unreadable = await session.wallet.unreadableAccounts();
  const warning = unreadable.length > 0 && element("p", { class: "problem" }, say("home.unreadable"));
  const isEmpty = session.accounts.length === 0;
  const followAccounts = () => {
    // The first was added in another tab, or the last removed.
    if ((session.accounts.length === 0) !== isEmpty) context.go("#/");
  };
  session.addEventListener("accounts", followAccounts, { signal });
  if (isEmpty) {
    context.fill(
      say("home.welcome"),
      warning,
      element("p", {}, say("home.empty")),
      scanSection(context),
      linkForm(context),
    );
    return;
  }
  const requests = keyedList("ul");
  const nothing = element("p", { class: "card calm" });
  const title = element("h2", { id: "waiting" }, say("home.waiting"));
  const waiting = element("section", { "aria-labelledby": "waiting" }, title);
  const known = keyedList("ul");
  const notify = notifySection(context);
  const fillWaiting = () => {
    const open = session.accounts.flatMap((account) =>
      (session.lists.requestsOf(account.device) ?? []).map((request) => ({ account, request })),
    );
    requests.fill([
      ...newDevicesOf(context),
      ...open.map(({ account, request }) => {
        const build = () => requestEntry(session, session.accounts, account, request);
        return /** @type {const} */ ([keyOf(account, request), build]);
      }),
    ]);
    nothing.textContent = say(emptinessOf(session));
    arrange(waiting, [title, requests.list.hasChildNodes() ? requests.list : nothing]);
  };
  const fillAccounts = () => {
    const { accounts } = session;
    // The service takes no call of the others, so it can notify none of them.
    notify.hidden = !accounts.some(({ state }) => state === "ACTIVE" || state === "SUSPENDED");
    known.fill(accounts.map((account) => [account.device, () => accountEntry(context, account)]));
  };
  fillWaiting();
  fillAccounts();
  for (const type of ["requests", "displays", "newdevices", "connection"]) {
    session.addEventListener(type, fillWaiting, { signal });
  }
  session.displays.follow(() => session.accounts, signal);
  const timer = setInterval(requests.update, SECOND);
  signal.addEventListener("abort", () => clearInterval(timer));
  session.waitingDevices.follow(signal);
  session.addEventListener(
    "accounts",
    () => {
      fillAccounts();
      fillWaiting();
    },
    { signal },
  );
  const more = element(
    "details",
    {},
    element("summary", {}, say("home.more")),
    scanSection(context),
    linkForm(context),
  );
  const all = element(
    "section",
    { "aria-labelledby": "accounts" },
    element("h2", { id: "accounts" }, say("home.accounts")),
    known.list,
  );
  context.fill(say("home.title"), warning, waiting, all, notify, more);
}

/**
 * Return the key of what an empty list means: only lists of the service say that nothing waits.
 *
 * @param {ViewContext["session"]} session
 */
function emptinessOf({ accounts, lists }) {
  if (lists.isUnreached) return "home.unreached";
  const isAsked = (/** @type {Account} */ { device, state }) =>
    state !== "REVOKED" && lists.requestsOf(device) === undefined && lists.problemOf(device) === undefined;
  if (accounts.some(isAsked)) return "home.asking";
  return lists.isEmpty ? "home.none" : "home.nothing";
}

/**
 * Return how to build the entries of the new devices that wait to be confirmed.
 *
 * @param {ViewContext} context
 */
const newDevicesOf = ({ session }) =>
  session.waitingDevices.all.map(({ device, name }) => {
    const build = () =>
      linkEntry({ class: "card open", href: `#/device/${device}` }, () => [
        element("strong", {}, say("home.device"), " ", foreign(name)),
        element("span", { class: "quiet" }, say("home.device.code")),
      ]);
    return /** @type {const} */ ([`${device} ${name}`, build]);
  });

/**
 * @param {ViewContext} context
 * @param {Account} account
 */
const accountEntry = ({ session }, account) =>
  linkEntry({ class: "card", href: `#/account/${account.device}` }, () => {
    const { device, appSpaceName, name, state } = account;
    const problem = state === "REVOKED" ? say("problem.revoked") : session.lists.problemOf(device)?.text;
    return [
      brandOf(account, appSpaceName),
      ownerOf(account),
      nameOf(account),
      idAmong(account, session.accounts),
      element("span", { class: "quiet" }, foreign(name)),
      problem !== undefined && element("span", { class: "problem" }, problem),
    ];
  });

/** @param {ViewContext} context */
function linkForm(context) {
  const input = element("input", { id: "link", autocomplete: "off", spellcheck: "false", "aria-describedby": "link-problem" });
  const problem = element("p", { class: "problem", role: "alert", id: "link-problem" });
  const form = element(
    "form",
    { class: "card form" },
    element("label", { for: "link" }, say("home.link")),
    input,
    problem,
    element("button", { class: "main" }, say("continue")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    try {
      void showBind(context, readPasted(input.value));
    } catch (error) {
      problem.textContent = describeLink(error);
      input.focus();
    }
  });
  return form;
}
