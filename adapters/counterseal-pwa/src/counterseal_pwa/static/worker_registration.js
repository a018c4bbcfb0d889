/** The service worker: registered by the one address that may become a script here. */

import { channelOf } from "./update_channel.js";

const ADDRESS = "worker.js";

const SOON = 2_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/**
 * Register the service worker, where the browser has them.
 *
 * @param {object} page
 * @param {(address: string) => void} page.open Opens the view that a notification was about.
 * @param {() => boolean} page.isIdle Whether the page may be loaded again without loss.
 * @returns {Promise<ServiceWorkerRegistration | undefined>}
 */
export async function registerWorker({ open, isIdle }) {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return undefined;
  serviceWorker.addEventListener("message", ({ data }) => open(String(data?.open ?? "#/")));
  followController(isIdle);
  // Without it the app works, but neither offline nor in the background.
  const registration = await serviceWorker
    .register(addressOfWorker(), { scope: "./" })
    .catch(() => undefined);
  if (registration) followUpdates(registration, isIdle);
  return registration;
}

/**
 * Load the page again once the service worker is of another version.
 *
 * @param {() => boolean} isIdle
 */
function followController(isIdle) {
  const { serviceWorker } = navigator;
  let isFirst = serviceWorker.controller === null;
  const reload = () => {
    if (isIdle()) window.location.reload();
  };
  serviceWorker.addEventListener("controllerchange", () => {
    if (!isFirst) {
      reload();
      // Something was opened since the page said that it was idle: its version's files are gone.
      setInterval(reload, SOON);
    }
    isFirst = false;
  });
}

/**
 * Look for new versions, and let one begin as soon as no page has anything open.
 *
 * @param {ServiceWorkerRegistration} registration
 * @param {() => boolean} isIdle
 */
function followUpdates(registration, isIdle) {
  const channel = channelOf(registration.scope);
  channel.addEventListener("message", ({ data }) => {
    if (data?.ask !== undefined && isIdle()) channel.postMessage({ idle: data.ask });
  });
  const ask = () => registration.waiting?.postMessage({ update: true });
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", ask);
  });
  let lookedAt = Date.now();
  document.addEventListener("visibilitychange", () => {
    ask();
    // An installed app may stay open for weeks, and browsers look only when a page is loaded.
    if (document.hidden || Date.now() < lookedAt + HOUR) return;
    lookedAt = Date.now();
    registration.update().catch(() => undefined);
  });
  setInterval(ask, MINUTE);
  ask();
}

/** @returns {string} */
function addressOfWorker() {
  const { trustedTypes } = /** @type {any} */ (window);
  if (!trustedTypes) return ADDRESS;
  const policy = trustedTypes.createPolicy("counterseal-worker", {
    createScriptURL(/** @type {string} */ address) {
      if (address !== ADDRESS) throw new TypeError("not the service worker");
      return address;
    },
  });
  return policy.createScriptURL(ADDRESS);
}
