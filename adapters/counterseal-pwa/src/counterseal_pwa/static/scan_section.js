/** The section that reads a bind link from a QR code by the camera, where the browser can. */

import { element } from "./dom.js";
import { showBind } from "./bind_view.js";
import { pressing } from "./pressing.js";
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

  const button = element("button", { type: "button", class: "plain", click: () => void press() }, say("scan.button"));
  const press = () =>
    pressing(
      button,
      problem,
      async () => {
        const { scan } = await import("./camera.js");
        const link = await scan(FORMAT, context.signal);
        if (link !== null) await showBind(context, link);
      },
      { fail: (error) => say(isForbidden(error) ? "scan.forbidden" : "scan.no_camera") },
    );

  const fill = async () => {
    const can = await canScan().catch(() => false);
    section.append(can ? button : element("p", { class: "quiet" }, say("scan.impossible")), problem);
  };
  void fill();
  return section;
}

/** @param {unknown} error */
const isForbidden = (error) => error instanceof DOMException && error.name === "NotAllowedError";

async function canScan() {
  const { BarcodeDetector } = /** @type {any} */ (window);
  if (!BarcodeDetector || !navigator.mediaDevices) return false;
  return (await BarcodeDetector.getSupportedFormats()).includes(FORMAT);
}
