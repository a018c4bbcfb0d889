/** The view after an answer: what was answered, and the service's receipt for it. */

import { element, foreign, isolate } from "./dom.js";
import { drawMark } from "./drawing.js";
import { aboutOf } from "./ending_view.js";
import { homeLink } from "./home_link.js";
import { wasPressedByPointer } from "./pressing.js";
import { say, writeMoment } from "./texts.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Outcome} Outcome */
/** @typedef {import("./device/index.js").ShownRequest} ShownRequest */

/** Seconds after which the view of a stored receipt closes itself. */
const SECONDS = 3;

/**
 * @param {ViewContext} context
 * @param {Account} account
 * @param {ShownRequest} shown
 * @param {Outcome} outcome
 */
export function showOutcome(context, account, shown, { state, approved, kept: isStored, receipt, receiptText }) {
  const kind = state === "DISOWNED" ? "disowned" : approved ? "approved" : "declined";
  const { display } = shown;
  const title = receipt?.answer["title"];
  const button = display.buttons[Number(receipt?.answer["button"] ?? -1)];
  const keepsReceipts = account.strongKind !== "pin";
  // A receipt has the reason of a refusal, which nobody is to find on this device.
  const silent = receipt !== null && "reason" in receipt.answer;
  const isEvident = receipt !== null && isStored && !silent;
  const closes = kind === "approved" && isEvident && keepsReceipts && button?.strong === true;
  context.fill(
    say(`outcome.${kind}`),
    markOf(kind),
    aboutOf(display),
    typeof title === "string" && element("p", {}, say("outcome.answer"), " ", element("strong", {}, foreign(title))),
    kind === "approved" && display.action !== undefined && element("p", {}, usableUntil(display)),
    kind === "disowned" && element("p", {}, say("outcome.disowned.about", { name: isolate(display.origin.name) })),
    receipt === null && element("p", { class: "problem" }, say("receipt.untrusted", { name: isolate(display.origin.name) })),
    !isStored && notStored(context, account),
    closes ? closing(context) : null,
    element(
      "details",
      { class: "details" },
      element("summary", {}, say("receipt.title")),
      receipt && receiptPairs(receipt, { stated: kind === "approved" && display.action !== undefined }),
      isEvident && keepsReceipts && element("p", { class: "quiet" }, say("receipt.kept")),
      receiptText !== "" && !keepsReceipts && !silent && button?.strong && element("p", { class: "quiet" }, say("receipt.not_kept")),
      receiptText !== "" && !silent && saveLink(shown.guid, receiptText),
    ),
    homeLink(),
  );
}

/**
 * Return the line that says that the view closes itself; null where somebody could be reading it by
 * keyboard or screen reader, or wants nothing to move.
 *
 * @param {ViewContext} context
 */
function closing({ go, signal }) {
  const isStill = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (isStill || !wasPressedByPointer()) return null;
  let left = SECONDS;
  const line = element("p", { class: "quiet closing" });
  const write = () => {
    line.textContent = say("outcome.closes", { seconds: left });
  };
  const stay = () => {
    clearInterval(timer);
    line.remove();
  };
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0) write();
    else {
      stay();
      go("#/");
    }
  }, 1000);
  for (const type of ["keydown", "pointerdown", "wheel"]) {
    window.addEventListener(type, stay, { signal, once: true });
  }
  signal.addEventListener("abort", stay, { once: true });
  write();
  return line;
}

/**
 * Say that the history does not have the answer yet, until it does.
 *
 * @param {ViewContext} context
 * @param {Account} account
 */
function notStored({ session: { wallet }, signal }, account) {
  const sentence = element("p", { class: "problem", role: "status" }, say("receipt.not_stored"));
  const listen = (/** @type {import("./device/index.js").ChangeEvent} */ { detail }) => {
    if (detail.type === "kept" && detail.device === account.device) sentence.remove();
  };
  wallet.addEventListener("change", listen);
  signal.addEventListener("abort", () => wallet.removeEventListener("change", listen), { once: true });
  return sentence;
}

/** @param {ShownRequest["display"]} display */
const usableUntil = ({ action, origin }) =>
  say("outcome.action", { name: isolate(origin.name), moment: writeMoment(action?.validUntil ?? "") });

/**
 * Return the mark of an outcome; the heading says the same.
 *
 * @param {"approved" | "declined" | "disowned"} kind
 */
const markOf = (kind) =>
  element("div", { class: `mark ${kind}`, "aria-hidden": "true" }, drawMark(kind === "declined" ? "no" : "yes"));

/** What each factor is, in the person's words. */
const FACTORS = /** @type {const} */ ({
  possession: "receipt.possession",
  "knowledge-or-inherence": "receipt.user_verified",
});

/**
 * @param {NonNullable<Outcome["receipt"]>} receipt
 * @param {{stated: boolean}} factors Whether the receipt states them.
 */
const receiptPairs = ({ at, factors, hash, number }, { stated }) =>
  element(
    "dl",
    { class: "pairs" },
    element("dt", {}, say("receipt.at")),
    element("dd", {}, writeMoment(at)),
    element("dt", {}, say("receipt.verified")),
    element("dd", {}, say("receipt.yes")),
    stated && element("dt", {}, say("receipt.factors")),
    stated && element("dd", {}, factors.map((factor) => say(FACTORS[factor])).join("; ")),
    element("dt", {}, say("receipt.number")),
    element("dd", {}, String(number)),
    element("dt", {}, say("receipt.hash")),
    element("dd", { class: "long" }, hash),
  );
/**
 * Return a link that saves a receipt as a file.
 *
 * @param {string} guid
 * @param {string} receipt
 */
export function saveLink(guid, receipt) {
  const save = () => {
    const address = URL.createObjectURL(new Blob([receipt], { type: "application/jose" }));
    element("a", { href: address, download: `receipt-${guid}.jws` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 0);
  };
  return element("button", { type: "button", class: "plain", click: save }, say("receipt.save"));
}
