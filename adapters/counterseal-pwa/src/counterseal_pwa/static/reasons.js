/** Reasons: why the person refuses, if they say so; nothing shows it afterwards. */

import { REASONS } from "./device/index.js";
import { element } from "./dom.js";
import { say } from "./texts.js";

/** Return a list to choose a reason from, and what is chosen in it while it is open. */
export function reasonList() {
  const inputs = REASONS.map((value) => element("input", { type: "radio", name: "reason", value }));
  const list = element(
    "details",
    { class: "reasons" },
    element("summary", {}, say("reason.title")),
    element(
      "fieldset",
      {},
      element("legend", { class: "quiet" }, say("reason.about")),
      ...inputs.map((input) => element("label", { class: "choice" }, input, say(`reason.${input.value}`))),
    ),
  );
  // What is out of sight is not sent.
  list.addEventListener("toggle", () => {
    if (!list.open) for (const input of inputs) input.checked = false;
  });
  const chosen = () => REASONS.find((_, index) => inputs[index]?.checked);
  return { list, chosen };
}
