/** The link with which a new device is invited: as a QR code, to copy, and to share. */

import { element } from "./dom.js";
import { encodeQrCode } from "./qr_code.js";
import { say, writeMoment } from "./texts.js";

/** Modules of light around the code, of which a camera needs four. */
const QUIET = 4;
const SVG = "http://www.w3.org/2000/svg";

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
  return [
    element("p", { id: "link-about" }, say("invite.open")),
    drawCode(link),
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

/**
 * Draw a text as a QR code; null if it is too long for one.
 *
 * @param {string} text
 */
function drawCode(text) {
  const rows = encodeQrCode(text);
  if (rows === null) return null;
  const size = rows.length + 2 * QUIET;
  const parts = rows.flatMap((row, y) =>
    row.flatMap((isDark, x) => (isDark ? [`M${x + QUIET} ${y + QUIET}h1v1h-1z`] : [])),
  );
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", parts.join(""));
  const drawing = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": say("invite.code"), class: "qr" };
  for (const [name, value] of Object.entries(attributes)) drawing.setAttribute(name, value);
  drawing.append(path);
  return drawing;
}
