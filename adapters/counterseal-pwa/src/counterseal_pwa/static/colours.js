/** Colours of buttons: those that an origin asks for, with text that can be read on them. */

/** CSS's first names; an origin that wants another colour writes it as a number. */
const NAMES = new Map([
  ["black", "#000000"],
  ["blue", "#0000ff"],
  ["gray", "#808080"],
  ["green", "#008000"],
  ["grey", "#808080"],
  ["navy", "#000080"],
  ["olive", "#808000"],
  ["orange", "#ffa500"],
  ["purple", "#800080"],
  ["red", "#ff0000"],
  ["teal", "#008080"],
  ["white", "#ffffff"],
]);
const SHORT = /^#[0-9a-f]{3}$/;
const LONG = /^#[0-9a-f]{6}$/;
const BLACK = "#000000";
const WHITE = "#ffffff";

/**
 * Read the colours of a button's style, JSON such as `{"color": "#16C656"}`.
 *
 * Of black and white, one has a contrast of at least 4.5 to any colour.
 *
 * @param {string | undefined} style Opaque to the service; anything else in it is ignored.
 * @returns {{background: string, text: string} | null} Null if it names no colour.
 */
export function readColours(style) {
  const background = readColour(style);
  if (background === null) return null;
  const text = contrast(background, WHITE) >= contrast(background, BLACK) ? WHITE : BLACK;
  return { background, text };
}

/** @param {string | undefined} style */
function readColour(style) {
  let members;
  try {
    members = JSON.parse(style ?? "");
  } catch {
    return null;
  }
  const written = String(members?.color ?? "").trim().toLowerCase();
  const colour = NAMES.get(written) ?? written;
  if (LONG.test(colour)) return colour;
  return SHORT.test(colour) ? colour.replace(/[0-9a-f]/g, "$&$&") : null;
}

/**
 * Return the contrast of two colours (WCAG 2.2, relative luminance).
 *
 * @param {string} one
 * @param {string} other
 */
export function contrast(one, other) {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** @param {string} colour */
function luminance(colour) {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
