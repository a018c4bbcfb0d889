/** The section that locks the account, for all devices of it. */

import { cancelButton, showDialog } from "./dialog.js";
import { element, isolate } from "./dom.js";
import { identityOf } from "./identity.js";
import { pressing } from "./pressing.js";
import { say } from "./texts.js";

/** @typedef {import("./device/index.js").Account} Account */

/**
 * @param {Account} account
 * @param {readonly Account[]} accounts All of this browser.
 */
export function lockSection(account, accounts) {
  const name = isolate(account.appSpaceName);
  const status = element("p", { role: "status" });
  const problem = element("p", { class: "problem", role: "alert" });
  const about = element("p", {}, say("lock.about", { name }));
  const button = element("button", { type: "button", class: "plain danger", click: () => void lock() }, say("lock.title"));

  const lock = () =>
    pressing(button, problem, async () => {
      if (!(await confirmLock(name))) return;
      await account.lock();
      status.textContent = say("lock.done", { name });
      about.remove();
      button.remove();
    });

  return element(
    "details",
    {},
    element("summary", {}, say("lock.title")),
    identityOf(account, accounts),
    about,
    status,
    problem,
    button,
  );
}

/**
 * Ask once more, and say what follows and who alone can undo it; a PIN would take time in danger.
 *
 * @param {string} name
 */
const confirmLock = (name) =>
  showDialog(
    "lock-title",
    (/** @type {import("./dialog.js").DialogControls<boolean>} */ controls) => [
      element("h2", { id: "lock-title" }, say("lock.sure")),
      element("p", {}, say("lock.about", { name })),
      element(
        "div",
        { class: "row" },
        cancelButton(controls),
        element("button", { type: "button", class: "plain danger", click: () => controls.close(true) }, say("lock.button")),
      ),
    ],
    { isSheet: true },
  );
