/** The section that says whether this browser is notified of requests, with the button for it. */

import { element } from "./dom.js";
import { arrange } from "./keyed_list.js";
import { pressing } from "./pressing.js";
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
    // What cannot be told, such as of a store that fails, cannot be turned on either.
    const state = await notifications.state().catch(() => /** @type {const} */ ("impossible"));
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
      progress.textContent = say("notify.asking");
      await pressing(button, problem, change, {
        fail: (error) => (error instanceof DOMException ? say("notify.failed") : describe(error)),
      });
      progress.textContent = "";
      await fill();
      // The button may have gone, and now another one is there.
      if (hadFocus && document.activeElement === document.body) section.querySelector("button")?.focus();
    };
    const button = element("button", { type: "button", class: "plain", click: () => void press() }, say(text));
    return button;
  }

  // The service may say only later whether it sends any.
  for (const type of ["notifications", "connection"]) session.addEventListener(type, () => void fill(), { signal });
  void fill();
  return section;
}
