/** The section in which a device invites another one of the same person. */

import { element } from "./dom.js";
import { describe } from "./problems.js";
import { say, writeMoment } from "./texts.js";

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
  const invite = element("button", { type: "button", class: "plain", click: press }, say("invite.button"));

  async function press() {
    invite.disabled = true;
    problem.textContent = "";
    try {
      const invitation = await account.inviteDevice();
      content.replaceChildren(...linkOf(invitation));
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

/** @param {DeviceInvitation} invitation */
function linkOf({ link, expiresAt }) {
  const field = element("input", { id: "new-link", readonly: true, autocomplete: "off", "aria-describedby": "link-about" });
  field.value = link;
  field.addEventListener("focus", () => field.select());
  const status = element("p", { role: "status", class: "quiet" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link);
      status.textContent = say("invite.copied");
    } catch {
      field.focus();
      status.textContent = say("invite.select");
    }
  };
  // Whoever closes the browser's dialog has decided so.
  const share = () => navigator.share({ url: link }).catch(() => undefined);
  return [
    element("p", { id: "link-about" }, say("invite.open")),
    element("label", { for: "new-link" }, say("invite.link")),
    field,
    element(
      "div",
      { class: "row" },
      element("button", { type: "button", class: "plain", click: copy }, say("invite.copy")),
      "share" in navigator && element("button", { type: "button", class: "plain", click: share }, say("invite.share")),
    ),
    status,
    element("p", { class: "quiet" }, say("invite.until"), " ", writeMoment(expiresAt)),
    element("p", { role: "status" }, say("invite.wait")),
  ];
}
