/** The wallet of this browser: its store, its passkeys, and the strong keys that people have here. */

import { indexedDbStore, passkeys, pinKeys, Wallet } from "./device/index.js";
import { APP_VERSION, platformOf } from "./platform.js";
import { preferredLocale } from "./texts.js";

/**
 * Call the service as `fetch` does; where the browser was offline and is, the error says that
 * nothing was sent: its cause has a code of Node, by which the wallet knows it.
 *
 * @type {typeof fetch}
 */
async function fetchIfOnline(...request) {
  const wasOffline = navigator.onLine === false;
  try {
    return await fetch(...request);
  } catch (error) {
    if (wasOffline && navigator.onLine === false && error instanceof TypeError) {
      error.cause = Object.assign(new Error("offline"), { code: "ENETUNREACH" });
    }
    throw error;
  }
}

const hasWebAuthn = () => Boolean(window.PublicKeyCredential && navigator.credentials);

/** What the wallet's passkeys are made and used by. */
const credentials = {
  create: (/** @type {CredentialCreationOptions | undefined} */ options) =>
    whileShown((signal) => navigator.credentials.create({ ...options, signal })),
  get: (/** @type {CredentialRequestOptions | undefined} */ options) =>
    whileShown((signal) => navigator.credentials.get({ ...options, signal })),
};

/**
 * Return what *ask* returns; its signal is aborted when another view comes.
 *
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @returns {Promise<T>}
 */
async function whileShown(ask) {
  const controller = new AbortController();
  const leave = () => controller.abort();
  window.addEventListener("hashchange", leave);
  try {
    return await ask(controller.signal);
  } finally {
    window.removeEventListener("hashchange", leave);
  }
}

/**
 * Tell whether this machine verifies people, by fingerprint, face or a PIN of its own, and this page
 * may make passkeys of a relying party.
 *
 * @param {string | null} rpId
 */
export const makesPasskeys = async (rpId) =>
  rpId !== null &&
  `.${window.location.hostname}`.endsWith(`.${rpId}`) &&
  hasWebAuthn() &&
  (await window.PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable());

/**
 * @param {() => void} onBlocked Called while another tab keeps the store from being opened.
 * @returns {Promise<Wallet>}
 */
export async function openWallet(onBlocked) {
  const store = await indexedDbStore({ onBlocked });
  const strongKeys = [pinKeys({ askPin: async (use) => (await import("./pin_dialog.js")).askPin(use) })];
  if (hasWebAuthn()) strongKeys.push(passkeys({ rpName: "Counterseal", credentials }));
  const language = preferredLocale();
  const app = { platform: platformOf(navigator.userAgent), appVersion: APP_VERSION, language };
  return new Wallet({ store, strongKeys, fetch: fetchIfOnline, ...app });
}
