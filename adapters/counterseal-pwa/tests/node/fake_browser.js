// A browser without a screen: what the app's modules ask of window, document and navigator.

import { setMaxListeners } from "node:events";

/** A document whose visibility a test changes. */
class FakeDocument extends EventTarget {
  hidden = false;
  baseURI = "https://app.example/app/";

  show(isShown) {
    this.hidden = !isShown;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

/** What the browser keeps as text. */
class FakeStorage {
  #items = new Map();
  getItem = (name) => this.#items.get(name) ?? null;
  setItem = (name, text) => this.#items.set(name, String(text));
  removeItem = (name) => this.#items.delete(name);
}

/**
 * Put a browser around the modules; return what a test changes of it.
 *
 * @returns {{document: FakeDocument, window: EventTarget, navigator: Record<string, any>}}
 */
export function installBrowser() {
  // Several tabs of a test share one document.
  setMaxListeners(0);
  const fakeWindow = new EventTarget();
  fakeWindow.location = { href: "https://app.example/app/", hash: "", hostname: "app.example" };
  const fakes = {
    window: fakeWindow,
    document: new FakeDocument(),
    navigator: { userAgent: "", language: "en", languages: ["en"] },
    localStorage: new FakeStorage(),
  };
  for (const [name, value] of Object.entries(fakes)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return fakes;
}

/** Fail the file's tests if a promise is rejected and nobody looks. */
export function collectRejections() {
  const rejections = [];
  process.on("unhandledRejection", (reason) => rejections.push(reason));
  return rejections;
}

/**
 * Wait until *has* is true.
 *
 * @param {() => boolean} has
 * @param {string} what Is said if it does not become true within a minute.
 */
export async function until(has, what) {
  const end = performance.now() + 60_000;
  while (!has()) {
    if (performance.now() > end) throw new Error(`not so: ${what}`);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** Let everything run that waits for nothing outside. */
export async function settle() {
  for (let count = 0; count < 20; count += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
