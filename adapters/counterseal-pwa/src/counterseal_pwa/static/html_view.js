/** A question in HTML: its text, and its source, which is signed. */

import { readHtml } from "./device/index.js";
import { element } from "./dom.js";
import { say } from "./texts.js";
import { visible } from "./visible.js";

/**
 * Return a question in HTML as its lines and, under "Details", the source that is signed; or the
 * source alone.
 *
 * @param {string} source
 */
export function htmlContentOf(source) {
  const text = readHtml(source);
  const sourceText = element("pre", { tabindex: 0 }, visible(source, { lines: true }));
  if (!text) return [element("p", { class: "notice" }, say("request.source")), sourceText];
  const omitted = [
    { key: "request.scripts", count: text.scripts },
    { key: "request.styles", count: text.styles },
    { key: "request.comments", count: text.comments },
    { key: "request.pictures", count: text.pictures },
  ].filter(({ count }) => count > 0);
  return [
    ...text.lines.map((line) => element("p", { class: "text html", dir: "auto" }, visible(line))),
    element(
      "p",
      { class: "notice" },
      say("request.html"),
      ...omitted.flatMap(({ key, count }) => [" ", say(key, { count })]),
    ),
    element("details", {}, element("summary", {}, say("receipt.details")), sourceText),
  ];
}
