/** Reading: whether a person had the last argument of a program's action on the screen. */

import { element } from "./dom.js";
import { say } from "./texts.js";

/**
 * Follow whether the last value of *content* was on the screen, or had the focus, or the person says
 * that they have read it all.
 *
 * @param {HTMLElement} content
 * @param {{signal: AbortSignal, change: () => void}} how `change` is called once it is.
 * @returns {{isRead: () => boolean, note: HTMLElement | null}} `note`: what says that something is
 *   below, until it is read.
 */
export function readToEnd(content, { signal, change }) {
  const last = [...content.querySelectorAll(".arguments > dd")].at(-1);
  let isRead = !(last instanceof HTMLElement);
  if (!(last instanceof HTMLElement)) return { isRead: () => isRead, note: null };

  function note() {
    if (isRead) return;
    isRead = true;
    observer.disconnect();
    line.remove();
    last?.removeAttribute("tabindex");
    change();
  }

  const button = element("button", { type: "button", class: "plain", click: note }, say("reading.all"));
  const line = element("div", { class: "reading" }, element("span", {}, say("reading.first")), button);
  last.tabIndex = 0;
  last.addEventListener("focus", note);
  const look = () => {
    const { bottom, height } = last.getBoundingClientRect();
    const { top } = line.getBoundingClientRect();
    // What the bar covers is not on the screen; nor is what is above or below it.
    if (height > 0 && bottom > 0 && bottom <= Math.min(top, window.innerHeight)) note();
  };
  const observer = new IntersectionObserver(look);
  observer.observe(last);
  for (const type of ["scroll", "resize"]) window.addEventListener(type, look, { passive: true, signal });
  signal.addEventListener("abort", () => observer.disconnect());
  return { isRead: () => isRead, note: line };
}
