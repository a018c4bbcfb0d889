/** Drawings: elements of SVG, QR codes and marks. */

const SVG = "http://www.w3.org/2000/svg";
/** Modules of light around a code, of which a camera needs four. */
const QUIET = 4;
/** Paths, 24 by 24. */
const MARKS = { yes: "M5 13l4.5 4.5L19 7", no: "M6 6l12 12M18 6L6 18" };

/**
 * Return an element of SVG.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function drawn(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/**
 * Return a QR code; whoever shows it gives it dark modules on a light ground.
 *
 * @param {readonly (readonly boolean[])[]} rows Of modules, true for dark.
 * @param {string} label What it is called.
 */
export function drawCode(rows, label) {
  const size = rows.length + 2 * QUIET;
  const squares = rows.flatMap((row, y) =>
    row.flatMap((isDark, x) => (isDark ? [`M${x + QUIET} ${y + QUIET}h1v1h-1z`] : [])),
  );
  const attributes = { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label, class: "qr" };
  return drawn("svg", attributes, drawn("path", { d: squares.join("") }));
}

/**
 * Return a mark; the text beside it says the same.
 *
 * @param {keyof typeof MARKS} kind
 */
export const drawMark = (kind) =>
  drawn("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, drawn("path", { d: MARKS[kind] }));
