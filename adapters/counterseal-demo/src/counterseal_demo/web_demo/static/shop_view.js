/** The shop: an order, a phone to connect, and what the customer answered. */

import { byId, element } from "/app/dom.js";
import * as calls from "./calls.js";
import { drawCode, drawMark } from "/app/drawing.js";

/**
 * @typedef {import("./calls.js").Setting} Setting
 * @typedef {import("./calls.js").State} State
 * @typedef {{name: string, fill: () => (Node | false)[]}} Step
 */

const STEPS = ["Connect", "Pay", "Answer"];
const OPEN = new Set(["PENDING", "SEEN"]);
const SECOND = 1000;

/** @type {Record<string, {title: string, about: string}>} */
const OUTCOMES = {
  approved: { title: "Paid. Thank you!", about: "The shop has verified your answer, and sends the order." },
  declined: { title: "Not paid", about: "You declined. The shop has your signed answer, and cancels the order." },
  disowned: {
    title: "Not paid",
    about: "You said that this was not you. The shop has your signed answer, and stops the order.",
  },
  unanswered: { title: "Not paid", about: "The question ended without an answer." },
};
const OTHER = { title: "Not paid", about: "The shop could not verify the answer, and does not act." };

/** The page of the shop. */
export class ShopView {
  #step = "";
  /** The challenge whose result the customer has read. */
  #read = "";
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {Setting} setting
   * @param {(link: string) => void} openOnPhone
   * @param {(work: () => Promise<void>) => Promise<void>} attempt Does work, and says what went wrong.
   */
  constructor(setting, openOnPhone, attempt) {
    /** @readonly */
    this.setting = setting;
    /** @readonly */
    this.openOnPhone = openOnPhone;
    /** @readonly */
    this.attempt = attempt;
  }

  /**
   * Show the step of *state*, if it is another one than before.
   *
   * @param {State} state
   */
  show(state) {
    const { name, fill } = this.#stepOf(state);
    if (name === this.#step) return;
    this.#step = name;
    clearInterval(this.#timer);
    const root = byId("shop");
    const hadFocus = root.contains(document.activeElement);
    root.replaceChildren(this.#order(), element("div", { role: "status" }, ...fill().filter((node) => node instanceof Node)));
    const heading = root.querySelector("h3[tabindex]");
    if (hadFocus && heading instanceof HTMLElement) heading.focus({ preventScroll: true });
  }

  /**
   * @param {State} state
   * @returns {Step}
   */
  #stepOf(state) {
    const { binding, challenge } = state.machines;
    const answer = challenge.moves.at(-1)?.state ?? "";
    if (binding.moves.at(-1)?.state !== "ACTIVE") {
      return { name: `connect ${binding.moves.at(-1)?.state}`, fill: () => this.#connect() };
    }
    if (challenge.guid === null || challenge.guid === this.#read) {
      return { name: "pay", fill: () => this.#pay() };
    }
    if (OPEN.has(answer)) return { name: `asked ${challenge.guid}`, fill: () => this.#asked(state) };
    if (state.verdict === null) return { name: "waiting", fill: () => this.#waiting() };
    return { name: `ended ${challenge.guid}`, fill: () => this.#ended(state) };
  }

  #order() {
    const { pairs } = this.setting.order;
    const items = pairs.flatMap(({ key, value }, index) => [
      element("dt", {}, key),
      element("dd", { class: index === 0 ? "total" : "" }, value),
    ]);
    return element("div", { class: "order" }, element("h3", {}, "Your order"), element("dl", { class: "pairs" }, ...items));
  }

  #connect() {
    const code = element("div", { class: "code" });
    const button = element("button", { type: "button", class: "main", disabled: true }, "Open the link on the phone");
    void this.attempt(async () => {
      const invitation = await calls.connect();
      const rows = invitation.code.map((row) => [...row].map((module) => module === "1"));
      code.replaceChildren(drawCode(rows, "QR code"));
      button.addEventListener("click", () => this.openOnPhone(invitation.link));
      button.disabled = false;
    });
    return [
      ...stepHeading(0, "Connect your phone"),
      element(
        "div",
        { class: "connect" },
        code,
        element(
          "div",
          {},
          element("p", {}, "A shop shows this QR code once, to its customer, who scans it with a phone. Your phone is on this page, so that a button opens the link in the code; other phones cannot reach this computer."),
          element("p", { class: "row" }, button),
        ),
      ),
    ];
  }

  #pay() {
    const button = this.#button("Pay", "main", () => calls.pay());
    const another = this.#button("Connect another phone", "", () => calls.connect());
    return [
      ...stepHeading(1, "Your phone is connected"),
      element("p", {}, "From now on, the shop asks on your phone before it takes your money."),
      element("p", { class: "row" }, button, another),
      element("p", { class: "quiet" }, "Connect another phone if you opened this page in another browser, whose phone is new."),
    ];
  }

  /** @param {State} state */
  #asked({ question }) {
    const { code = "", expiresAt = "" } = question ?? {};
    const left = element("strong");
    const update = () => {
      const seconds = Math.max(0, Math.ceil((Date.parse(expiresAt) - Date.now()) / SECOND));
      left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    };
    this.#timer = setInterval(update, SECOND);
    update();
    const spaced = code.replace(/(\d{3})(?=\d)/gu, "$1 ");
    return [
      ...stepHeading(2, "Answer on your phone"),
      element("p", {}, "Open the request on the phone, type this code there, and press Pay."),
      element("p", { class: "digits", "aria-label": `Matching code: ${spaced}` }, spaced),
      element("p", { class: "quiet" }, "The code shows that the question on the phone comes from this page, and from no other."),
      element("p", { class: "quiet", "aria-live": "off" }, "Time left: ", left),
      element("p", { class: "row" }, this.#button("Cancel", "", () => calls.cancel())),
    ];
  }

  #waiting() {
    return [...stepHeading(2, "One moment"), element("p", {}, "The question has ended. The shop waits for the callback.")];
  }

  /** @param {State} state */
  #ended({ verdict, machines }) {
    const { title, about } = OUTCOMES[verdict?.outcome ?? ""] ?? OTHER;
    const isPaid = verdict?.outcome === "approved";
    const again = element("button", { type: "button" }, "Order again");
    again.addEventListener("click", () => {
      this.#read = machines.challenge.guid ?? "";
      void this.attempt(async () => {});
    });
    return [
      ...stepHeading(3, title),
      element("div", { class: isPaid ? "mark" : "mark refused" }, drawMark(isPaid ? "yes" : "no")),
      element("p", {}, about),
      element("p", { class: "quiet" }, "Below are the callback and the receipt that the shop has, and ten forgeries to try."),
      element("p", { class: "row" }, again),
    ];
  }

  /**
   * Return a button that makes a call, and is disabled meanwhile.
   *
   * @param {string} title
   * @param {string} style
   * @param {() => Promise<unknown>} call
   */
  #button(title, style, call) {
    const button = element("button", { type: "button", class: style }, title);
    const press = async () => {
      if (button.getAttribute("aria-disabled") === "true") return;
      button.setAttribute("aria-disabled", "true");
      await this.attempt(async () => {
        await call();
      });
      button.removeAttribute("aria-disabled");
    };
    button.addEventListener("click", () => void press());
    return button;
  }
}

/**
 * Return the steps, and the heading of the present one.
 *
 * @param {number} done How many steps are done.
 * @param {string} title
 */
const stepHeading = (done, title) => [
  element(
    "ol",
    { class: "steps", "aria-label": "Steps" },
    ...STEPS.map((name, index) =>
      element(
        "li",
        { class: index < done ? "done" : "", ...(index === done ? { "aria-current": "step" } : {}) },
        `${index + 1}. ${name}`,
      ),
    ),
  ),
  element("h3", { tabindex: -1 }, title),
];
