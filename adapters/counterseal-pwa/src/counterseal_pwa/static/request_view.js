/** The view of a request: everything that is signed, as text, and the buttons in their order. */

import { home } from "./bind_view.js";
import { brandOf } from "./brand.js";
import { readColours } from "./colours.js";
import { announce, element, foreign } from "./dom.js";
import { idAmong, ownerOf } from "./identity.js";
import { showOutcome } from "./outcome_view.js";
import { describe, describeUnread, endingOf, isLastPin } from "./problems.js";
import { reasonList } from "./reasons.js";
import { say, writeMoment, writeSpan } from "./texts.js";
import { speakSpan } from "./units.js";
import { visible } from "./visible.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Display} Display */
/** @typedef {import("./device/index.js").Outcome} Outcome */
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
      if (!context.signal.aborted) context.go("#/");
      return;
    }
    const shown = await account?.show(guid);
    const isOver = shown?.state === "ANSWERED" || shown?.state === "DISOWNED";
    if (!account || !shown || isOver) showEnding(context, "elsewhere");
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
    home(),
  );
}

/**
 * @param {ViewContext} context
 * @param {"expired" | "elsewhere"} ending
 */
function showEnding(context, ending) {
  context.fill(say(`${ending}.title`), element("p", {}, say(`${ending}.about`)), home());
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
  const problem = element("p", { class: "problem", role: "alert" });
  const code = display.code && codeField();
  /** @type {HTMLButtonElement[]} */
  const buttons = [];
  const view = { busy: false, ended: false };
  const attachments = actionView?.attachmentSection(account, shown, {
    signal: context.signal,
    change: () => updateButtons(),
  });
  /** @param {number} index Of a button. */
  const isBlocked = (index) =>
    display.buttons[index]?.approves === true && attachments?.areChecked() === false;
  const updateButtons = () => {
    for (const [index, button] of buttons.entries()) {
      if (view.busy || isBlocked(index)) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
      button.classList.toggle("blocked", isBlocked(index));
    }
  };

  /** @param {() => Promise<Outcome>} answer */
  async function press(answer) {
    if (view.busy) return;
    view.busy = true;
    problem.textContent = "";
    updateButtons();
    try {
      const outcome = await answer();
      view.ended = true;
      showOutcome(context, account, shown, outcome);
    } catch (error) {
      const ending = endingOf(error);
      if (ending) {
        view.ended = true;
        showEnding(context, ending);
      } else if (isLastPin(error)) {
        view.ended = true;
        await (await import("./blocked_view.js")).showBlocked(context, account);
      }
      problem.textContent = describe(error);
    } finally {
      view.busy = false;
      updateButtons();
    }
  }

  const reasons = reasonList();
  for (const [index, { approves, title, style }] of display.buttons.entries()) {
    const choice = () => ({
      button: index,
      code: code ? code.value : "",
      reason: approves ? undefined : reasons.chosen(),
    });
    const listener = () => {
      if (isBlocked(index)) problem.textContent = say("problem.attachment_unchecked");
      else void press(() => account.answer(shown, choice()));
    };
    const meaning = approves ? "approves" : "refuses";
    const description = isBlocked(index) ? `${meaning} unchecked` : meaning;
    const button = element(
      "button",
      { type: "button", class: `answer ${meaning}`, click: listener, "aria-describedby": description },
      foreign(title),
    );
    const colours = readColours(style);
    if (colours) {
      button.style.backgroundColor = colours.background;
      button.style.color = colours.text;
      button.style.borderColor = colours.text;
    }
    buttons.push(button);
  }
  const sendDisown = () => account.disown(shown, { reason: reasons.chosen() });
  const disown = element(
    "button",
    { type: "button", class: "disown", click: () => void press(sendDisown) },
    say("request.disown"),
  );
  buttons.push(disown);
  updateButtons();

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
      expire: () => {
        if (!view.busy && !view.ended) showEnding(context, "expired");
      },
    }),
    action && actionView && actionView.usableUntil(display),
    code && element("div", { class: "form" }, element("label", { for: "code" }, say("request.code")), code),
    problem,
    element("div", { class: "answers", role: "group", "aria-label": say("request.answers") }, ...buttons.slice(0, -1)),
    element("p", { id: "approves", hidden: true }, say("request.approves")),
    element("p", { id: "refuses", hidden: true }, say("request.refuses")),
    reasons.list,
    element("p", { class: "quiet centred" }, say("request.disown.about")),
    disown,
  );

  const follow = () => {
    if (view.busy || view.ended || !session.hasEnded(account.device, shown.guid)) return;
    view.ended = true;
    showEnding(context, account.now() >= Date.parse(display.expiresAt) ? "expired" : "elsewhere");
  };
  session.addEventListener("requests", follow, { signal: context.signal });
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
  return [say(`${kind}.asks`), " ", foreign(isNamedByLink ? display.account.id : accountName)];
}

const codeField = () =>
  element("input", {
    id: "code",
    class: "code",
    inputmode: "numeric",
    autocomplete: "one-time-code",
    maxlength: 7,
    spellcheck: "false",
  });

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
 */
const valueOf = (value) =>
  element("dd", { class: value.includes("\n") ? "text lines" : "text" }, foreign(value, LINES));

/**
 * @param {Display} display
 * @returns {HTMLElement[]}
 */
function detailsOf({ account, additionalInfo, appSpace, context = {}, issuedAt, transactionId }) {
  const info = typeof additionalInfo === "string" ? additionalInfo : JSON.stringify(additionalInfo, null, 2);
  const pairs = [
    [say("request.space"), appSpace.name],
    [say("bind.account"), account.id],
    [say("request.issued"), writeMoment(issuedAt)],
    [say("request.ip"), context.ipAddress],
    [say("request.place"), context.place],
    [say("request.browser"), context.browser],
    [say("request.transaction"), transactionId],
    [say("request.info"), info],
  ].filter(([, value]) => value);
  const rows = pairs.flatMap(([key = "", value = ""]) => [
    element("dt", {}, key),
    valueOf(value),
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
    listeners.expire();
  };
  const timer = setInterval(() => {
    if (line.isConnected) update();
    else clearInterval(timer);
  }, SECOND);
  signal.addEventListener("abort", () => clearInterval(timer));
  update();
  return line;
}
