/** The view after the last wrong PIN: this device answers no more, and its account can be removed. */

import { element, isolate } from "./dom.js";
import { homeLink } from "./home_link.js";
import { identityOf } from "./identity.js";
import { removal } from "./removal.js";
import { say } from "./texts.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */

/**
 * @param {ViewContext} context
 * @param {Account} account
 */
export async function showBlocked(context, account) {
  // The next call says what became of this device, and its keys are deleted.
  await account.status().catch(() => undefined);
  context.fill(
    say("blocked.title"),
    identityOf(account, await context.session.wallet.accounts()),
    element("p", { role: "alert" }, say("blocked.about", { name: isolate(account.appSpaceName) })),
    removal(context, account, { isEnded: true }),
    homeLink(),
  );
}
