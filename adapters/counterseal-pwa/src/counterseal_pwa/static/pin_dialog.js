/** The dialog that asks for a PIN. */

import { cancelButton, showDialog } from "./dialog.js";
import { element, foreign } from "./dom.js";
import { askedPin, noteAsked, noteClosed } from "./pin_attempts.js";
import { documentsOf, kindOf, wholeOf } from "./summaries.js";
import { say } from "./texts.js";

/** @typedef {import("./device/index.js").Use} Use */

const LEAST = 6;
const MOST = 12;

/**
 * What is signed, and the answer.
 *
 * @typedef {object} Question
 * @property {readonly (Node | null)[]} content
 * @property {string} button The answer that was chosen.
 */

/**
 * Ask for the PIN; a new one twice.
 *
 * The dialog of a PIN that signs stays until `repeatWrongPins` knows what came of it.
 *
 * @param {Use | {purpose: "create"}} use What the PIN is for; the dialog shows nothing else.
 * @returns {Promise<string | null>} Null if the person does not give it.
 */
export async function askPin(use) {
  const subject = subjectOf(use);
  const waiting = askedPin(subject);
  if (waiting !== null) return waiting.next();
  let isLeft = false;
  const noteLeft = () => {
    isLeft = true;
  };
  window.addEventListener("hashchange", noteLeft, { once: true });
  const question = await questionOf(use);
  window.removeEventListener("hashchange", noteLeft);
  return isLeft ? null : openDialog(subject, use.purpose === "create", question).next();
}

/**
 * Return what a use is about; each time it is the same object.
 *
 * @param {Use | {purpose: "create"}} use
 */
const subjectOf = (use) => (use.purpose === "answer" ? use.request : use.purpose === "confirm" ? use.newDevice : use);

/**
 * Open the dialog, and return what gives the PINs that are typed in it.
 *
 * @param {unknown} subject
 * @param {boolean} isNew
 * @param {Question | null} question
 * @returns {import("./pin_attempts.js").AskedPin}
 */
function openDialog(subject, isNew, question) {
  const pin = field("pin", { autofocus: true });
  const again = field("pin-again");
  const problem = element("p", { class: "problem", role: "alert", id: "pin-problem" });
  const button = element("button", { class: "main" }, question ? foreign(question.button) : say("continue"));
  let close = () => undefined;
  /** @type {HTMLButtonElement | undefined} */
  let leave;
  let give = (/** @type {string | null} */ _) => undefined;
  /** @type {Promise<string | null>} */
  let given = Promise.resolve(null);

  function ask(text = "") {
    problem.textContent = text;
    pin.readOnly = false;
    pin.value = "";
    for (const each of [button, leave]) each?.removeAttribute("aria-disabled");
    pin.focus();
    asked.isGiven = false;
    given = new Promise((resolve) => {
      give = (value) => void resolve(value);
    });
  }

  const asked = { subject, isGiven: false, ask, close: () => close(), next: () => given };

  function submit(/** @type {Event} */ event) {
    event.preventDefault();
    if (asked.isGiven) return;
    const fault = faultOf(pin.value, isNew ? again.value : null);
    problem.textContent = fault === null ? "" : say(fault, { least: LEAST });
    if (fault !== null) {
      pin.focus();
      return;
    }
    asked.isGiven = true;
    give(pin.value);
    if (isNew) close();
    // What is on its way cannot be taken back.
    pin.readOnly = true;
    for (const each of [button, leave]) each?.setAttribute("aria-disabled", "true");
  }

  const build = (/** @type {import("./dialog.js").DialogControls<null>} */ controls) => {
    close = () => void controls.cancel();
    leave = cancelButton({ cancel: () => asked.isGiven || controls.cancel() });
    const form = element(
      "form",
      { method: "dialog", submit },
      element("h2", { id: "pin-title" }, say(isNew ? "pin.new.title" : "pin.title")),
      isNew && element("p", { class: "quiet" }, say("pin.new.about", { least: LEAST })),
      ...(question?.content ?? []),
      element("label", { for: "pin" }, say("pin.label")),
      pin,
      isNew && element("label", { for: "pin-again" }, say("pin.again")),
      isNew && again,
      problem,
      element("div", { class: "row" }, leave, button),
    );
    return [form];
  };
  const closed = showDialog("pin-title", build, { mayLeave: () => !asked.isGiven });
  ask();
  if (!isNew) noteAsked(asked);
  void closed.then(() => {
    give(null);
    noteClosed(asked);
  });
  return asked;
}

/**
 * Return what is signed, and the answer.
 *
 * @param {Use | {purpose: "create"}} use
 * @returns {Promise<Question | null>}
 */
async function questionOf(use) {
  if (use.purpose === "answer") {
    const { display } = use.request;
    const button = use.button.title;
    return { button, content: [...(await partsOf(display)), answerOf(button)] };
  }
  if (use.purpose === "confirm") {
    const button = say(`decide.${use.choice}`);
    return { button, content: [element("p", { class: "scrolled" }, foreign(use.newDevice.name)), answerOf(button)] };
  }
  return null;
}

/** @param {string} button */
const answerOf = (button) =>
  element("p", {}, say("outcome.answer"), " ", element("strong", {}, foreign(button)));

/** @param {import("./device/index.js").Display} display */
async function partsOf(display) {
  const text = wholeOf(display);
  const { names, others } = documentsOf(display);
  const items = names.map((name) => element("li", {}, foreign(name)));
  if (others > 0) items.push(element("li", {}, say("more", { count: others })));
  const lines = display.action
    ? (await import("./reading_order.js")).summaryInOrder(text)
    : [foreign(text, { lines: true })];
  return [
    element("p", { class: "quiet" }, say("pin.signs"), " ", kindOf(display), " · ", foreign(display.origin.name)),
    // A long text scrolls, by keys too.
    element("p", { class: "scrolled", tabindex: "0" }, ...lines),
    items.length > 0 ? element("ul", { class: "signed" }, ...items) : null,
  ];
}

/**
 * @param {string} id
 * @param {{autofocus?: boolean}} [how]
 */
const field = (id, { autofocus = false } = {}) =>
  element("input", {
    id,
    autofocus,
    type: "password",
    inputmode: "numeric",
    maxlength: MOST,
    // A browser that stores the PIN would keep it beside the key that it protects.
    autocomplete: "off",
    "aria-describedby": "pin-problem",
  });

/**
 * Return the key of what is wrong with a PIN, or null.
 *
 * @param {string} pin
 * @param {string | null} again Null if the PIN is not new.
 */
function faultOf(pin, again) {
  if (again === null) return pin ? null : "pin.missing";
  if (!/^\d+$/.test(pin) || pin.length < LEAST) return "pin.short";
  if (isGuessed(pin)) return "pin.simple";
  return pin === again ? null : "pin.differs";
}

/**
 * Tell whether all steps between digits are the same, as in 000000 and 123456.
 *
 * @param {string} pin
 */
function isGuessed(pin) {
  const digits = [...pin].map(Number);
  const steps = digits.slice(1).map((digit, index) => digit - (digits[index] ?? 0));
  return steps.every((step) => step === steps[0]);
}
