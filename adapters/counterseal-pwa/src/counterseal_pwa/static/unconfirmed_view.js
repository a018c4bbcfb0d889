/** The view of a new device that does not count yet: its code, until it is confirmed or ends. */

import { showBound } from "./bound_view.js";
import { element, isolate } from "./dom.js";
import { homeLink } from "./home_link.js";
import { removal } from "./removal.js";
import { say, writeMoment } from "./texts.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */

/** Milliseconds after the deadline, by which the service has ended the device. */
const GRACE = 1000;

/**
 * @param {ViewContext} context
 * @param {Account} account
 */
export function showUnconfirmed(context, account) {
  const { session, signal } = context;
  const { device } = account;
  const comparison = account.comparison;
  const isOver = () => comparison !== null && account.now() >= Date.parse(comparison.confirmBy);

  async function follow() {
    const current = await session.wallet.account(device);
    if (signal.aborted) return;
    if (current?.state === "ACTIVE") await showBound(context, account);
    else if (current?.state === "REVOKED" || isOver()) showEnd(context, current ?? account, isOver());
  }

  context.fill(
    say("unconfirmed.title"),
    ...(comparison === null ? [element("p", {}, say("unconfirmed.lost"))] : codeOf(account, comparison)),
    element("p", { class: "centred" }, element("a", { href: "#/" }, say("home.go"))),
    // A device that nobody confirms may be given up.
    removal(context, account),
  );
  session.addEventListener("accounts", () => void follow(), { signal });
  if (comparison !== null) {
    const span = Date.parse(comparison.confirmBy) - account.now() + GRACE;
    const timer = setTimeout(follow, Math.max(0, span));
    signal.addEventListener("abort", () => clearTimeout(timer));
  }
  void follow();
}

/**
 * @param {Account} account
 * @param {{code: string, confirmBy: string}} comparison
 */
const codeOf = ({ appSpaceName }, { code, confirmBy }) => [
  element("p", {}, say("unconfirmed.about", { name: isolate(appSpaceName) })),
  comparisonCard(say("unconfirmed.label"), code),
  element("p", {}, say("unconfirmed.until"), " ", element("strong", {}, writeMoment(confirmBy))),
  element("p", { class: "quiet", role: "status" }, say("unconfirmed.wait")),
];

/**
 * Return a card with a comparison code, large.
 *
 * @param {string} label
 * @param {string} code
 */
export const comparisonCard = (label, code) =>
  element(
    "dl",
    { class: "card comparison" },
    element("dt", {}, label),
    element("dd", {}, element("strong", { translate: "no" }, code)),
  );

/**
 * @param {ViewContext} context
 * @param {Account} account
 * @param {boolean} isOver Whether its time is over; otherwise somebody refused it.
 */
function showEnd(context, account, isOver) {
  const end = isOver ? "expired" : "refused";
  context.fill(
    say(`unconfirmed.${end}.title`),
    element("p", {}, say(`unconfirmed.${end}.about`, { name: isolate(account.appSpaceName) })),
    removal(context, account, { isEnded: true }),
    homeLink(),
  );
}
