/** The sheet of a refusal: why the person refuses, if they say so. */

import { REASONS } from "./device/index.js";
import { cancelButton, showDialog } from "./dialog.js";
import { element, foreign, isolate } from "./dom.js";
import { say } from "./texts.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").ShownRequest} ShownRequest */

/**
 * What a person chooses: to refuse, with a reason or without one; or to say that it was not them.
 *
 * @typedef {{type: "refuse", reason?: typeof REASONS[number]} | {type: "disown"}} Refusal
 */

/** Milliseconds without a touch after which the refusal is sent. */
const PATIENCE = 60_000;
/** Milliseconds for which a prepared refusal is used: less than a service accepts its proof. */
const FRESH = 100_000;
/** Milliseconds before the end of a request at which the refusal is sent. */
const MARGIN = 5000;
/** What counts as a touch. */
const TOUCHES = ["keydown", "pointerdown", "focusin"];

/**
 * Ask why the person refuses.
 *
 * A refusal by the device key is signed before: if the sheet is closed or hidden, or not touched for
 * a minute, it is sent without a reason. A strong key signs what was chosen, so leaving the sheet
 * refuses nothing.
 *
 * @param {Account} account
 * @param {ShownRequest} shown
 * @param {number} index Of the button that was pressed.
 * @param {{ended: AbortSignal, left: AbortSignal}} how `ended`: closes the sheet; `left`: aborted when
 *   another view has come.
 * @returns {Promise<Refusal | null>} Null if nothing was refused.
 */
export async function askRefusal(account, shown, index, { ended, left }) {
  const { strong, title } = /** @type {ShownRequest["display"]["buttons"][number]} */ (shown.display.buttons[index]);
  const isSigned = !strong;
  const prepare = () => account.prepareRefusal(shown, { button: index });
  let sendAtOnce = isSigned ? await prepare() : null;
  // Nobody is asked in front of another view.
  if (left.aborted) return isSigned ? { type: "refuse" } : null;
  const span = Date.parse(shown.display.expiresAt) - account.now() - MARGIN;
  const chosen = await showDialog(
    "refusal-title",
    (/** @type {import("./dialog.js").DialogControls<Refusal>} */ controls) => {
      const { close, signal } = controls;
      if (isSigned) {
        const send = () => {
          sendAtOnce?.();
          close({ type: "refuse" });
        };
        sendWhenLeft(send, span, signal);
        const renewing = setInterval(() => {
          prepare().then(
            (prepared) => {
              sendAtOnce = prepared;
            },
            () => undefined,
          );
        }, FRESH);
        signal.addEventListener("abort", () => clearInterval(renewing));
      }
      return contentOf(shown.display, title, isSigned, controls);
    },
    { isSheet: true, ended },
  );
  if (ended.aborted) return null;
  return chosen ?? (isSigned ? { type: "refuse" } : null);
}

/**
 * Call *send* when the page is hidden or left, when the sheet was not touched for a minute, or after
 * a span, whoever touches it.
 *
 * @param {() => void} send
 * @param {number} span In milliseconds.
 * @param {AbortSignal} signal
 */
function sendWhenLeft(send, span, signal) {
  const last = setTimeout(send, Math.max(0, span));
  let timer = setTimeout(send, PATIENCE);
  const touch = () => {
    clearTimeout(timer);
    timer = setTimeout(send, PATIENCE);
  };
  for (const type of TOUCHES) document.addEventListener(type, touch, { signal, capture: true });
  const leave = () => document.hidden && send();
  document.addEventListener("visibilitychange", leave, { signal });
  window.addEventListener("pagehide", send, { signal });
  signal.addEventListener("abort", () => {
    clearTimeout(last);
    clearTimeout(timer);
  });
  // It may have been hidden before the refusal was signed.
  if (document.hidden) setTimeout(send);
}

/**
 * @param {ShownRequest["display"]} display
 * @param {string} title Of the button that was pressed.
 * @param {boolean} isSigned
 * @param {import("./dialog.js").DialogControls<Refusal>} controls
 */
function contentOf({ origin }, title, isSigned, controls) {
  const name = isolate(origin.name);
  const choice = (/** @type {string} */ text, /** @type {Refusal} */ refusal, /** @type {string} */ kind) =>
    element("button", { type: "button", class: kind, click: () => controls.close(refusal) }, text);
  const reasons = REASONS.map((reason) => choice(say(`reason.${reason}`), { type: "refuse", reason }, "reason"));
  return [
    element("h2", { id: "refusal-title" }, foreign(title)),
    element("p", { class: "quiet" }, say("refuse.why", { name })),
    ...reasons,
    choice(say("request.disown"), { type: "disown" }, "reason disown"),
    choice(say("refuse.plain"), { type: "refuse" }, "main plain-refusal"),
    element("p", { class: "quiet" }, say(isSigned ? "refuse.leave" : "refuse.stay")),
    isSigned ? null : cancelButton(controls, say("back")),
  ];
}
