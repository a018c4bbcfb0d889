/** The section that says whether this browser is notified of requests, with the button for it. */

import { element } from "./dom.js";
import { describe } from "./problems.js";
import { say } from "./texts.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./notifications.js").NotificationState} NotificationState */

/**
 * Return the section, which is filled once the state is known.
 *
 * @param {ViewContext} context
 */
export function notifySection({ session, signal }) {
  const { notifications } = session;
  const section = element("section", { "aria-labelledby": "notify" });
  const problem = element("p", { class: "problem", role: "alert" });
  const progress = element("p", { class: "quiet", role: "status" });

  async function fill() {
    const state = await notifications.state();
    section.replaceChildren(
      element("h2", { id: "notify" }, say("notify.title")),
      element("p", { class: "quiet" }, say(`notify.${state}`)),
      progress,
      problem,
      ...buttonsOf(state),
    );
  }

  /** @param {NotificationState} state */
  function buttonsOf(state) {
    if (state === "off") return [buttonOf("notify.turn_on", () => notifications.turnOn())];
    if (state === "on") return [buttonOf("notify.turn_off", () => notifications.turnOff())];
    return [];
  }

  /**
   * @param {string} text
   * @param {() => Promise<void>} change
   */
  function buttonOf(text, change) {
    const press = async () => {
      button.disabled = true;
      problem.textContent = "";
      progress.textContent = say("notify.asking");
      try {
        await change();
      } catch (error) {
        problem.textContent = error instanceof DOMException ? say("notify.failed") : describe(error);
      } finally {
        progress.textContent = "";
      }
      await fill();
    };
    const button = element("button", { type: "button", class: "plain", click: press }, say(text));
    return button;
  }

  session.addEventListener("notifications", fill, { signal });
  fill();
  return section;
}
