/** The camera: its picture in a dialog, until it has a QR code with a bind link. */

import { cancelButton, showDialog } from "./dialog.js";
import { element } from "./dom.js";
import { describeLink, readPasted } from "./links.js";
import { say } from "./texts.js";
import { systemSleep } from "./wire/pause.js";

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
 * @param {AbortSignal} left Aborted when another view comes; the person may not have let the camera
 *   be used by then.
 * @returns {Promise<string | null>} Null if the person closes it.
 * @throws {DOMException} There is no camera, or it may not be used.
 */
export async function scan(format, left) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  try {
    return left.aborted ? null : await findLink(format, stream);
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

/**
 * @param {string} format
 * @param {MediaStream} stream
 * @returns {Promise<string | null>}
 */
async function findLink(format, stream) {
  const { BarcodeDetector } = /** @type {any} */ (window);
  /** @type {Detector} */
  const detector = new BarcodeDetector({ formats: [format] });
  const video = element("video", { autoplay: true, muted: true, playsinline: true });
  const status = element("p", { role: "status" }, say("scan.about"));
  video.srcObject = stream;
  /** @type {unknown} */
  let failure;
  const link = await showDialog("scan-title", (/** @type {import("./dialog.js").DialogControls<string>} */ controls) => {
    const { cancel, close, signal } = controls;
    const look = async () => {
      while (!signal.aborted) {
        const codes = video.readyState >= video.HAVE_CURRENT_DATA ? await detector.detect(video) : [];
        for (const { rawValue } of codes) {
          try {
            close(readPasted(rawValue));
            return;
          } catch (error) {
            status.textContent = describeLink(error);
          }
        }
        await systemSleep(INTERVAL, signal).catch(() => undefined);
      }
    };
    look().catch((error) => {
      failure = error;
      cancel();
    });
    return [
      element("h2", { id: "scan-title" }, say("scan.title")),
      video,
      status,
      cancelButton(controls),
    ];
  });
  if (failure !== undefined) throw failure;
  return link;
}
