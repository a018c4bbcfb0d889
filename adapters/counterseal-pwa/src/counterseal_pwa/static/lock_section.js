/** The section that locks the account, for all devices of it. */

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
