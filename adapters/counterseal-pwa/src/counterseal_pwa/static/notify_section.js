/** The section that says whether this browser is notified of requests, with the button for it. */

import { element } from "./dom.js";
import { arrange } from "./keyed_list.js";
import { describe } from "./problems.js";
import { say } from "./texts.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */

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
  const title = element("h2", { id: "notify" }, say("notify.title"));
  const about = element("p", { class: "quiet" });
  const on = buttonOf("notify.turn_on", () => notifications.turnOn());
  const off = buttonOf("notify.turn_off", () => notifications.turnOff());

  async function fill() {
    const state = await notifications.state();
    about.textContent = say(`notify.${state}`);
    const buttons = state === "off" ? [on] : state === "on" ? [off] : [];
    arrange(section, [title, about, progress, problem, ...buttons]);
  }

  /**
   * @param {string} text
   * @param {() => Promise<void>} change
   */
  function buttonOf(text, change) {
    const press = async () => {
      const hadFocus = document.activeElement === button;
      button.disabled = true;
      problem.textContent = "";
      progress.textContent = say("notify.asking");
      try {
        await change();
      } catch (error) {
        problem.textContent = error instanceof DOMException ? say("notify.failed") : describe(error);
      } finally {
        progress.textContent = "";
        button.disabled = false;
      }
      await fill();
      // A disabled button has lost it, and now another one may be there.
      if (hadFocus && document.activeElement === document.body) section.querySelector("button")?.focus();
    };
    const button = element("button", { type: "button", class: "plain", click: () => void press() }, say(text));
    return button;
  }

  session.addEventListener("notifications", () => void fill(), { signal });
  void fill();
  return section;
}
