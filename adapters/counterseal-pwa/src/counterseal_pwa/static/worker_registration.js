/** The service worker: registered by the one address that may become a script here. */

const ADDRESS = "worker.js";

/**
 * Register the service worker, where the browser has them, and has them as modules.
 *
 * @param {(address: string) => void} open Opens the view that a notification was about.
 * @returns {Promise<ServiceWorkerRegistration | undefined>}
 */
export async function registerWorker(open) {
  if (!navigator.serviceWorker) return undefined;
  navigator.serviceWorker.addEventListener("message", ({ data }) => open(String(data?.open ?? "#/")));
  const options = /** @type {const} */ ({ scope: "./", type: "module" });
  // Without it the app works, but neither offline nor in the background.
  return navigator.serviceWorker.register(addressOfWorker(), options).catch(() => undefined);
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
