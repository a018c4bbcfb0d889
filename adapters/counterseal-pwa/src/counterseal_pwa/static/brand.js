/** Brands: an App Space's name with its logo, on its colour. */

import { readColours } from "./colours.js";
import { element, foreign } from "./dom.js";

/**
 * Return the name of an App Space as its service says that it looks.
 *
 * @param {{color: string | null, logo: string | null}} account
 * @param {string} name
 */
export function brandOf({ color, logo }, name) {
  const label = element("strong", { class: "space" });
  const colours = color === null ? null : readColours(JSON.stringify({ color }));
  if (colours) {
    label.style.backgroundColor = colours.background;
    label.style.borderColor = colours.background;
    label.style.color = colours.text;
  }
  if (logo !== null) {
    // The name beside it says the same, and stays if there is no connection.
    const image = element("img", { src: logo, alt: "", width: 28, height: 28 });
    image.addEventListener("error", () => image.remove());
    label.append(image);
  }
  label.append(foreign(name));
  return label;
}
