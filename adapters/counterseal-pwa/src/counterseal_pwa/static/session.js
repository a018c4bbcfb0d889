/** The session: all that the views show of the wallet of this browser. */

import { Displays } from "./displays.js";
import { Lists } from "./lists.js";
import { Notifications } from "./notifications.js";
import { ShownNotifications } from "./shown_notifications.js";
import { Tabs } from "./tabs.js";
import { WaitingDevices } from "./waiting_devices.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").AccountChange} AccountChange */
/** @typedef {import("./device/index.js").Wallet} Wallet */

/** Changes after which the accounts are others, in all tabs. */
const ACCOUNT_CHANGES = /** @type {ReadonlySet<string>} */ (
  new Set(
    /** @type {AccountChange[]} */ ([
      "bound",
      "removed",
      "renamed",
      "branded",
      "keys",
      "rotated",
      "unconfirmed",
      "confirmed",
      "suspended",
      "resumed",
      "revoked",
    ]),
  )
);
/** Milliseconds until a store that failed is asked again which accounts there are. */
const RETRY = 10_000;

/**
 * Tells of changes by the events `requests`, `displays`, `accounts`, `newdevices`, `notifications`
 * and `connection`.
 */
export class Session extends EventTarget {
  /** @readonly */
  lists = new Lists();
  /** Whether a newer version of the app uses the store, in another tab. */
  isOutdated = false;
  /** @type {readonly Account[]} As they were last read. */
  #accounts = [];
  #shown = new ShownNotifications();
  /** @type {AbortSignal | null} Aborted once this tab, which leads, does so no more. */
  #leading = null;
  /** @type {import("./watches.js").Watches | null} In the tab that leads. */
  #watches = null;
  #tabs;
  #isRefreshLate = false;
  /** The end of the calls that say what has changed of the accounts. */
  #statuses = Promise.resolve();

  /**
   * @param {Wallet} wallet
   * @param {Promise<ServiceWorkerRegistration | undefined>} registration
   * @param {ConstructorParameters<typeof Tabs>[1]} [browser] What tabs share.
   */
  constructor(wallet, registration, browser) {
    super();
    /** @readonly */
    this.wallet = wallet;
    /** @readonly */
    this.notifications = new Notifications(wallet, registration);
    /** @readonly */
    this.displays = new Displays(this.lists);
    /** @readonly */
    this.waitingDevices = new WaitingDevices(wallet, this.#shown);
    this.#tabs = new Tabs(
      {
        lead: (signal) => this.#lead(signal),
        lists: () => this.lists.snapshot(),
        adopt: (lists) => this.lists.adopt(lists),
        refresh: () => void this.#refreshSoon(),
      },
      browser,
    );
    this.#listen();
  }

  /** Read the accounts, and learn their requests: from their services, or from the tab that does. */
  async start() {
    await this.refresh();
    this.#tabs.start();
    // What it cannot finish now, the next start does.
    this.wallet.resume().catch(() => undefined);
  }

  #listen() {
    const forward = (/** @type {EventTarget} */ source, /** @type {string} */ type, as = type) =>
      source.addEventListener(type, () => this.dispatchEvent(new Event(as)));
    forward(this.lists, "requests");
    forward(this.lists, "problems", "accounts");
    forward(this.lists, "connection");
    forward(this.displays, "displays");
    forward(this.waitingDevices, "newdevices");
    this.lists.addEventListener("change", () => this.#tabs.tellLists());
    this.lists.addEventListener("requests", () => {
      if (this.#tabs.isLeading) void this.#closeEnded();
    });
    this.wallet.addEventListener("change", ({ detail }) => this.#learn(detail));
  }

  /** @param {import("./device/index.js").ChangeEvent["detail"]} change */
  #learn(change) {
    if (change.type === "outdated") {
      this.isOutdated = true;
      this.dispatchEvent(new Event("connection"));
      return;
    }
    const { type, device } = change;
    if (ACCOUNT_CHANGES.has(type)) {
      void this.#refreshSoon();
      this.#tabs.tell({ type: "accounts" });
    }
    if (type === "bound" || type === "confirmed") void this.refreshNotifications();
    if (type === "confirmed" || type === "resumed") this.#watches?.wake(device);
    if (type === "unreached" || type === "reached") this.lists.noteReached(device, type === "reached");
  }

  /** @param {AbortSignal} signal */
  #lead(signal) {
    this.#leading = signal;
    signal.addEventListener("abort", () => {
      this.#watches?.stop();
      this.#watches = null;
      this.#leading = null;
    });
    void this.#refreshSoon();
  }

  /** Watch the accounts, in the tab that leads. */
  async #follow() {
    const signal = this.#leading;
    if (signal === null || (this.#accounts.length === 0 && this.#watches === null)) return;
    // Nobody without an account needs it.
    const { Watches } = await import("./watches.js");
    if (signal.aborted) return;
    this.#watches ??= new Watches(this.lists, () => this.refresh());
    for (const account of this.#watches.follow(this.#accounts)) {
      // Its colour and logo, and this app's version, may be others by now; what is wrong
      // otherwise, the watch says.
      this.#statuses = this.#statuses.then(async () => {
        await account.status().catch(() => undefined);
      });
    }
  }

  /** The accounts of this browser, as they were last read. */
  get accounts() {
    return this.#accounts;
  }

  /** Read which accounts there are. */
  async refresh() {
    this.#accounts = await this.wallet.accounts();
    this.lists.keepOnly(this.#accounts.map(({ device }) => device));
    this.dispatchEvent(new Event("accounts"));
    await this.#follow();
  }

  /** Read which accounts there are, later if the store fails now. */
  async #refreshSoon() {
    try {
      await this.refresh();
    } catch {
      if (this.#isRefreshLate) return;
      this.#isRefreshLate = true;
      setTimeout(() => {
        this.#isRefreshLate = false;
        void this.#refreshSoon();
      }, RETRY);
    }
  }

  async #closeEnded() {
    const isWhole = this.#accounts.every(
      ({ device, state }) => state !== "ACTIVE" || this.lists.requestsOf(device) !== undefined,
    );
    await this.#shown.closeEnded(this.lists.all, isWhole);
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
    const known = accounts.filter((account) => this.lists.isOpen(account.device, guid));
    if (known.length > 1) return "several";
    if (known[0]) return known[0];
    let failure;
    for (const account of accounts) {
      try {
        const requests = await account.pending();
        if (!requests.some((request) => request.guid === guid)) continue;
        // What the stream said before may be older.
        this.lists.set(account.device, requests);
        return account;
      } catch (error) {
        if (account.state !== "REVOKED") failure = error;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  /**
   * Tell whether a request is known to be open no more; a list that could not be read says nothing.
   *
   * @param {string} device
   * @param {string} guid
   */
  hasEnded(device, guid) {
    const isRemoved = this.#accounts.every((account) => account.device !== device);
    return isRemoved || (this.lists.requestsOf(device) !== undefined && !this.lists.isOpen(device, guid));
  }

  /** Unsubscribe from notifications once no account is left. */
  async endNotifications() {
    const accounts = await this.wallet.accounts();
    if (accounts.length === 0) await this.notifications.turnOff().catch(() => undefined);
  }
}
