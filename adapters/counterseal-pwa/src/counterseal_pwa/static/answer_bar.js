/** The bar of a request's buttons; and the sheet of all of them, where they are too many for it. */

import { showDialog } from "./dialog.js";
import { element, foreign } from "./dom.js";
import { isBusy } from "./pressing.js";
import { say } from "./texts.js";

/** @typedef {import("./device/index.js").Display["buttons"][number]} Button */

/** Buttons that the bar has room for, and characters of a title: about two lines of a small screen. */
const MOST_BUTTONS = 3;
const MOST_CHARACTERS = 56;
/** Characters of the titles of two buttons that stand side by side. */
const SHORT = 22;

/**
 * Return the bar, its buttons, and `update`, which shows which of them wait for something.
 *
 * Size, shape and contrast are the same for all: who asks does not say which one is seen first.
 *
 * @param {readonly Button[]} buttons
 * @param {object} how
 * @param {(index: number) => void} how.press Called with the index of the button.
 * @param {(index: number) => boolean} how.isBlocked
 * @param {AbortSignal} how.ended Closes the sheet.
 */
export function answerBar(buttons, { press, isBlocked, ended }) {
  /** @type {{index: number, made: HTMLButtonElement}[]} */
  const answers = [];

  /** @param {number} index */
  function answerButton(index) {
    const { approves, title } = /** @type {Button} */ (buttons[index]);
    const made = buttonOf({ approves, title: foreign(title) }, () => press(index));
    answers.push({ index, made });
    return made;
  }

  // The service asks nobody who could not refuse.
  const first = buttons.findIndex(({ approves }) => !approves);
  const isWhole = buttons.length <= MOST_BUTTONS && buttons.every(({ title }) => title.length <= MOST_CHARACTERS);
  const shown = isWhole ? buttons.map((_, index) => answerButton(index)) : [];
  if (!isWhole) {
    shown.push(firstRefusal());
    const choose = () =>
      shown.some(isBusy) ||
      void chooseAnswer(buttons, { isBlocked, ended }).then((index) => index !== null && press(index));
    shown.push(element("button", { type: "button", class: "answer", click: choose }, say("request.choose")));
  }

  function firstRefusal() {
    const { title = "" } = buttons[first] ?? {};
    if (title.length <= MOST_CHARACTERS) return answerButton(first);
    return buttonOf({ approves: false, title: say("refuse.button") }, () => press(first));
  }

  function update() {
    for (const { index, made } of answers) if (!isBusy(made)) block(made, isBlocked(index));
  }

  update();
  const areShort = buttons.every(({ title }) => title.length <= SHORT);
  const layout = shown.length === 2 && (areShort || !isWhole) ? "answers beside" : "answers";
  const bar = element("div", { class: layout, role: "group", "aria-label": say("request.answers") }, ...shown);
  return { bar, buttons: shown, update };
}

/**
 * Let the person choose among all buttons, in their order; return the index, or null.
 *
 * @param {readonly Button[]} buttons
 * @param {{isBlocked: (index: number) => boolean, ended: AbortSignal}} how
 */
const chooseAnswer = (buttons, { isBlocked, ended }) =>
  showDialog(
    "choose-title",
    (/** @type {import("./dialog.js").DialogControls<number>} */ { cancel, close }) => [
      element("h2", { id: "choose-title" }, say("request.choose.title")),
      element(
        "div",
        { class: "answers" },
        ...buttons.map(({ approves, title }, index) => {
          const made = buttonOf({ approves, title: foreign(title) }, () => close(index));
          block(made, isBlocked(index));
          return made;
        }),
      ),
      element("button", { type: "button", class: "plain", click: cancel }, say("back")),
    ],
    { isSheet: true, ended },
  );

/**
 * Return a button with what it does below its title, whatever the title says.
 *
 * @param {{approves: boolean, title: Node | string}} what
 * @param {() => void} click
 */
function buttonOf({ approves, title }, click) {
  const meaning = approves ? "approves" : "refuses";
  return element(
    "button",
    { type: "button", class: `answer ${meaning}`, click, "aria-describedby": meaning },
    element("span", { class: "title" }, title),
    // A screen reader says it as the description.
    element("span", { class: "meaning", "aria-hidden": "true" }, approves ? "✓" : "✕", " ", say(`request.${meaning}`)),
  );
}

/** Return what buttons are described by. */
export const meanings = () =>
  ["approves", "refuses"].map((meaning) => element("p", { id: meaning, hidden: true }, say(`request.${meaning}`)));

/**
 * @param {HTMLButtonElement} button
 * @param {boolean} isBlocked
 */
function block(button, isBlocked) {
  if (isBlocked) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
  button.classList.toggle("blocked", isBlocked);
}
