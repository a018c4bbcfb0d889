/** Tabs: the tabs of one browser that have the app open hear each other, and one of them leads. */

/** @typedef {import("./lists.js").Snapshot} Snapshot */

/**
 * What one tab tells all others: that it asks for the lists; the lists, from the tab that leads; or
 * that there are other accounts, or that one has changed.
 *
 * @typedef {{type: "ask"} | {type: "lists", lists: Snapshot, isHidden: boolean} | {type: "accounts"}} Message
 */

/**
 * What a tab does.
 *
 * @typedef {object} Role
 * @property {(signal: AbortSignal) => void} lead Begin to lead, until *signal* is aborted.
 * @property {() => Snapshot} lists
 * @property {(lists: Snapshot) => void} adopt Use the lists of the tab that leads.
 * @property {() => void} refresh Read again which accounts there are.
 */

/** Of the accounts in the store, which all versions of the app share. */
const LEADER = "counterseal-leader";
/** The number is of the form of the messages. */
const CHANNEL = "counterseal-tabs-1";
/** Milliseconds that the tab that leads has to answer one that is shown. */
const PATIENCE = 1000;

/** One tab among all; without Web Locks, each leads. */
export class Tabs {
  #role;
  #locks;
  #channel;
  /** @type {AbortController | null} Ends the lead. */
  #lead = null;
  /** Ends the wait for the lead. */
  #queue = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Role} role
   * @param {{locks?: LockManager | undefined, channel?: BroadcastChannel | undefined}} [how]
   */
  constructor(role, { locks = navigator.locks, channel = locks && openChannel() } = {}) {
    this.#role = role;
    // One tab that leads would be of no use to others that do not hear it.
    this.#locks = channel && locks;
    this.#channel = channel;
  }

  get isLeading() {
    return this.#lead !== null;
  }

  /** Hear the other tabs, and lead as soon as no other one does. */
  start() {
    if (!this.#locks) {
      this.#begin();
      return;
    }
    this.#channel?.addEventListener("message", ({ data }) => this.#hear(data));
    document.addEventListener("visibilitychange", () => {
      // A tab that leads tells that it is hidden; another one that is shown then leads.
      this.tellLists();
      this.#claim();
    });
    void this.#wait();
    this.#claim();
  }

  /**
   * Tell all other tabs.
   *
   * @param {Message} message
   */
  tell(message) {
    this.#channel?.postMessage(message);
  }

  /** Tell all other tabs the lists, if this one leads. */
  tellLists() {
    if (this.isLeading) this.tell({ type: "lists", lists: this.#role.lists(), isHidden: document.hidden });
  }

  /** @param {Message} message */
  #hear(message) {
    if (message.type === "ask") this.tellLists();
    else if (message.type === "accounts") this.#role.refresh();
    else if (message.type === "lists" && !this.isLeading) {
      clearTimeout(this.#timer);
      this.#role.adopt(message.lists);
      // Browsers slow down hidden tabs, and stop them.
      if (message.isHidden && !document.hidden) void this.#take();
    }
  }

  /** Look whether the tab that leads is there, and take the lead from one that does not answer. */
  #claim() {
    if (document.hidden || this.isLeading) return;
    this.tell({ type: "ask" });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!document.hidden) void this.#take();
    }, PATIENCE);
  }

  /** Lead once no other tab does. */
  async #wait() {
    this.#queue = new AbortController();
    await this.#request({ signal: this.#queue.signal });
  }

  /** Take the lead from the tab that has it. */
  async #take() {
    if (this.isLeading) return;
    this.#queue.abort();
    await this.#request({ steal: true });
  }

  /** @param {LockOptions} options */
  async #request(options) {
    /** @type {AbortController | null} */
    let lead = null;
    try {
      await this.#locks?.request(LEADER, options, () => {
        lead = this.#begin();
        // It leads until the tab ends, or another one takes the lead.
        return new Promise(() => {});
      });
    } catch (error) {
      if (options.signal?.aborted) return;
      /** @type {AbortController | null} */ (lead)?.abort();
      // A later request of this tab leads: of two that steal, the second ends the first.
      if (this.#lead !== lead) return;
      this.#lead = null;
      const isTaken = error instanceof Error && error.name === "AbortError";
      if (isTaken) void this.#wait();
      // A browser that refuses locks, such as in a frame of another site.
      else this.#begin();
    }
  }

  #begin() {
    clearTimeout(this.#timer);
    this.#lead?.abort();
    this.#lead = new AbortController();
    this.#role.lead(this.#lead.signal);
    return this.#lead;
  }
}

/** @returns {BroadcastChannel | undefined} */
function openChannel() {
  return "BroadcastChannel" in globalThis ? new BroadcastChannel(CHANNEL) : undefined;
}
