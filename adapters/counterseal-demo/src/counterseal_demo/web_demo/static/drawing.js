/** Drawings: elements of SVG, a QR code and marks. */

const SVG = "http://www.w3.org/2000/svg";
const QUIET_ZONE = 2;
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
 * Return a QR code.
 *
 * @param {string[]} rows Of `1` for dark and `0` for light.
 */
export function drawCode(rows) {
  const size = rows.length + 2 * QUIET_ZONE;
  const squares = rows.flatMap((row, y) =>
    [...row].map((dark, x) => (dark === "1" ? `M${x + QUIET_ZONE} ${y + QUIET_ZONE}h1v1h-1z` : "")),
  );
  return drawn(
    "svg",
    { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": "QR code", "shape-rendering": "crispEdges" },
    drawn("path", { d: squares.join(""), fill: "#000000" }),
  );
}

/**
 * Return a mark; the text beside it says the same.
 *
 * @param {keyof typeof MARKS} kind
 */
export const drawMark = (kind) =>
  drawn("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, drawn("path", { d: MARKS[kind] }));
