/** The section in which a device invites another one of the same person. */

import { element } from "./dom.js";
import { pressing } from "./pressing.js";
import { say } from "./texts.js";
import { systemRandom } from "./wire/bytes.js";
import { Pauses, systemSleep } from "./wire/pause.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {Awaited<ReturnType<Account["inviteDevice"]>>} DeviceInvitation */

/** Milliseconds between two looks at whether the new device has made its keys. */
const LOOKS = { first: 2000, longest: 10_000, growth: 1.1 };

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

  const press = () =>
    pressing(invite, problem, async () => {
      const invitation = await account.inviteDevice();
      // Few people ever need it, and it needs the service anyway.
      const { newLink } = await import("./new_link.js");
      content.replaceChildren(...newLink(invitation).filter((each) => each !== null));
      content.querySelector("input")?.focus();
      await follow(context, invitation);
    });

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
  const pauses = new Pauses({ random: systemRandom, ...LOOKS });
  while (!signal.aborted && Date.now() < Date.parse(expiresAt)) {
    await session.waitingDevices.read();
    if (session.waitingDevices.find(device)) {
      go(`#/device/${device}`);
      return;
    }
    await systemSleep(pauses.next(), signal).catch(() => undefined);
  }
}
