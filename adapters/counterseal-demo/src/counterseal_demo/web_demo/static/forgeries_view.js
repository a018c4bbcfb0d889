/** The forgeries: a button for each, and what the service replied. */

import { byId, element } from "/app/dom.js";
import { sendForgery } from "./calls.js";
import { verdictOf } from "./evidence_view.js";

/**
 * @typedef {import("./calls.js").Forgery} Forgery
 * @typedef {import("./calls.js").SentForgery} SentForgery
 */

/** The list of forgeries. */
export class ForgeriesView {
  /** @type {Map<number, boolean>} Whether it was refused as expected, by number. */
  #results = new Map();
  /** @type {(() => Promise<void>)[]} */
  #sends = [];

  /**
   * @param {Forgery[]} forgeries
   * @param {(work: () => Promise<void>) => Promise<void>} attempt Does work, and says what went wrong.
   */
  constructor(forgeries, attempt) {
    /** @readonly */
    this.attempt = attempt;
    byId("forgeries").replaceChildren(...forgeries.map((forgery, number) => this.#item(forgery, number)));
    const all = byId("all");
    const sendAll = async () => {
      if (all.getAttribute("aria-disabled") === "true") return;
      all.setAttribute("aria-disabled", "true");
      for (const send of this.#sends) await send();
      all.removeAttribute("aria-disabled");
    };
    all.addEventListener("click", () => void sendAll());
  }

  /**
   * @param {Forgery} forgery
   * @param {number} number
   */
  #item({ name, description }, number) {
    const result = element("div", { class: "result", role: "status" });
    const button = element("button", { type: "button", "aria-label": `Send: ${name}` }, "Send");
    const send = async () => {
      if (button.getAttribute("aria-disabled") === "true") return;
      button.setAttribute("aria-disabled", "true");
      await this.attempt(async () => {
        const sent = await sendForgery(number);
        this.#results.set(number, sent.refused);
        result.replaceChildren(...describe(sent));
        this.#count();
      });
      button.removeAttribute("aria-disabled");
    };
    button.addEventListener("click", () => void send());
    this.#sends.push(send);
    return element(
      "li",
      { class: "card forgery" },
      element("div", {}, element("h3", {}, name.charAt(0).toUpperCase() + name.slice(1)), element("p", { class: "quiet" }, description)),
      button,
      result,
    );
  }

  #count() {
    const results = [...this.#results.values()];
    const refused = results.filter(Boolean).length;
    byId("score").textContent = `${refused} of ${results.length} refused as expected`;
  }
}

/** @param {SentForgery} sent */
function describe({ status, phrase, code, reason, refused }) {
  return [
    verdictOf(refused, refused ? "Refused" : "NOT REFUSED AS EXPECTED"),
    element("p", { class: "reply" }, "Reply: ", element("code", { class: "status" }, `${status} ${phrase}`), " ", element("code", { class: "received" }, code || "no code")),
    element("p", { class: "reply" }, "Audit log: ", element("code", { class: "reason" }, reason || "no refusal")),
  ];
}
