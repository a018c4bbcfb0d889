/** The section that reads a bind link from a QR code by the camera, where the browser can. */

import { element } from "./dom.js";
import { readPasted } from "./links.js";
import { showBind } from "./bind_view.js";
import { say } from "./texts.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */

/**
 * What the Barcode Detection API has of a detector.
 *
 * @typedef {object} Detector
 * @property {(picture: HTMLVideoElement) => Promise<{rawValue: string}[]>} detect
 */

const FORMAT = "qr_code";
/** Milliseconds between two looks at the camera's picture. */
const INTERVAL = 200;

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
      const link = await scan();
      if (link !== null) showBind(context, link);
    } catch (error) {
      const isForbidden = error instanceof DOMException && error.name === "NotAllowedError";
      problem.textContent = say(isForbidden ? "scan.forbidden" : "scan.no_camera");
    }
  }

  canScan().then((can) => {
    section.append(
      can
        ? element("button", { type: "button", class: "plain", click: press }, say("scan.button"))
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

/**
 * Show the camera's picture until it has a bind link.
 *
 * @returns {Promise<string | null>} Null if the person closes it.
 * @throws {DOMException} There is no camera, or it may not be used.
 */
async function scan() {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  const video = element("video", { autoplay: true, muted: true, playsinline: true });
  const status = element("p", { role: "status" }, say("scan.about"));
  const dialog = element(
    "dialog",
    { "aria-labelledby": "scan-title" },
    element("h2", { id: "scan-title" }, say("scan.title")),
    video,
    status,
    element("button", { type: "button", class: "plain", click: () => dialog.close() }, say("cancel")),
  );
  video.srcObject = stream;
  document.body.append(dialog);
  dialog.showModal();
  try {
    return await findLink(video, dialog, status);
  } finally {
    for (const track of stream.getTracks()) track.stop();
    dialog.remove();
  }
}

/**
 * @param {HTMLVideoElement} video
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} status
 * @returns {Promise<string | null>}
 */
async function findLink(video, dialog, status) {
  const { BarcodeDetector } = /** @type {any} */ (window);
  /** @type {Detector} */
  const detector = new BarcodeDetector({ formats: [FORMAT] });
  while (dialog.open) {
    const codes = video.readyState >= video.HAVE_CURRENT_DATA ? await detector.detect(video) : [];
    for (const { rawValue } of codes) {
      try {
        return readPasted(rawValue);
      } catch {
        status.textContent = say("bind.malformed");
      }
    }
    await new Promise((resolve) => {
      setTimeout(resolve, INTERVAL);
    });
  }
  return null;
}
