/** The link with which a new device is invited: as a QR code, to copy, and to share. */

import { element } from "./dom.js";
import { drawCode } from "./drawing.js";
import { encodeQrCode } from "./qr_code.js";
import { say, writeMoment } from "./texts.js";

/**
 * Return the elements that show an invitation.
 *
 * @param {{link: string, expiresAt: string}} invitation
 */
export function newLink({ link, expiresAt }) {
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
  // It is too long for a code where there are no rows.
  const rows = encodeQrCode(link);
  return [
    element("p", { id: "link-about" }, say("invite.open")),
    rows && drawCode(rows, say("invite.code")),
    element("label", { for: "new-link" }, say("invite.link")),
    field,
    element(
      "div",
      { class: "row" },
      element("button", { type: "button", class: "plain", click: () => void copy() }, say("invite.copy")),
      "share" in navigator && element("button", { type: "button", class: "plain", click: () => void share() }, say("invite.share")),
    ),
    status,
    element("p", { class: "quiet" }, say("invite.until"), " ", writeMoment(expiresAt)),
    element("p", { role: "status" }, say("invite.wait")),
  ];
}
