/** Removal: what ends an account in this browser. */

import { Unavailable } from "./device/index.js";
import { element, isolate } from "./dom.js";
import { pressing } from "./pressing.js";
import { describe } from "./problems.js";
import { say } from "./texts.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */

/**
 * Return what removes the account: the device revokes itself, and its keys are deleted here.
 *
 * @param {ViewContext} context
 * @param {Account} account
 * @param {{isEnded?: boolean}} [how] `isEnded`: the view says already that the device is revoked.
 */
export function removal(context, account, { isEnded = false } = {}) {
  const { session } = context;
  const isRevoked = isEnded || account.state === "REVOKED";
  // The service accepts no call of it, and ends an unconfirmed one by itself.
  const isRefused = isRevoked || account.state === "UNCONFIRMED";
  const about = isEnded ? "remove.rest" : isRevoked ? "problem.revoked" : isRefused ? "remove.unconfirmed" : "remove.about";
  const problem = element("p", { class: "problem", role: "alert" });
  const forget = () => session.wallet.forget(account.device);
  const only = button("remove.only", () => void leave(forget));
  const remove = button("remove.button", () => void leave(isRefused ? forget : () => account.unbind()));
  only.hidden = true;

  /** @param {() => Promise<void>} change */
  function leave(change) {
    const work = async () => {
      await change();
      await session.endNotifications();
      context.go("#/");
    };
    return pressing([remove, only], problem, work, { fail });
  }

  /** @param {unknown} error */
  function fail(error) {
    // The service still accepts the keys: deleting them only here is the person's choice.
    only.hidden = !(error instanceof Unavailable);
    return only.hidden ? describe(error) : say("remove.unreached", { name: isolate(account.appSpaceName) });
  }

  return element(
    "details",
    { open: isRevoked },
    element("summary", {}, say("remove.title")),
    element("p", {}, say(about)),
    problem,
    element("div", { class: "form" }, remove, only),
  );
}

/**
 * @param {string} text
 * @param {() => void} click
 */
const button = (text, click) =>
  element("button", { type: "button", class: "plain danger", click }, say(text));
