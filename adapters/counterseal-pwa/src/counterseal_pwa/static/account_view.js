/** The view of an account: its name, what was answered, and its removal. */

import { home } from "./bind_view.js";
import { brandOf } from "./brand.js";
import { element, foreign } from "./dom.js";
import { inviteSection } from "./invite_section.js";
import { saveLink } from "./outcome_view.js";
import { APP_VERSION, platformOf } from "./platform.js";
import { describe } from "./problems.js";
import { removal } from "./removal.js";
import { say, writeMoment } from "./texts.js";
import { showUnconfirmed } from "./unconfirmed_view.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */
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
  const history = await account.history();
  context.fill(
    account.appSpaceName,
    element("p", {}, brandOf(account, account.appSpaceName)),
    element(
      "p",
      {},
      account.accountName !== account.appSpaceName && foreign(account.accountName),
      " ",
      element("span", { class: "quiet" }, account.url),
    ),
    element("p", { class: "quiet", id: "app" }, appOf()),
    account.state === "REVOKED" ? null : renameForm(account),
    account.state === "ACTIVE" ? inviteSection(context, account) : null,
    element(
      "section",
      { "aria-labelledby": "history" },
      element("h2", { id: "history" }, say("history.title")),
      history.length > 0
        ? element("ol", { class: "list" }, ...history.map(entryOf))
        : element("p", { class: "card calm" }, say("history.nothing")),
    ),
    removal(context, account),
    home(),
  );
}

const appOf = () =>
  say("device.app", { platform: platformOf(navigator.userAgent), version: APP_VERSION });

/** @param {HistoryEntry} entry */
function entryOf({ at, approved, challenge, display, outcome, receipt, title }) {
  const kind = outcome === "DISOWNED" ? "disowned" : approved ? "approved" : "declined";
  return element(
    "li",
    { class: `card ${kind}` },
    element("strong", {}, say(`outcome.${kind}`)),
    title !== null && element("span", {}, foreign(title)),
    element("span", { class: "text" }, foreign(summaryOf(display.content), { lines: true })),
    element("span", { class: "quiet" }, foreign(display.origin.name), " · ", writeMoment(at)),
    receipt !== null && saveLink(challenge, receipt),
  );
}

/** @param {HistoryEntry["display"]["content"]} content */
function summaryOf(content) {
  if ("text" in content) return content.text;
  return "title" in content ? content.title : content.html;
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
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    rename.disabled = true;
    try {
      await account.rename(name.value.trim());
      status.textContent = say("rename.done");
    } catch (error) {
      status.textContent = describe(error);
    } finally {
      rename.disabled = false;
    }
  });
  return form;
}
