/** The form of a request: its buttons, the code, and how it is refused. */

import { answerBar, meanings } from "./answer_bar.js";
import { element, isolate } from "./dom.js";
import { askedPin, closeUngiven, repeatWrongPins } from "./pin_attempts.js";
import { isBusy, pressing } from "./pressing.js";
import { describe, isCode } from "./problems.js";
import { say } from "./texts.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Outcome} Outcome */
/** @typedef {import("./device/index.js").ShownRequest} ShownRequest */

/**
 * What keeps a button that approves from being pressed: a text, until `isDone`.
 *
 * @typedef {object} Condition
 * @property {() => boolean} isDone
 * @property {string} problem What is said if it is pressed before.
 */

/**
 * Return the form of a request: the field of the code, the bar, whether an answer is on its way,
 * `end`, which closes what it has opened, and `sendAgain`, which sends the answer again that had no
 * reply, and returns false if there is none.
 *
 * @param {Account} account
 * @param {ShownRequest} shown
 * @param {object} view
 * @param {readonly Condition[]} view.conditions
 * @param {readonly (HTMLElement | null)[]} view.above What stands in the bar above the buttons.
 * @param {(outcome: Outcome) => void} view.finish Called with what came of the answer.
 * @param {(error: unknown) => Promise<void>} view.fail Called if none did.
 * @param {() => void} view.settle Called once nothing is on its way.
 * @param {AbortSignal} view.signal Aborted when another view comes.
 */
export function requestForm(account, shown, { conditions, above, finish, fail, settle, signal }) {
  const { display } = shown;
  const ended = new AbortController();
  const problem = element("p", { class: "problem", role: "alert" });
  const code = display.code ? codeField() : null;
  let isSending = false;

  /** @param {() => Promise<Outcome>} send */
  async function press(send) {
    const work = async () => {
      const outcome = await repeatWrongPins(shown, send);
      ended.abort();
      finish(outcome);
    };
    const explain = async (/** @type {unknown} */ error) => {
      await fail(error);
      if (isCode(error)) {
        code?.focus();
        code?.select();
      }
      return describe(error);
    };
    isSending = true;
    await pressing(buttons, problem, work, { fail: explain });
    isSending = false;
    update();
    settle();
  }

  /** @param {number} index Of a button. */
  const missing = (index) =>
    display.buttons[index]?.approves ? conditions.find(({ isDone }) => !isDone()) : undefined;

  /** @param {number} index Of a button. */
  async function pressAnswer(index) {
    if (buttons.some(isBusy)) return;
    const approves = display.buttons[index]?.approves === true;
    const unconfirmed = account.unconfirmed(shown);
    // Only what was sent can be sent again; the service may have it.
    if (unconfirmed) {
      const isSame = approves ? unconfirmed.button === index : !unconfirmed.approves;
      if (isSame) void press(() => account.sendAgain(shown));
      else problem.textContent = say("problem.answer_unconfirmed");
      return;
    }
    const condition = missing(index);
    if (condition) {
      problem.textContent = condition.problem;
      return;
    }
    if (approves) void press(() => account.answer(shown, { button: index, code: code?.value ?? "" }));
    else await refuse(index);
  }

  /** @param {number} index */
  async function refuse(index) {
    /** @type {import("./refusal_sheet.js").Refusal | null} */
    let refusal = null;
    const work = async () => {
      const { askRefusal } = await import("./refusal_sheet.js");
      refusal = await askRefusal(account, shown, index, { ended: ended.signal, left: signal });
    };
    await pressing(buttons, problem, work);
    update();
    sendRefusal(index, refusal);
  }

  /**
   * @param {number} index
   * @param {import("./refusal_sheet.js").Refusal | null} refusal
   */
  function sendRefusal(index, refusal) {
    if (ended.signal.aborted) return;
    if (refusal === null) {
      if (problem.textContent === "") problem.textContent = say("refuse.open");
    } else if (refusal.type === "disown") {
      void press(() => account.disown(shown));
    } else {
      const { reason } = refusal;
      void press(() => account.answer(shown, { button: index, reason }));
    }
  }

  const { bar, buttons, update } = answerBar(display.buttons, {
    press: (index) => void pressAnswer(index),
    isBlocked: (index) => missing(index) !== undefined,
    ended: ended.signal,
  });

  function sendAgain() {
    if (!account.isUnconfirmed(shown)) return false;
    void press(() => account.sendAgain(shown));
    return true;
  }

  function end() {
    ended.abort();
    closeUngiven(shown);
  }

  return {
    code: code && element("div", { class: "form" }, element("label", { for: "code" }, say("request.code", { name: isolate(display.origin.name) })), code),
    bar: element("div", { class: "answer-bar" }, ...above, problem, bar, ...meanings()),
    update,
    end,
    sendAgain,
    /** Whether an answer may be on its way; before a PIN is given, none is. */
    isBusy: () => isSending && askedPin(shown)?.isGiven !== false,
  };
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
