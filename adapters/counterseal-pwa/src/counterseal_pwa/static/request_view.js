/** The view of a request: everything that is signed, as text, and the form to answer it. */

import { announce, element, foreign } from "./dom.js";
import { homeLink } from "./home_link.js";
import { brandOf, EXACT, idAmong, ownerOf } from "./identity.js";
import { showOutcome } from "./outcome_view.js";
import { describeUnread, endingOf, isLastPin } from "./problems.js";
import { requestForm } from "./request_form.js";
import { say, writeMoment, writeSpan } from "./texts.js";
import { speakSpan } from "./units.js";
import { visible } from "./visible.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Display} Display */
/** @typedef {import("./device/index.js").ShownRequest} ShownRequest */

const LINES = { lines: true };
const SECOND = 1000;
const HOUR = 3_600_000;
/** Seconds before the end at which a screen reader says how long is left. */
const SPOKEN = [14_400, 3600, 600, 60, 10];

/**
 * @param {ViewContext} context
 * @param {string} guid
 * @param {string} [device] The GUID of the account's device; a notification does not name it.
 */
export async function showRequest(context, guid, device) {
  context.fill(say("request.loading"));
  try {
    const account = await context.session.accountOf(guid, device);
    // The list says which account each is of.
    if (account === "several") {
      context.go("#/");
      return;
    }
    const shown = await account?.show(guid);
    const isAnswered = shown?.state === "ANSWERED" || shown?.state === "DISOWNED";
    if (!account || !shown || isAnswered) showEnding(context, "elsewhere");
    else await fillRequest(context, account, shown);
  } catch (error) {
    const ending = endingOf(error);
    if (ending) showEnding(context, ending);
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
 * @param {"expired" | "elsewhere"} ending
 */
function showEnding(context, ending) {
  context.fill(say(`${ending}.title`), element("p", {}, say(`${ending}.about`)), homeLink());
}

/**
 * @param {ViewContext} context
 * @param {Account} account
 * @param {ShownRequest} shown
 */
async function fillRequest(context, account, shown) {
  const { session } = context;
  const { action, display } = shown;
  const actionView = action && (await import("./action_view.js"));
  const content = actionView ? [] : await contentOf(display.content);
  let isOver = false;
  const attachments =
    action &&
    (await import("./attachment_section.js")).attachmentSection(account, shown, {
      signal: context.signal,
      change: () => form.updateBlocked(),
    });
  const form = requestForm(account, shown, {
    areChecked: () => attachments?.areChecked() ?? true,
    finish(outcome) {
      isOver = true;
      showOutcome(context, account, shown, outcome);
    },
    async fail(error) {
      const ending = endingOf(error);
      isOver = ending !== null || isLastPin(error);
      if (ending) showEnding(context, ending);
      else if (isOver) await (await import("./blocked_view.js")).showBlocked(context, account);
    },
  });

  /** @param {"expired" | "elsewhere"} ending */
  function end(ending) {
    if (form.isBusy() || isOver) return;
    // It may have ended by the answer that had no reply: the service says so again.
    if (form.sendAgain()) return;
    isOver = true;
    showEnding(context, ending);
  }

  const { device, url, appSpace } = account;
  const id = idAmong({ device, url, appSpace, accountId: display.account.id }, await session.wallet.accounts());
  const usable = element("span");
  const updateUsable = () => {
    if (!action) return;
    const span = Date.parse(action.validUntil) - account.now();
    usable.textContent = say("left", { span: writeSpan(span) });
  };
  context.fill(
    action && actionView ? actionView.titleOf(action) : say("request.title"),
    element("p", {}, brandOf(account, display.appSpace.name), ownerOf(account)),
    element("p", { class: "asks" }, element("strong", {}, foreign(display.origin.name)), " ", ...whomOf(account, display), id && " ", id),
    element(
      "article",
      { class: "card shown", "aria-label": say("request.content") },
      ...content,
      actionView && actionView.actionRows(display, { documents: attachments?.section, left: usable }),
      ...detailsOf(display),
      action && actionView && actionView.technicalDetails(display),
    ),
    countdown(context, account, display.expiresAt, {
      update: updateUsable,
      expire: () => end("expired"),
    }),
    action && actionView && actionView.usableUntil(display),
    ...form.parts,
  );

  const follow = () => {
    if (!session.hasEnded(account.device, shown.guid)) return;
    end(account.now() >= Date.parse(display.expiresAt) ? "expired" : "elsewhere");
  };
  for (const type of ["requests", "accounts"]) {
    session.addEventListener(type, follow, { signal: context.signal });
  }
}

/**
 * Return the words for who is asked; what only the link says is not among them.
 *
 * @param {Account} account
 * @param {Display} display
 * @returns {(HTMLElement | string)[]}
 */
function whomOf({ accountName, appSpaceName, isNamedByLink }, display) {
  const kind = display.action ? "action" : "request";
  if (accountName === appSpaceName) return [say(`${kind}.asks.you`)];
  return [say(`${kind}.asks`), " ", foreign(isNamedByLink ? display.account.id : accountName, EXACT)];
}

/**
 * @param {Display["content"]} content
 * @returns {Promise<HTMLElement[]>}
 */
async function contentOf(content) {
  if ("html" in content) return (await import("./html_view.js")).htmlContentOf(content.html);
  if ("text" in content) return [element("p", { class: "text", dir: "auto" }, visible(content.text, LINES))];
  const pairs = content.keys.flatMap(({ key, value }) => [
    element("dt", {}, foreign(key)),
    valueOf(value),
  ]);
  return [element("h2", { dir: "auto" }, visible(content.title)), element("dl", { class: "pairs" }, ...pairs)];
}

/**
 * Return a value of a row; one of several lines is marked, since a line must not look like a row.
 *
 * @param {string} value
 * @param {Parameters<typeof foreign>[1]} [how]
 */
const valueOf = (value, how = LINES) =>
  element("dd", { class: value.includes("\n") ? "text lines" : "text" }, foreign(value, how));

/**
 * @param {Display} display
 * @returns {HTMLElement[]}
 */
function detailsOf({ account, additionalInfo, appSpace, context = {}, issuedAt, transactionId }) {
  const info = typeof additionalInfo === "string" ? additionalInfo : JSON.stringify(additionalInfo, null, 2);
  const pairs = [
    [say("request.space"), appSpace.name],
    [say("bind.account"), account.id, EXACT],
    [say("request.issued"), writeMoment(issuedAt)],
    [say("request.ip"), context.ipAddress],
    [say("request.place"), context.place],
    [say("request.browser"), context.browser],
    [say("request.transaction"), transactionId],
    [say("request.info"), info],
  ].filter(([, value]) => value);
  const rows = pairs.flatMap(([key = "", value = "", how = LINES]) => [
    element("dt", {}, key),
    valueOf(value, how),
  ]);
  return [element("dl", { class: "pairs more" }, ...rows)];
}

/**
 * @param {ViewContext} context
 * @param {Account} account Its service's clock counts.
 * @param {string} expiresAt
 * @param {{update: () => void, expire: () => void}} listeners `update` is called each second.
 */
function countdown({ signal }, account, expiresAt, listeners) {
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
    listeners.update();
    if (span > 0) return;
    clearInterval(timer);
    // The view may not be filled yet.
    queueMicrotask(listeners.expire);
  };
  const timer = setInterval(() => {
    if (line.isConnected) update();
    else clearInterval(timer);
  }, SECOND);
  signal.addEventListener("abort", () => clearInterval(timer));
  update();
  return line;
}
