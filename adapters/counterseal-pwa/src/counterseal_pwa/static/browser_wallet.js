/** The wallet of this browser: its store, and the strong keys that people have here. */

import { fetchIfOnline } from "./connectivity.js";
import { credentials, hasWebAuthn } from "./credentials.js";
import { indexedDbStore, passkeys, pinKeys, Wallet } from "./device/index.js";
import { APP_VERSION, platformOf } from "./platform.js";

/**
 * @param {() => void} onBlocked Called while another tab keeps the store from being opened.
 * @returns {Promise<Wallet>}
 */
export async function openWallet(onBlocked) {
  const store = await indexedDbStore({ onBlocked });
  const strongKeys = [pinKeys({ askPin: async (use) => (await import("./pin_dialog.js")).askPin(use) })];
  if (hasWebAuthn()) strongKeys.push(passkeys({ rpName: "Counterseal", credentials }));
  const app = { platform: platformOf(navigator.userAgent), appVersion: APP_VERSION };
  return new Wallet({ store, strongKeys, fetch: fetchIfOnline, ...app });
}
