/** Waiting devices: the new devices of all accounts that wait to be confirmed. */

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {Awaited<ReturnType<Account["newDevices"]>>} NewDevices */
/** @typedef {import("./device/index.js").Wallet} Wallet */

/** How often they are looked for, since no push tells of some. */
const INTERVAL = 30_000;

/** The new devices that wait; tells of changes by an event `newdevices`. */
export class WaitingDevices extends EventTarget {
  #wallet;
  #shown;
  /** @type {Map<string, NewDevices>} By the GUID of our own device. */
  #lists = new Map();

  /**
   * @param {Wallet} wallet
   * @param {import("./shown_notifications.js").ShownNotifications} shown
   */
  constructor(wallet, shown) {
    super();
    this.#wallet = wallet;
    this.#shown = shown;
  }

  /** All of them. */
  get all() {
    return [...this.#lists.values()].flat();
  }

  /**
   * Return a new device, and the GUID of our own that may decide on it.
   *
   * @param {string} guid
   */
  find(guid) {
    for (const [account, list] of this.#lists) {
      const newDevice = list.find(({ device }) => device === guid);
      if (newDevice) return { account, newDevice };
    }
    return undefined;
  }

  /** Read them; where that fails, what was read before stays. */
  async read() {
    const startedAt = Date.now();
    /** @type {Map<string, NewDevices>} */
    const lists = new Map();
    // One call after the other: a browser has few connections to a host.
    for (const account of await this.#wallet.accounts().catch(() => [])) {
      if (account.state !== "ACTIVE") continue;
      const known = this.#lists.get(account.device) ?? [];
      const list = await account.newDevices().catch(() => known);
      if (list.length > 0) lists.set(account.device, list);
    }
    const before = JSON.stringify([...this.#lists]);
    this.#lists = lists;
    await this.#shown.closeDecided((device) => this.find(device) !== undefined, startedAt);
    if (JSON.stringify([...lists]) !== before) this.dispatchEvent(new Event("newdevices"));
  }

  /**
   * Read them now, and every while until *signal* aborts.
   *
   * @param {AbortSignal} signal
   */
  follow(signal) {
    const read = () => {
      if (!document.hidden) void this.read();
    };
    const timer = setInterval(read, INTERVAL);
    signal.addEventListener("abort", () => clearInterval(timer));
    document.addEventListener("visibilitychange", read, { signal });
    read();
  }
}
