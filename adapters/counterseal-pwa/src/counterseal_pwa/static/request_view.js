/** The view of a request: everything that is signed, as text, and the form to answer it. */

import { factsOf, rowsOf, valueOf } from "./display_rows.js";
import { announce, element, foreign } from "./dom.js";
import { showEnding } from "./ending_view.js";
import { homeLink } from "./home_link.js";
import { EXACT, idAmong, logoOf, verificationOf } from "./identity.js";
import { showOutcome } from "./outcome_view.js";
import { describeUnread, isEnding, isLastPin, isLate } from "./problems.js";
import { requestForm } from "./request_form.js";
import { say, writeMoment, writeSpan } from "./texts.js";
import { speakSpan } from "./units.js";
import { visible } from "./visible.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./app.js").Heading} Heading */
/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Display} Display */
/** @typedef {import("./device/index.js").ShownRequest} ShownRequest */

const LINES = { lines: true };
const SECOND = 1000;
const HOUR = 3_600_000;
/** Seconds before the end at which a screen reader says how long is left. */
const SPOKEN = [14_400, 3600, 600, 60, 10];
/** Characters of a question that stands in the heading; a longer one is a text. */
const HEADING_LIMIT = 120;

/**
 * @param {ViewContext} context
 * @param {string} guid
 * @param {string} [device] The GUID of the account's device; a notification does not name it.
 */
export async function showRequest(context, guid, device) {
  context.fill(say("request.loading"));
  /** @type {readonly Account[]} */
  let accounts = [];
  try {
    const { session } = context;
    accounts = (await session.wallet.accounts()).filter((each) => device === undefined || each.device === device);
    const account = await session.accountOf(guid, device);
    // The list says which account each is of.
    if (account === "several") {
      context.go("#/");
      return;
    }
    if (account) accounts = [account];
    const shown = await account?.show(guid);
    const isAnswered = shown?.state === "ANSWERED" || shown?.state === "DISOWNED";
    if (!account || !shown) await showEnding(context, accounts, guid);
    else if (isAnswered) await showEnding(context, accounts, guid, shown);
    else await fillRequest(context, account, shown);
  } catch (error) {
    if (isEnding(error)) await showEnding(context, accounts, guid, { isExpired: isLate(error) });
    else showUnread(context, error);
  }
}

/**
 * Show why a request cannot be shown; it may be open.
 *
 * @param {ViewContext} context
 * @param {unknown} error
 */
function showUnread(context, error) {
  const again = () => context.go(window.location.hash);
  context.fill(
    say("request.broken"),
    element("p", { class: "problem" }, describeUnread(error)),
    element("button", { type: "button", class: "main", click: again }, say("request.again")),
    homeLink(),
  );
}

/**
 * @param {ViewContext} context
 * @param {Account} account
 * @param {ShownRequest} shown
 */
async function fillRequest(context, account, shown) {
  const { session, signal } = context;
  const { action, display } = shown;
  const { guid } = shown;
  const change = () => form.update();
  const view = action
    ? await (await import("./action_view.js")).actionView(account, shown, { signal, change })
    : await questionView(display);
  let isOver = false;

  /** @type {{isExpired: boolean} | null} */
  let missedEnd = null;

  /** @param {boolean} isExpired */
  function end(isExpired) {
    if (isOver) return;
    missedEnd = form.isBusy() ? { isExpired } : null;
    if (missedEnd) return;
    // It may have ended by the answer that had no reply: the service says so again.
    if (form.sendAgain()) return;
    isOver = true;
    form.end();
    void showEnding(context, [account], guid, { display, isExpired });
  }

  const form = requestForm(account, shown, {
    conditions: view.conditions,
    above: [countdown(context, account, display.expiresAt, () => end(true)), ...view.above],
    finish(outcome) {
      isOver = true;
      showOutcome(context, account, shown, outcome);
    },
    async fail(error) {
      isOver = isEnding(error) || isLastPin(error);
      if (!isOver) return;
      if (isLastPin(error)) await (await import("./blocked_view.js")).showBlocked(context, account);
      else await showEnding(context, [account], guid, { display, isExpired: isLate(error) });
    },
    settle: () => missedEnd && end(missedEnd.isExpired),
    signal,
  });
  context.fill(
    { ...view.heading, above: whoOf(account, display, await session.wallet.accounts()) },
    view.content && element("article", { class: "card shown", "aria-label": say("request.content") }, ...view.content),
    ...view.below,
    form.code,
    detailsOf(display, [[say("company.name"), account.companyName], ...view.details]),
    form.bar,
  );

  const follow = () => {
    if (session.hasEnded(account.device, guid)) end(account.now() >= Date.parse(display.expiresAt));
  };
  for (const type of ["requests", "accounts"]) session.addEventListener(type, follow, { signal });
}

/**
 * Return who asks, and whom, each name once.
 *
 * @param {Pick<Account, "accountName" | "appSpace" | "appSpaceName" | "device" | "isNamedByLink" | "logo" | "url" | "verifiedName">} account
 * @param {{account: {id: string}, appSpace: {name: string}, origin: {name: string}}} display
 * @param {readonly Account[]} accounts All of this browser.
 */
export function whoOf(account, { account: { id: accountId }, appSpace, origin }, accounts) {
  const { accountName, appSpaceName, device, isNamedByLink, url } = account;
  const id = idAmong({ device, url, appSpace: account.appSpace, accountId }, accounts);
  const name = accountName === appSpaceName ? null : isNamedByLink ? accountId : accountName;
  return element(
    "div",
    { class: "who", id: "who" },
    logoOf(account),
    element(
      "p",
      {},
      element("span", {}, element("strong", {}, foreign(origin.name)), " ", say(name === null ? "request.asks.you" : "request.asks"), name !== null && " ", name !== null && foreign(name, EXACT), id && " ", id),
      origin.name !== appSpace.name && element("span", { class: "quiet" }, foreign(appSpace.name)),
      verificationOf(account),
    ),
  );
}

/**
 * What a view has of a request.
 *
 * @typedef {object} RequestParts
 * @property {Heading} heading
 * @property {HTMLElement[] | null} content The facts, if the heading is not all.
 * @property {HTMLElement[]} below What is under them.
 * @property {[string, Node | string | null | undefined][]} details Rows of the details.
 * @property {import("./request_form.js").Condition[]} conditions
 * @property {(HTMLElement | null)[]} above What stands in the bar above the buttons.
 */

/**
 * @param {Display} display Of a request that is no action.
 * @returns {Promise<RequestParts>}
 */
async function questionView({ content, context = {}, additionalInfo, origin }) {
  const rows = factsOf({ context, additionalInfo, origin });
  const parts = { below: [], details: [], conditions: [], above: [] };
  if ("html" in content) {
    const { htmlContentOf } = await import("./html_view.js");
    return { ...parts, heading: headingOf(), content: [...htmlContentOf(content.html), ...rows] };
  }
  if ("text" in content) {
    const text = content.text.trim();
    if (isHeading(text)) return { ...parts, heading: headingOf(content.text), content: rows.length > 0 ? rows : null };
    const whole = element("p", { class: "text", dir: "auto" }, visible(content.text, LINES));
    return { ...parts, heading: headingOf(), content: [whole, ...rows] };
  }
  const pairs = content.keys.flatMap(({ key, value }) => [element("dt", {}, foreign(key)), valueOf(value)]);
  const list = element("dl", { class: "pairs" }, ...pairs);
  if (isHeading(content.title)) return { ...parts, heading: headingOf(content.title), content: [list, ...rows] };
  const title = element("h2", { dir: "auto" }, visible(content.title));
  return { ...parts, heading: headingOf(), content: [title, list, ...rows] };
}

/** @param {string} text */
const isHeading = (text) => text.length <= HEADING_LIMIT && !/[\n\r\t]/u.test(text);

/**
 * Return the heading of a question; without one, it says that an answer is asked for.
 *
 * @param {string} [question]
 * @returns {Heading}
 */
const headingOf = (question) => ({
  title: say("request.title"),
  parts: [question === undefined ? say("request.title") : foreign(question)],
});

/**
 * Return ids, times and hashes.
 *
 * @param {Display} display
 * @param {RequestParts["details"]} details
 */
function detailsOf({ account, issuedAt, transactionId }, details) {
  return element(
    "details",
    { class: "details" },
    element("summary", {}, say("receipt.details")),
    ...rowsOf([
      [say("account.id"), foreign(account.id, EXACT)],
      [say("request.issued"), writeMoment(issuedAt)],
      [say("request.transaction"), transactionId],
      ...details,
    ]),
  );
}

/**
 * @param {ViewContext} context
 * @param {Account} account Its service's clock counts.
 * @param {string} expiresAt
 * @param {() => void} expire
 */
function countdown({ signal }, account, expiresAt, expire) {
  const left = element("strong");
  const end = element("span");
  const line = element("p", { class: "countdown", role: "timer" }, say("request.left"), " ", left, end);
  let before = Infinity;
  const update = () => {
    const span = Date.parse(expiresAt) - account.now();
    left.textContent = writeSpan(span);
    end.textContent = span >= HOUR ? ` (${say("request.until")} ${writeMoment(expiresAt)})` : "";
    const seconds = Math.ceil(span / SECOND);
    const spoken = SPOKEN.find((each) => seconds <= each && each < before);
    if (spoken !== undefined && before !== Infinity) announce(say("request.spoken", { span: speakSpan(spoken) }));
    before = seconds;
    line.classList.toggle("soon", seconds <= 30);
    if (span > 0) return;
    clearInterval(timer);
    // The view may not be filled yet.
    queueMicrotask(expire);
  };
  const timer = setInterval(() => {
    if (line.isConnected) update();
    else clearInterval(timer);
  }, SECOND);
  signal.addEventListener("abort", () => clearInterval(timer));
  update();
  return line;
}
