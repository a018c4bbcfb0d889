/** PIN attempts: after a wrong PIN, the dialog that asked for it stays, and asks again. */

import { NotUnlocked, ServiceRefused } from "./device/index.js";
import { describe, isLastPin } from "./problems.js";

/**
 * The dialog that asks for the PIN of a signature.
 *
 * @typedef {object} AskedPin
 * @property {unknown} subject What is signed: a request that is shown, or a new device.
 * @property {boolean} isGiven Whether a PIN was given, and what comes of it is not known.
 * @property {() => Promise<string | null>} next Returns the PIN, or null if the dialog is closed.
 * @property {(problem: string) => void} ask Ask again, and say why.
 * @property {() => void} close
 */

/** @type {AskedPin | null} */
let open = null;

/**
 * Return the dialog that is open for a subject.
 *
 * @param {unknown} subject
 */
export const askedPin = (subject) => (open?.subject === subject ? open : null);

/** @param {AskedPin} asked */
export function noteAsked(asked) {
  open = asked;
}

/** @param {AskedPin} asked */
export function noteClosed(asked) {
  if (open === asked) open = null;
}

/**
 * Close the dialog of a subject, unless a PIN was given in it.
 *
 * @param {unknown} subject
 */
export function closeUngiven(subject) {
  const asked = askedPin(subject);
  if (asked?.isGiven === false) asked.close();
}

/**
 * Do *work*, which may ask for the PIN; do it again while the PIN is wrong and its dialog is open.
 *
 * @template T
 * @param {unknown} subject What is signed; a dialog of something else is another's.
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 * @throws {unknown} What *work* throws; that the PIN was wrong, if it is then not given again.
 */
export async function repeatWrongPins(subject, work) {
  let wrongPin;
  try {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (wrongPin !== undefined && error instanceof NotUnlocked) throw wrongPin;
        const asked = askedPin(subject);
        if (asked === null || !isWrongPin(error)) throw error;
        wrongPin = error;
        asked.ask(describe(error));
      }
    }
  } finally {
    askedPin(subject)?.close();
  }
}

/** @param {unknown} error */
const isWrongPin = (error) =>
  error instanceof ServiceRefused && error.problem === "strong_key_missed" && !isLastPin(error);
