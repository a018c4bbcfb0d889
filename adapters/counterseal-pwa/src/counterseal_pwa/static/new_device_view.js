/** The view of a new device that waits: its name and code, and the decision on it. */

import { home } from "./bind_view.js";
import { element, foreign, isolate } from "./dom.js";
import { identityOf } from "./identity.js";
import { describe, endingOf, isLastPin } from "./problems.js";
import { removal } from "./removal.js";
import { say, writeMoment } from "./texts.js";
import { comparisonCard } from "./unconfirmed_view.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {Parameters<Account["decide"]>[0]} NewDevice */
/** @typedef {Parameters<Account["decide"]>[1]} Choice */

const CHOICES = /** @type {const} */ (["add", "move", "refuse"]);

/**
 * @param {ViewContext} context
 * @param {string} guid The new device's.
 */
export async function showNewDevice(context, guid) {
  const { session, signal } = context;
  context.fill(say("decide.loading"));
  if (!session.newDevice(guid)) await session.readNewDevices();
  const waiting = session.newDevice(guid);
  const accounts = await session.wallet.accounts();
  const account = accounts.find(({ device }) => device === waiting?.account);
  if (signal.aborted) return;
  if (waiting && account) fillNewDevice(context, account, accounts, waiting.newDevice);
  else showGone(context);
}

/** @param {ViewContext} context */
function showGone(context) {
  context.fill(say("decided.gone"), element("p", {}, say("decided.gone.about")), home());
}

/**
 * @param {ViewContext} context
 * @param {Account} account
 * @param {readonly Account[]} accounts All of this browser.
 * @param {NewDevice} newDevice
 */
function fillNewDevice(context, account, accounts, newDevice) {
  const { session } = context;
  const { code, expiresAt, name } = newDevice;
  const problem = element("p", { class: "problem", role: "alert" });
  let busy = false;
  let ended = false;

  /** @param {Choice} choice */
  async function press(choice) {
    if (busy) return;
    busy = true;
    // A move takes this device away, so it is asked for once more.
    if (choice === "move" && !(await confirmMove(name))) {
      busy = false;
      return;
    }
    problem.textContent = "";
    for (const button of buttons) button.setAttribute("aria-disabled", "true");
    try {
      await account.decide(newDevice, choice);
      // The next call says what became of this device.
      if (choice === "move") await account.status().catch(() => undefined);
      ended = true;
      await session.readNewDevices();
      showDecided(context, account, newDevice, choice);
    } catch (error) {
      if (endingOf(error)) {
        ended = true;
        await session.readNewDevices();
        showGone(context);
      } else if (isLastPin(error)) {
        ended = true;
        await (await import("./blocked_view.js")).showBlocked(context, account);
      }
      problem.textContent = describe(error);
    } finally {
      busy = false;
      for (const button of buttons) button.removeAttribute("aria-disabled");
    }
  }

  const buttons = CHOICES.map((choice) =>
    element(
      "button",
      { type: "button", class: `answer ${choice === "refuse" ? "refuses" : "approves"}`, "aria-describedby": `about-${choice}`, click: () => void press(choice) },
      say(`decide.${choice}`),
    ),
  );
  context.fill(
    say("decide.title"),
    identityOf(account, accounts),
    element(
      "dl",
      { class: "pairs" },
      element("dt", {}, say("decide.name")),
      element("dd", {}, foreign(name)),
      element("dt", {}, say("decide.until")),
      element("dd", {}, writeMoment(expiresAt)),
    ),
    comparisonCard(say("decide.code"), code),
    element("p", {}, element("strong", {}, say("decide.compare")), " ", say("decide.differs")),
    element(
      "dl",
      { class: "pairs" },
      ...CHOICES.flatMap((choice) => [
        element("dt", {}, say(`decide.${choice}`)),
        element("dd", { id: `about-${choice}` }, say(`decide.${choice}.about`)),
      ]),
    ),
    problem,
    element("div", { class: "answers", role: "group", "aria-label": say("decide.choices") }, ...buttons),
    element("p", { class: "centred" }, element("a", { href: "#/" }, say("home.go"))),
  );

  const follow = () => {
    if (busy || ended || session.newDevice(newDevice.device)) return;
    ended = true;
    showGone(context);
  };
  session.addEventListener("newdevices", follow, { signal: context.signal });
  session.followNewDevices(context.signal);
}

/**
 * Ask once more whether the person moves to the new device.
 *
 * @param {string} name The new device's.
 * @returns {Promise<boolean>}
 */
function confirmMove(name) {
  let isSure = false;
  const move = () => {
    isSure = true;
    dialog.close();
  };
  const dialog = element(
    "dialog",
    { "aria-labelledby": "move-title" },
    element("h2", { id: "move-title" }, say("decide.move.title", { name: isolate(name) })),
    element("p", {}, say("decide.move.sure")),
    element(
      "div",
      { class: "row" },
      element("button", { type: "button", class: "plain", click: () => dialog.close() }, say("cancel")),
      element("button", { type: "button", class: "plain danger", click: move }, say("decide.move.button")),
    ),
  );
  document.body.append(dialog);
  const close = () => dialog.close();
  window.addEventListener("hashchange", close, { once: true });
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      window.removeEventListener("hashchange", close);
      dialog.remove();
      resolve(isSure);
    });
    dialog.showModal();
  });
}

/**
 * @param {ViewContext} context
 * @param {Account} account
 * @param {NewDevice} newDevice
 * @param {Choice} choice
 */
function showDecided(context, account, { name }, choice) {
  context.fill(
    say(`decided.${choice}`),
    element("p", {}, say(`decided.${choice}.about`, { name: isolate(name) })),
    choice === "refuse" ? element("p", { class: "quiet" }, say("decided.refuse.advice")) : null,
    choice === "move" ? element("p", {}, say("decided.move.here")) : null,
    choice === "move" ? removal(context, account, { isEnded: true }) : null,
    home(),
  );
}
