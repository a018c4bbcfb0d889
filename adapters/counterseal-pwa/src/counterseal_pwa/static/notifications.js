/** Notifications: whether this browser is notified of requests, and what turns that on and off. */

import { register, subscribe } from "./subscription.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Wallet} Wallet */

/**
 * `on`, `off`, or why they cannot be on: the person `blocked` them, this browser has none
 * (`impossible`), has them in an installed app only (`install`), or the service sends none
 * (`unserved`), or has not said yet whether it does (`unknown`).
 *
 * @typedef {"on" | "off" | "blocked" | "impossible" | "install" | "unserved" | "unknown"} NotificationState
 */

/** Where it is noted which subscription the service has of each device. */
const MEMORY = "push";

/** Notifications of all accounts of this browser: they share its one subscription. */
export class Notifications {
  #wallet;
  #registration;
  /** @type {string | null | undefined} Undefined until the service has said it. */
  #key;

  /**
   * @param {Wallet} wallet
   * @param {Promise<ServiceWorkerRegistration | undefined>} registration Once it is known.
   */
  constructor(wallet, registration) {
    this.#wallet = wallet;
    this.#registration = registration;
  }

  /** @returns {Promise<NotificationState>} */
  async state() {
    const pushManager = (await this.#registration)?.pushManager;
    if (!pushManager || !("Notification" in window)) return isUninstalled() ? "install" : "impossible";
    if (Notification.permission === "denied") return "blocked";
    if (this.#key === undefined) await this.#readStatuses();
    if (this.#key === null) return "unserved";
    const isAllowed = isWanted() && Notification.permission === "granted";
    if (isAllowed && (await pushManager.getSubscription()) !== null) return "on";
    return this.#key === undefined ? "unknown" : "off";
  }

  /** Ask the person, subscribe, and tell the service; only a press may call it. */
  async turnOn() {
    if ((await Notification.requestPermission()) !== "granted") return;
    writeMemory(readMemory());
    await this.refresh();
  }

  /** Unsubscribe, and have the service notify this browser no more. */
  async turnOff() {
    localStorage.removeItem(MEMORY);
    const subscription = await (await this.#registration)?.pushManager.getSubscription();
    await subscription?.unsubscribe();
    // One that is revoked, or not reached, keeps no other from being notified no more.
    for (const account of await this.#wallet.accounts()) await account.setAddresses([]).catch(() => undefined);
  }

  /**
   * Renew what is missing where notifications are on: a subscription that the browser dropped or
   * that is for an older key, and addresses that the service has not.
   */
  async refresh() {
    const pushManager = (await this.#registration)?.pushManager;
    if (!pushManager || !isWanted() || Notification.permission !== "granted") return;
    const statuses = await this.#readStatuses();
    if (!this.#key) return;
    const subscription = await subscribe(pushManager, this.#key);
    /** @type {unknown[]} */
    const failures = [];
    for (const [account, { addresses }] of statuses) {
      const memory = readMemory();
      if (addresses > 0 && memory[account.device] === subscription.endpoint) continue;
      try {
        await register(account, subscription);
        writeMemory({ ...memory, [account.device]: subscription.endpoint });
      } catch (error) {
        // The other accounts are to be notified all the same.
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /** Return the status of each account that the service knows, and learn the service's key. */
  async #readStatuses() {
    /** @type {[Account, Awaited<ReturnType<Account["status"]>>][]} */
    const statuses = [];
    for (const account of await this.#wallet.accounts()) {
      const status = await account.status().catch(() => null);
      if (status !== null) statuses.push([account, status]);
    }
    const [first] = statuses;
    if (first !== undefined) this.#key = first[1].webPushKey;
    return statuses;
  }
}

/** Tell whether this is a browser that has push in apps on the Home Screen only. */
const isUninstalled = () => /** @type {any} */ (navigator).standalone === false;

const isWanted = () => localStorage.getItem(MEMORY) !== null;

/** @returns {Record<string, string>} The endpoint that the service has, by the device's GUID. */
function readMemory() {
  try {
    return { ...JSON.parse(localStorage.getItem(MEMORY) ?? "{}") };
  } catch {
    // Then the service is told again.
    return {};
  }
}

/** @param {Record<string, string>} memory */
function writeMemory(memory) {
  localStorage.setItem(MEMORY, JSON.stringify(memory));
}
