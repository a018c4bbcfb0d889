/** Subscriptions: how the push service of this browser is reached, as an address of a device. */

import { base64url } from "./wire/bytes.js";

/** @typedef {import("./device/account.js").Account} Account */

/** Milliseconds after which a browser that has not subscribed will not; it may have no push service. */
const PATIENCE = 20_000;

/**
 * Return a subscription for the service's key: the browser's own, or a new one.
 *
 * @param {PushManager} pushManager
 * @param {string} key The service's public key, base64url.
 * @returns {Promise<PushSubscription>}
 * @throws {DOMException} The browser cannot subscribe, or the person does not allow it.
 */
export async function subscribe(pushManager, key) {
  const subscription = await pushManager.getSubscription();
  if (subscription !== null && keyOf(subscription) === key) return subscription;
  await subscription?.unsubscribe();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Promise<never>} */
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("", "TimeoutError")), PATIENCE);
  });
  try {
    const options = { userVisibleOnly: true, applicationServerKey: key };
    return await Promise.race([pushManager.subscribe(options), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** @param {PushSubscription} subscription */
function keyOf({ options: { applicationServerKey } }) {
  return applicationServerKey && base64url(new Uint8Array(applicationServerKey));
}

/**
 * Have the service notify a device by a subscription, and by no other.
 *
 * @param {Account} account
 * @param {PushSubscription} subscription
 */
export const register = (account, subscription) =>
  account.setAddresses([{ kind: "webpush", value: JSON.stringify(subscription) }]);
