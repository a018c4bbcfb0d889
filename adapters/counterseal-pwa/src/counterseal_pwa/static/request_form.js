/** The form of a request: its buttons in their order, the code, the reason, and the report. */

import { readColours } from "./colours.js";
import { REASONS } from "./device/index.js";
import { element, foreign } from "./dom.js";
import { isBusy, pressing } from "./pressing.js";
import { describe } from "./problems.js";
import { say } from "./texts.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Outcome} Outcome */
/** @typedef {import("./device/index.js").ShownRequest} ShownRequest */

/**
 * Return the form of a request: its parts, whether an answer is on its way, and `sendAgain`, which
 * sends the answer again that had no reply, and returns false if there is none.
 *
 * @param {Account} account
 * @param {ShownRequest} shown
 * @param {object} view
 * @param {() => boolean} view.areChecked Whether all documents are; before, nothing is approved.
 * @param {(outcome: Outcome) => void} view.finish Called with what came of the answer.
 * @param {(error: unknown) => Promise<void>} view.fail Called if none did.
 */
export function requestForm(account, shown, { areChecked, finish, fail }) {
  const { display } = shown;
  const problem = element("p", { class: "problem", role: "alert" });
  const code = display.code ? codeField() : null;
  const reasons = reasonList();
  /** @type {(() => Promise<Outcome>) | null} Sends what was pressed, the same while it is unconfirmed. */
  let send = null;

  /** @param {() => Promise<Outcome>} answer */
  async function press(answer) {
    if (send === null || !account.isUnconfirmed(shown)) send = answer;
    const work = async () => finish(await answer());
    const explain = async (/** @type {unknown} */ error) => {
      await fail(error);
      return describe(error);
    };
    await pressing(buttons, problem, work, { fail: explain });
    updateBlocked();
  }

  /** @param {number} index Of a button. */
  const isBlocked = (index) => display.buttons[index]?.approves === true && !areChecked();

  /** @param {number} index */
  function pressAnswer(index) {
    if (isBlocked(index)) {
      problem.textContent = say("problem.attachment_unchecked");
      return;
    }
    const reason = display.buttons[index]?.approves ? undefined : reasons.chosen();
    const choice = { button: index, code: code?.value ?? "", reason };
    void press(() => account.answer(shown, choice));
  }

  const answers = display.buttons.map((button, index) =>
    answerButton(button, { click: () => pressAnswer(index), isBlocked: isBlocked(index) }),
  );
  const pressDisown = () => {
    const choice = { reason: reasons.chosen() };
    void press(() => account.disown(shown, choice));
  };
  const disown = element(
    "button",
    { type: "button", class: "disown", click: pressDisown },
    say("request.disown"),
  );
  const buttons = [...answers, disown];

  /** Show which buttons wait for documents. */
  function updateBlocked() {
    for (const [index, button] of answers.entries()) {
      if (isBusy(button)) continue;
      if (isBlocked(index)) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
      button.classList.toggle("blocked", isBlocked(index));
    }
  }

  function sendAgain() {
    if (send === null || !account.isUnconfirmed(shown)) return false;
    void press(send);
    return true;
  }

  updateBlocked();
  const parts = [
    code && element("div", { class: "form" }, element("label", { for: "code" }, say("request.code")), code),
    problem,
    element("div", { class: "answers", role: "group", "aria-label": say("request.answers") }, ...answers),
    element("p", { id: "approves", hidden: true }, say("request.approves")),
    element("p", { id: "refuses", hidden: true }, say("request.refuses")),
    reasons.list,
    element("p", { class: "quiet centred" }, say("request.disown.about")),
    disown,
  ];
  return { parts, updateBlocked, sendAgain, isBusy: () => isBusy(disown) };
}

/**
 * @param {ShownRequest["display"]["buttons"][number]} button
 * @param {{click: () => void, isBlocked: boolean}} how
 */
function answerButton({ approves, style, title }, { click, isBlocked }) {
  const meaning = approves ? "approves" : "refuses";
  const description = isBlocked ? `${meaning} unchecked` : meaning;
  const button = element(
    "button",
    { type: "button", class: `answer ${meaning}`, click, "aria-describedby": description },
    foreign(title),
  );
  const colours = readColours(style);
  if (colours) {
    button.style.backgroundColor = colours.background;
    button.style.color = colours.text;
    button.style.borderColor = colours.text;
  }
  return button;
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

/** Return a list to choose a reason from, and what is chosen in it while it is open. */
function reasonList() {
  const inputs = REASONS.map((value) => element("input", { type: "radio", name: "reason", value }));
  const list = element(
    "details",
    { class: "reasons" },
    element("summary", {}, say("reason.title")),
    element(
      "fieldset",
      {},
      element("legend", { class: "quiet" }, say("reason.about")),
      ...inputs.map((input) => element("label", { class: "choice" }, input, say(`reason.${input.value}`))),
    ),
  );
  // What is out of sight is not sent.
  list.addEventListener("toggle", () => {
    if (!list.open) for (const input of inputs) input.checked = false;
  });
  const chosen = () => REASONS.find((_, index) => inputs[index]?.checked);
  return { list, chosen };
}
