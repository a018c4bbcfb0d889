/** Units: spans as one says them, and sizes of files. */

import { currentLocale } from "./texts.js";

const HOUR = 3600;

/**
 * Return a span in its largest unit, as one says it.
 *
 * @param {number} seconds Whole hours, whole minutes, or less than a minute.
 */
export function speakSpan(seconds) {
  const [unit, length] = seconds >= HOUR ? ["hour", HOUR] : seconds > 60 ? ["minute", 60] : ["second", 1];
  return writeUnit(seconds / Number(length), String(unit), "long");
}

/**
 * Return a number of bytes, rounded as people read it, and exactly.
 *
 * @param {number} size
 */
export function writeSize(size) {
  const exact = writeUnit(size, "byte", "long");
  if (size < 1000) return exact;
  const [unit, length] = size < 1_000_000 ? ["kilobyte", 1000] : ["megabyte", 1_000_000];
  return `${writeUnit(size / Number(length), String(unit), "short")} (${exact})`;
}

/**
 * @param {number} count
 * @param {string} unit
 * @param {"long" | "short"} unitDisplay
 */
const writeUnit = (count, unit, unitDisplay) =>
  new Intl.NumberFormat(currentLocale(), { style: "unit", unit, unitDisplay, maximumFractionDigits: 1 }).format(count);
