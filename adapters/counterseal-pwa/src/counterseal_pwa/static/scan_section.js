/** The section that reads a bind link from a QR code by the camera, where the browser can. */

import { element } from "./dom.js";
import { showBind } from "./bind_view.js";
import { say } from "./texts.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */

const FORMAT = "qr_code";

/**
 * Return the section, which says so where codes cannot be read here.
 *
 * @param {ViewContext} context
 */
export function scanSection(context) {
  const problem = element("p", { class: "problem", role: "alert" });
  const section = element("div", { class: "scan" });

  async function press() {
    problem.textContent = "";
    try {
      const { scan } = await import("./camera.js");
      const link = await scan(FORMAT);
      if (link !== null) void showBind(context, link);
    } catch (error) {
      const isForbidden = error instanceof DOMException && error.name === "NotAllowedError";
      problem.textContent = say(isForbidden ? "scan.forbidden" : "scan.no_camera");
    }
  }

  void canScan().then((can) => {
    section.append(
      can
        ? element("button", { type: "button", class: "plain", click: () => void press() }, say("scan.button"))
        : element("p", { class: "quiet" }, say("scan.impossible")),
      problem,
    );
  });
  return section;
}

async function canScan() {
  const { BarcodeDetector } = /** @type {any} */ (window);
  if (!BarcodeDetector || !navigator.mediaDevices) return false;
  return (await BarcodeDetector.getSupportedFormats()).includes(FORMAT);
}
