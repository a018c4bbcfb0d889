/** The documents of an action: each is fetched and compared with what is signed before it is opened. */

import { element, foreign, isolate } from "./dom.js";
import { pressing } from "./pressing.js";
import { describe } from "./problems.js";
import { say } from "./texts.js";
import { writeSize } from "./units.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Attachment} Attachment */
/** @typedef {import("./device/index.js").ShownRequest} ShownRequest */

/** Types that a browser displays without running anything of them, and what people call them. */
const DISPLAYED = new Map([
  ["application/pdf", "PDF"],
  ["image/jpeg", "JPEG"],
  ["image/png", "PNG"],
  ["image/webp", "WebP"],
  ["text/plain", "Text"],
]);

/**
 * Return the section of the documents, and whether all of them are checked.
 *
 * @param {Account} account
 * @param {ShownRequest} shown
 * @param {{signal: AbortSignal, change: () => void}} how `change` is called when one was checked.
 * @returns {{section: HTMLElement | null, areChecked: () => boolean}}
 */
export function attachmentSection(account, shown, { signal, change }) {
  const attachments = shown.action?.attachments ?? [];
  /** @type {Set<number>} */
  const checked = new Set();
  const areChecked = () => checked.size === attachments.length;
  if (attachments.length === 0) return { section: null, areChecked };
  const note = element("p", { class: "notice", id: "unchecked" }, say("attachment.first"));
  const items = attachments.map((attachment, index) =>
    attachmentItem(attachment, {
      fetch: () => account.attachment(shown, index, { signal }),
      signal,
      check: () => {
        checked.add(index);
        note.hidden = areChecked();
        change();
      },
    }),
  );
  const section = element(
    "section",
    { class: "attachments", "aria-labelledby": "attachments", lang: document.documentElement.lang },
    element("h2", { id: "attachments" }, say("attachment.title")),
    element("ul", { class: "list" }, ...items),
    note,
  );
  return { section, areChecked };
}

/**
 * @param {Attachment} attachment
 * @param {{fetch: () => Promise<Uint8Array<ArrayBuffer>>, check: () => void, signal: AbortSignal}} how
 */
function attachmentItem({ name, size, type, url }, { fetch, check, signal }) {
  const status = element("span", { role: "status", class: "status" });
  const problem = element("span", { role: "alert", class: "problem" });
  const label = element("strong", {}, foreign(name));
  /** @type {string | undefined} */
  let address;
  const isDisplayed = DISPLAYED.has(type);

  async function open() {
    if (address === undefined) {
      status.textContent = say("attachment.fetching");
      const bytes = await fetch();
      const blob = new Blob([bytes], { type: isDisplayed ? `${type};charset=utf-8` : "application/octet-stream" });
      address = URL.createObjectURL(blob);
      signal.addEventListener("abort", () => URL.revokeObjectURL(address ?? ""));
      check();
      status.textContent = `✓ ${say("attachment.checked")}`;
    }
    const target = isDisplayed ? { target: "_blank", rel: "noopener" } : { download: name };
    element("a", { href: address, ...target }).click();
  }

  /** @param {unknown} error */
  function fail(error) {
    status.textContent = "";
    return describe(error, { host: URL.canParse(url) ? isolate(new URL(url).host) : "" });
  }

  const button = element(
    "button",
    { type: "button", class: "plain", click: () => void pressing(button, problem, open, { fail }) },
    say(isDisplayed ? "attachment.open" : "attachment.save"),
    element("span", { class: "unseen" }, " ", foreign(name)),
  );
  return element(
    "li",
    { class: "attachment" },
    label,
    element("span", { class: "quiet" }, DISPLAYED.get(type) ?? type, " · ", writeSize(size)),
    status,
    problem,
    button,
  );
}
