/** The preview of a brand, in a frame of the portal: views with a sample, and nothing to answer. */

import { answerBar } from "./answer_bar.js";
import { element } from "./dom.js";
import { brandOf } from "./identity.js";
import { whoOf } from "./request_view.js";
import { say } from "./texts.js";

/**
 * A brand as it would be saved.
 *
 * @typedef {object} Brand
 * @property {string} name Of the App Space.
 * @property {string | null} verifiedName Of its company.
 * @property {string | null} color `#RRGGBB`.
 * @property {string | Blob | null} logo Its address, or a picture that is not saved.
 */

const QUESTION = "Pay 49.90 EUR?";
const BUTTONS = [
  { title: "Pay", approves: true, strong: true },
  { title: "Do not pay", approves: false, strong: false },
];

/**
 * Show each brand that the page around this frame sends; only a page of the app's own web origin
 * can be around it.
 *
 * @param {import("./app.js").FormContext} context
 */
export function startPreview({ fill, signal }) {
  if (window.parent === window) {
    window.location.replace(".");
    return;
  }
  /** @type {string | null} */
  let address = null;
  for (const part of document.querySelectorAll("header, main")) part.toggleAttribute("inert", true);
  // The page around this frame has a banner of its own.
  document.querySelector("header")?.setAttribute("role", "none");

  /** @param {Brand} brand */
  function show({ name, verifiedName, color, logo }) {
    if (address !== null) URL.revokeObjectURL(address);
    address = logo instanceof Blob ? URL.createObjectURL(logo) : null;
    const picture = logo instanceof Blob ? address : logo;
    const texts = { device: "", url: "", appSpace: "", appSpaceName: name, accountName: name, isNamedByLink: false };
    const names = { account: { id: "" }, appSpace: { name }, origin: { name } };
    const { bar } = answerBar(BUTTONS, { press: () => undefined, isBlocked: () => false, ended: signal });
    fill(
      { title: QUESTION, parts: [QUESTION], above: whoOf({ ...texts, logo: picture, verifiedName }, names, []) },
      bar,
      element(
        "section",
        {},
        element("h2", {}, say("home.accounts")),
        element("p", { class: "card" }, brandOf({ color, logo: picture }, name)),
      ),
    );
  }

  window.addEventListener("message", ({ data, origin, source }) => {
    if (source === window.parent && origin === window.location.origin && data?.type === "brand") show(data.brand);
  });
  window.parent.postMessage({ type: "ready" }, window.location.origin);
}
