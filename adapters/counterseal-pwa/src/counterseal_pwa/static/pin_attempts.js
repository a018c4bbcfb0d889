/** PIN attempts: after a wrong PIN, the dialog that asked for it stays, and asks again. */

import { ServiceRefused } from "./device/index.js";
import { describe, isLastPin } from "./problems.js";

/**
 * The dialog that asks for the PIN of a signature.
 *
 * @typedef {object} AskedPin
 * @property {boolean} isGiven Whether a PIN was given, and what comes of it is not known.
 * @property {() => Promise<string | null>} next Returns the PIN, or null if the dialog is closed.
 * @property {(problem: string) => void} ask Ask again, and say why.
 * @property {() => void} close
 */

/** @type {AskedPin | null} */
let open = null;

/** Return the dialog that is open. */
export const askedPin = () => open;

/** @param {AskedPin} asked */
export function noteAsked(asked) {
  open = asked;
}

/** @param {AskedPin} asked */
export function noteClosed(asked) {
  if (open === asked) open = null;
}

/** Close the dialog, unless a PIN was given in it. */
export function closeUngiven() {
  if (open?.isGiven === false) open.close();
}

/**
 * Do *work*, which may ask for the PIN; do it again while the PIN is wrong and its dialog is open.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function repeatWrongPins(work) {
  try {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (open === null || !isWrongPin(error)) throw error;
        open.ask(describe(error));
      }
    }
  } finally {
    open?.close();
  }
}

/** @param {unknown} error */
const isWrongPin = (error) =>
  error instanceof ServiceRefused && error.problem === "strong_key_missed" && !isLastPin(error);
