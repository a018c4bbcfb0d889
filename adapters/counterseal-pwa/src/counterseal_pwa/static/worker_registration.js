/** The service worker: registered by the one address that may become a script here. */

const ADDRESS = "worker.js";

/**
 * Register the service worker, where the browser has them.
 *
 * @param {(guid: string) => void} open Opens a request that a notification was about.
 */
export async function registerWorker(open) {
  if (!navigator.serviceWorker) return;
  navigator.serviceWorker.addEventListener("message", ({ data }) => open(String(data?.open ?? "")));
  await navigator.serviceWorker.register(addressOfWorker(), { scope: "./" });
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
