/** The session: the wallet of this browser, and the open requests of all of its accounts. */

import { indexedDbStore, passkeys, pinKeys, ServiceRefused, Unavailable, Wallet } from "./device/index.js";
import { Notifications } from "./notifications.js";
import { APP_VERSION, platformOf } from "./platform.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").OpenRequest} OpenRequest */
/** @typedef {Awaited<ReturnType<Account["newDevices"]>>} NewDevices */

/** A browser has six connections to a host, and calls need one. */
const STREAMS = 3;
const POLL = 10_000;
/** How often a device that is refused asks again: it may have been resumed. */
const REFUSED = 30_000;
/** After how long a new device asks whether it was confirmed; a second more after each call. */
const UNCONFIRMED = 15_000;
const SLOWER = 1000;
/** How often new devices are looked for that no push tells of. */
const NEW_DEVICES = 30_000;

/**
 * Return how long to wait before the next call.
 *
 * @param {unknown} failure Why the last one failed.
 * @param {number} failures How many failed in a row before it.
 */
const pauseAfter = (failure, failures) => {
  if (!(failure instanceof ServiceRefused)) return POLL;
  return failure.reason === "unconfirmed" ? Math.min(UNCONFIRMED + failures * SLOWER, REFUSED) : REFUSED;
};

/** @param {number} milliseconds */
const pause = (milliseconds) =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/**
 * Wait, but no longer than until the person looks at the page again.
 *
 * @param {number} milliseconds
 */
async function pauseUntilVisible(milliseconds) {
  const controller = new AbortController();
  const isVisible = new Promise((resolve) => {
    const look = () => document.hidden || resolve(undefined);
    document.addEventListener("visibilitychange", look, { signal: controller.signal });
  });
  await Promise.race([pause(milliseconds), isVisible]);
  controller.abort();
}

const hasWebAuthn = () => Boolean(window.PublicKeyCredential && navigator.credentials);

/** A passkey is asked for only as long as the view that asks is shown. */
const credentials = {
  create: (/** @type {CredentialCreationOptions | undefined} */ options) =>
    navigator.credentials.create({ ...options, signal: untilLeft() }),
  get: (/** @type {CredentialRequestOptions | undefined} */ options) =>
    navigator.credentials.get({ ...options, signal: untilLeft() }),
};

function untilLeft() {
  const controller = new AbortController();
  window.addEventListener("hashchange", () => controller.abort(), { once: true });
  return controller.signal;
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
 * Tells of changes by the events `requests`, `displays`, `accounts`, `newdevices`, `notifications`
 * and `connection`.
 */
export class Session extends EventTarget {
  /** @type {Map<string, readonly OpenRequest[]>} By the device's GUID. */
  requests = new Map();
  /**
   * What open requests ask, as far as it is loaded, by `keyOf` of `request_key.js`.
   *
   * @type {Map<string, import("./request_entries.js").LoadedDisplay>}
   */
  displays = new Map();
  /** @type {Map<string, unknown>} Why an account cannot be watched, by the device's GUID. */
  errors = new Map();
  /** @type {Set<string>} The GUIDs of devices whose service could not be reached last. */
  #unreached = new Set();
  /** @type {Map<string, NewDevices>} What waits to be confirmed, by the GUID of our own device. */
  newDevices = new Map();
  /**
   * What to compare of devices that this page has bound, by their GUIDs; nothing stores it.
   *
   * @type {Map<string, NonNullable<Account["comparison"]>>}
   */
  comparisons = new Map();
  /** Whether a newer version of the app uses the store, in another tab. */
  isOutdated = false;
  /** @type {Map<string, AbortController>} */
  #watches = new Map();
  /** @type {Set<string>} The GUIDs of all requests that this page has known as open. */
  #listed = new Set();

  /**
   * @param {Wallet} wallet
   * @param {Promise<ServiceWorkerRegistration | undefined>} registration
   */
  constructor(wallet, registration) {
    super();
    /** @readonly */
    this.wallet = wallet;
    /** @readonly */
    this.notifications = new Notifications(wallet, registration);
    wallet.addEventListener("change", (event) => {
      const { type, device } = /** @type {CustomEvent<{type: string, device: string}>} */ (event).detail;
      if (["bound", "removed", "renamed", "branded", "confirmed"].includes(type)) {
        // If the store fails now, the next turn of a watch asks it again.
        this.#follow().catch(() => undefined);
      }
      if (["bound", "confirmed"].includes(type)) void this.refreshNotifications();
      if (type === "unreached") this.#unreached.add(device);
      if (type === "reached") this.#unreached.delete(device);
      if (type === "outdated") this.isOutdated = true;
      if (["unreached", "reached", "outdated"].includes(type)) this.dispatchEvent(new Event("connection"));
    });
  }

  /**
   * @param {Promise<ServiceWorkerRegistration | undefined>} registration
   * @param {() => void} onBlocked Called while another tab keeps the store from being opened.
   * @returns {Promise<Session>}
   */
  static async open(registration, onBlocked) {
    const store = await indexedDbStore({ onBlocked });
    const strongKeys = [pinKeys({ askPin: async (use) => (await import("./pin_dialog.js")).askPin(use) })];
    if (hasWebAuthn()) strongKeys.push(passkeys({ rpName: "Counterseal", credentials }));
    const app = { platform: platformOf(navigator.userAgent), appVersion: APP_VERSION };
    const session = new Session(new Wallet({ store, strongKeys, ...app }), registration);
    await session.#follow();
    // What it cannot finish now, the next start does.
    session.wallet.resume().catch(() => undefined);
    return session;
  }

  /** Renew the subscription where that is needed; if it fails, the next start does it. */
  async refreshNotifications() {
    await this.notifications.refresh().catch(() => undefined);
    this.dispatchEvent(new Event("notifications"));
  }

  /**
   * Return the account that has an open request; `several` if more than one is known to list it.
   *
   * @param {string} guid
   * @param {string} [device] The GUID of the account's device, where the address names it.
   * @returns {Promise<Account | "several" | undefined>}
   * @throws {unknown} None is known to have it, and one could not be asked.
   */
  async accountOf(guid, device) {
    const all = await this.wallet.accounts();
    const accounts = device === undefined ? all : all.filter((account) => account.device === device);
    const known = accounts.filter((account) => this.isOpen(account.device, guid));
    if (known.length > 1) return "several";
    if (known[0]) return known[0];
    let failure;
    for (const account of accounts) {
      try {
        const requests = await account.pending();
        if (!requests.some((request) => request.guid === guid)) continue;
        // What the stream said before may be older.
        this.requests.set(account.device, requests);
        return account;
      } catch (error) {
        if (account.state !== "REVOKED") failure = error;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  /** Read what new devices wait to be confirmed; where that fails, what was read before stays. */
  async readNewDevices() {
    // A push that comes while the lists are read may be of a device that they have not yet.
    const startedAt = Date.now();
    const accounts = await this.wallet.accounts();
    const active = accounts.filter(({ state }) => state === "ACTIVE");
    const lists = await Promise.all(
      active.map(async (account) => {
        const known = this.newDevices.get(account.device) ?? [];
        return /** @type {const} */ ([account.device, await account.newDevices().catch(() => known)]);
      }),
    );
    const before = JSON.stringify([...this.newDevices]);
    this.newDevices = new Map(lists.filter(([, list]) => list.length > 0));
    await closeNotifications(
      ({ type, deviceGuid, shownAt }) =>
        type === "deviceUnconfirmed" && shownAt < startedAt && !this.newDevice(deviceGuid),
    );
    if (JSON.stringify([...this.newDevices]) !== before) this.dispatchEvent(new Event("newdevices"));
  }

  /**
   * Read them now, and every while until *signal* aborts.
   *
   * @param {AbortSignal} signal
   */
  followNewDevices(signal) {
    const read = () => {
      if (!document.hidden) void this.readNewDevices();
    };
    const timer = setInterval(read, NEW_DEVICES);
    signal.addEventListener("abort", () => clearInterval(timer));
    document.addEventListener("visibilitychange", read, { signal });
    read();
  }

  /**
   * Return a new device that waits, and the GUID of our own that may decide on it.
   *
   * @param {string} guid
   */
  newDevice(guid) {
    for (const [account, list] of this.newDevices) {
      const newDevice = list.find(({ device }) => device === guid);
      if (newDevice) return { account, newDevice };
    }
    return undefined;
  }

  /** Whether the last call for the requests of an account did not reach its service. */
  get isUnreached() {
    return this.#unreached.size > 0 || [...this.errors.values()].some((error) => error instanceof Unavailable);
  }

  /**
   * @param {string} device
   * @param {string} guid
   */
  isOpen(device, guid) {
    return (this.requests.get(device) ?? []).some((request) => request.guid === guid);
  }

  /**
   * Tell whether a request is known to be open no more; a list that could not be read says nothing.
   *
   * @param {string} device
   * @param {string} guid
   */
  hasEnded(device, guid) {
    return this.requests.has(device) && !this.isOpen(device, guid);
  }

  /**
   * Drop what is remembered of an account that was removed; with the last, the subscription.
   *
   * @param {string} device
   */
  async closeAccount(device) {
    this.errors.delete(device);
    const accounts = await this.wallet.accounts();
    if (accounts.length === 0) await this.notifications.turnOff().catch(() => undefined);
  }

  /** @param {...string} types */
  #dispatchAll(...types) {
    for (const type of types) this.dispatchEvent(new Event(type));
  }

  /** Watch each account that is there, and no other. */
  async #follow() {
    const accounts = await this.wallet.accounts();
    const devices = new Set(accounts.map(({ device }) => device));
    for (const [device, controller] of this.#watches) {
      if (devices.has(device)) continue;
      controller.abort();
      this.#watches.delete(device);
      this.requests.delete(device);
      this.#unreached.delete(device);
    }
    for (const account of accounts) {
      if (this.#watches.has(account.device)) continue;
      const controller = new AbortController();
      const streams = this.#watches.size < STREAMS;
      this.#watches.set(account.device, controller);
      void this.#watch(account, streams, controller.signal);
      // Its colour and logo, and this app's version, may be others by now; what is wrong
      // otherwise, the watch says.
      account.status().catch(() => undefined);
    }
    this.dispatchEvent(new Event("accounts"));
  }

  /**
   * Close the notifications of requests that were open.
   *
   * A push may be faster than the list that has its request, so a request that no list had counts
   * as ended only if it was shown before the page was opened, and every account has its list.
   */
  async #closeEnded() {
    const open = new Set([...this.requests.values()].flat().map(({ guid }) => guid));
    for (const guid of open) this.#listed.add(guid);
    const hasAll = this.requests.size === this.#watches.size;
    await closeNotifications(({ type, requestGuid, shownAt }) => {
      if (type !== "request" || open.has(requestGuid)) return false;
      return this.#listed.has(requestGuid) || (hasAll && shownAt < performance.timeOrigin);
    });
  }

  /**
   * @param {Account} account
   * @param {boolean} streams
   * @param {AbortSignal} signal
   */
  async #watch(account, streams, signal) {
    const { device } = account;
    let failures = 0;
    while (!signal.aborted) {
      /** @type {unknown} */
      let failure;
      try {
        for await (const requests of streams ? account.watch({ signal }) : poll(account, signal)) {
          failures = 0;
          const hadFailed = this.errors.delete(device);
          this.requests.set(device, requests);
          this.dispatchEvent(new Event("requests"));
          if (hadFailed) this.#dispatchAll("accounts", "connection");
          await this.#closeEnded();
        }
      } catch (error) {
        failure = error;
      }
      if (signal.aborted) return;
      this.errors.set(device, failure);
      this.requests.delete(device);
      this.#unreached.delete(device);
      this.#dispatchAll("accounts", "connection");
      if (account.state === "REVOKED") return;
      await pauseUntilVisible(pauseAfter(failure, failures));
      failures += 1;
      // Another tab may have removed it; if the store fails now, the next turn asks it again.
      await this.#follow().catch(() => undefined);
    }
  }
}

/**
 * Close the notifications of what is not open any more.
 *
 * @param {(data: {type: string, requestGuid: string, deviceGuid: string, shownAt: number}) => boolean} isOver
 */
async function closeNotifications(isOver) {
  const notifications = await listNotifications().catch(() => []);
  for (const notification of notifications) {
    if (notification.data && isOver(notification.data)) notification.close();
  }
}

/** Return those that are displayed; not every browser with service workers has a list of them. */
async function listNotifications() {
  const registration = await navigator.serviceWorker?.getRegistration();
  return (await registration?.getNotifications?.()) ?? [];
}

/**
 * Yield the open requests every few seconds.
 *
 * @param {Account} account
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<OpenRequest[], void, void>}
 */
async function* poll(account, signal) {
  while (!signal.aborted) {
    yield await account.pending({ signal });
    await pause(POLL);
  }
}
