/** The view of an account: its name, what was answered, and its removal. */

import { element, foreign, isolate } from "./dom.js";
import { kindOf } from "./ending_view.js";
import { homeLink } from "./home_link.js";
import { identityOf } from "./identity.js";
import { inviteSection } from "./invite_section.js";
import { keyedList } from "./keyed_list.js";
import { lockSection } from "./lock_section.js";
import { saveLink } from "./outcome_view.js";
import { APP_VERSION, platformOf } from "./platform.js";
import { pressing } from "./pressing.js";
import { removal } from "./removal.js";
import { summaryOf } from "./summaries.js";
import { say, writeMoment } from "./texts.js";
import { showUnconfirmed } from "./unconfirmed_view.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").EndedRequest} EndedRequest */
/** @typedef {import("./device/index.js").HistoryEntry} HistoryEntry */

const NAME_LIMIT = 64;

/**
 * @param {ViewContext} context
 * @param {string} device
 */
export async function showAccount(context, device) {
  const account = await context.session.wallet.account(device);
  if (account === undefined) {
    context.go("#/");
    return;
  }
  if (account.state === "UNCONFIRMED") {
    showUnconfirmed(context, account);
    return;
  }
  const { form, update: updateName } = renameForm(account);
  const history = historySection(account);
  await history.fill([]);
  const accounts = await context.session.wallet.accounts();
  context.fill(
    account.appSpaceName,
    identityOf(account, accounts),
    element("p", { class: "quiet", id: "app" }, appOf()),
    account.state === "REVOKED" ? null : form,
    account.state === "ACTIVE" ? inviteSection(context, account) : null,
    account.state === "REVOKED"
      ? null
      : element("p", { class: "quiet" }, say("account.others", { name: isolate(account.appSpaceName) })),
    history.section,
    account.state === "ACTIVE" ? lockSection(account, accounts) : null,
    removal(context, account),
    homeLink(),
  );
  const follow = () => {
    // Another tab may have removed it, or given it another name.
    if (context.session.accounts.some((other) => other.device === device)) updateName();
    else context.go("#/");
  };
  context.session.addEventListener("accounts", follow, { signal: context.signal });
  const update = async () => {
    if (account.state !== "ACTIVE") return;
    const ended = await account.ended().catch(() => null);
    if (ended !== null && !context.signal.aborted) await history.fill(ended);
  };
  context.session.addEventListener("connection", () => void update(), { signal: context.signal });
  await update();
}

const appOf = () =>
  say("device.app", { platform: platformOf(navigator.userAgent), version: APP_VERSION });

/**
 * Return the section of the history, newest first: what was answered here, and what ended otherwise.
 *
 * `fill` takes what the service says of the account's requests; entries that are displayed stay as
 * the person has unfolded them.
 *
 * @param {Account} account
 */
function historySection(account) {
  const { fill: fillList, list } = keyedList("ol");
  const nothing = element("p", { class: "card calm" }, say("history.nothing"));
  const section = element(
    "section",
    { "aria-labelledby": "history" },
    element("h2", { id: "history" }, say("history.title")),
    nothing,
    list,
  );

  /** @param {readonly EndedRequest[]} ended */
  async function fill(ended) {
    const history = await account.history();
    const hasAction = history.some(({ display }) => display.action !== undefined);
    const actionView = hasAction ? await import("./action_view.js") : null;
    const own = new Set(history.map(({ challenge }) => challenge));
    const others = ended.filter(({ guid }) => !own.has(guid));
    const entries = [
      ...history.map((entry) => ({
        at: entry.at,
        key: `answer/${entry.challenge}`,
        build: () => entryOf(entry, actionView?.approvedAction(entry.display)),
      })),
      ...others.map((request) => ({ at: request.endedAt, key: `end/${request.guid}`, build: () => endOf(request) })),
    ].sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
    fillList(entries.map(({ key, build }) => [key, () => ({ item: build() })]));
    nothing.hidden = entries.length > 0;
    list.hidden = entries.length === 0;
  }
  return { section, fill };
}

/** @param {EndedRequest} request */
const endOf = (request) =>
  element(
    "li",
    { class: "card" },
    element("strong", {}, say(`ended.${kindOf(request)}`)),
    element("span", { class: "quiet" }, writeMoment(request.endedAt)),
  );

/**
 * @param {HistoryEntry} entry
 * @param {Node | null | undefined} action What there is to say of an action.
 */
function entryOf({ at, approved, challenge, display, outcome, receipt, title }, action) {
  const kind = outcome === "DISOWNED" ? "disowned" : approved ? "approved" : "declined";
  return element(
    "li",
    { class: `card ${kind}` },
    element("strong", {}, say(`outcome.${kind}`)),
    title !== null && element("span", {}, foreign(title)),
    element("span", { class: "text" }, foreign(summaryOf(display), { lines: true, written: display.action !== undefined })),
    element("span", { class: "quiet" }, foreign(display.origin.name), " · ", writeMoment(at)),
    action,
    receipt !== null && saveLink(challenge, receipt),
  );
}

/** @param {Account} account */
function renameForm(account) {
  const name = element("input", { id: "name", maxlength: NAME_LIMIT, autocomplete: "off", required: true });
  name.value = account.name;
  const status = element("p", { role: "status", class: "quiet" });
  const rename = element("button", { class: "plain" }, say("rename.button"));
  const form = element(
    "form",
    { class: "card form" },
    element("label", { for: "name" }, say("bind.name")),
    name,
    status,
    rename,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void pressing(rename, status, async () => {
      await account.rename(name.value.trim());
      status.textContent = say("rename.done");
    });
  });
  const update = () => {
    // What the person is writing stays.
    if (document.activeElement !== name) name.value = account.name;
  };
  return { form, update };
}
