/** The view of a new device that waits: its name and code, and the decision on it. */

import { cancelButton, showDialog } from "./dialog.js";
import { element, foreign, isolate } from "./dom.js";
import { homeLink } from "./home_link.js";
import { identityOf } from "./identity.js";
import { repeatWrongPins } from "./pin_attempts.js";
import { isBusy, pressing } from "./pressing.js";
import { describe, isEnding, isLastPin } from "./problems.js";
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
  if (!session.waitingDevices.find(guid)) await session.waitingDevices.read();
  const waiting = session.waitingDevices.find(guid);
  const accounts = await session.wallet.accounts();
  const account = accounts.find(({ device }) => device === waiting?.account);
  if (signal.aborted) return;
  if (waiting && account) fillNewDevice(context, account, accounts, waiting.newDevice);
  else showGone(context);
}

/** @param {ViewContext} context */
function showGone(context) {
  context.fill(say("decided.gone"), element("p", {}, say("decided.gone.about")), homeLink());
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
  let ended = false;

  /** @param {Choice} choice */
  const press = (choice) =>
    pressing(
      buttons,
      problem,
      async () => {
        // A move takes this device away, so it is asked for once more.
        if (choice === "move" && !(await confirmMove(name))) return;
        await repeatWrongPins(newDevice, () => account.decide(newDevice, choice));
        // The next call says what became of this device.
        if (choice === "move") await account.status().catch(() => undefined);
        ended = true;
        await session.waitingDevices.read();
        showDecided(context, account, newDevice, choice);
      },
      { fail },
    );

  /** @param {unknown} error */
  async function fail(error) {
    if (isEnding(error)) {
      ended = true;
      await session.waitingDevices.read();
      showGone(context);
    } else if (isLastPin(error)) {
      ended = true;
      await (await import("./blocked_view.js")).showBlocked(context, account);
    }
    return describe(error);
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
    if (buttons.some(isBusy) || ended || session.waitingDevices.find(newDevice.device)) return;
    ended = true;
    showGone(context);
  };
  session.addEventListener("newdevices", follow, { signal: context.signal });
  session.waitingDevices.follow(context.signal);
}

/**
 * Ask once more whether the person moves to the new device.
 *
 * @param {string} name The new device's.
 * @returns {Promise<boolean>}
 */
async function confirmMove(name) {
  const isSure = await showDialog("move-title", (/** @type {import("./dialog.js").DialogControls<boolean>} */ controls) => [
    element("h2", { id: "move-title" }, say("decide.move.title", { name: isolate(name) })),
    element("p", {}, say("decide.move.sure")),
    element(
      "div",
      { class: "row" },
      cancelButton(controls),
      element(
        "button",
        { type: "button", class: "plain danger", click: () => controls.close(true) },
        say("decide.move.button"),
      ),
    ),
  ]);
  return isSure === true;
}

/**
 * @param {ViewContext} context
 * @param {Account} account
 * @param {NewDevice} newDevice
 * @param {Choice} choice
 */
function showDecided(context, account, { name }, choice) {
  const service = isolate(account.appSpaceName);
  context.fill(
    say(`decided.${choice}`),
    element("p", {}, say(`decided.${choice}.about`, { name: isolate(name) })),
    choice === "refuse" ? element("p", { class: "quiet" }, say("decided.refuse.advice", { name: service })) : null,
    choice === "move" ? element("p", {}, say("decided.move.here")) : null,
    choice === "move" ? removal(context, account, { isEnded: true }) : null,
    homeLink(),
  );
}
