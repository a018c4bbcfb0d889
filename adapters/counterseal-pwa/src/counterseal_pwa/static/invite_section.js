/** The section in which a device invites another one of the same person. */

import { element } from "./dom.js";
import { describe } from "./problems.js";
import { say } from "./texts.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {Awaited<ReturnType<Account["inviteDevice"]>>} DeviceInvitation */

/** Milliseconds between two looks at whether the new device has made its keys. */
const INTERVAL = 2000;

/**
 * Return the section; the link that it shows is given to the service again by the new device only.
 *
 * @param {ViewContext} context
 * @param {Account} account
 */
export function inviteSection(context, account) {
  const problem = element("p", { class: "problem", role: "alert" });
  const content = element("div", { class: "form" });
  const invite = element("button", { type: "button", class: "plain", click: () => void press() }, say("invite.button"));

  async function press() {
    invite.disabled = true;
    problem.textContent = "";
    try {
      const invitation = await account.inviteDevice();
      // Few people ever need it, and it needs the service anyway.
      const { newLink } = await import("./new_link.js");
      content.replaceChildren(...newLink(invitation).filter((each) => each !== null));
      content.querySelector("input")?.focus();
      await follow(context, invitation);
    } catch (error) {
      problem.textContent = describe(error);
    } finally {
      invite.disabled = false;
    }
  }

  content.append(element("p", { class: "quiet" }, say("invite.about")), invite);
  return element(
    "section",
    { "aria-labelledby": "invite" },
    element("h2", { id: "invite" }, say("invite.title")),
    content,
    problem,
  );
}

/**
 * Go to the new device as soon as it waits to be confirmed.
 *
 * @param {ViewContext} context
 * @param {DeviceInvitation} invitation
 */
async function follow({ session, signal, go }, { device, expiresAt }) {
  while (!signal.aborted && Date.now() < Date.parse(expiresAt)) {
    await session.readNewDevices();
    if (signal.aborted) return;
    if (session.newDevice(device)) {
      go(`#/device/${device}`);
      return;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, INTERVAL);
    });
  }
}
