/** The camera: its picture in a dialog, until it has a QR code with a bind link. */

import { element } from "./dom.js";
import { readPasted } from "./links.js";
import { say } from "./texts.js";

/**
 * What the Barcode Detection API has of a detector.
 *
 * @typedef {object} Detector
 * @property {(picture: HTMLVideoElement) => Promise<{rawValue: string}[]>} detect
 */

/** Milliseconds between two looks at the picture. */
const INTERVAL = 200;

/**
 * Show the camera's picture until it has a bind link.
 *
 * @param {string} format Of the codes.
 * @returns {Promise<string | null>} Null if the person closes it.
 * @throws {DOMException} There is no camera, or it may not be used.
 */
export async function scan(format) {
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
    return await findLink(format, video, dialog, status);
  } finally {
    for (const track of stream.getTracks()) track.stop();
    dialog.remove();
  }
}

/**
 * @param {string} format
 * @param {HTMLVideoElement} video
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} status
 * @returns {Promise<string | null>}
 */
async function findLink(format, video, dialog, status) {
  const { BarcodeDetector } = /** @type {any} */ (window);
  /** @type {Detector} */
  const detector = new BarcodeDetector({ formats: [format] });
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
