/** Watches: how the open requests of all accounts are learned, by two connections at a time. */

import { ServiceRefused } from "./device/index.js";
import { systemRandom } from "./wire/bytes.js";
import { Pauses, systemSleep } from "./wire/pause.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").OpenRequest} OpenRequest */
/** @typedef {import("./lists.js").Lists} Lists */

/** A browser has six connections to a host, for all of its tabs, and calls need some. */
const CONNECTIONS = 2;
/** Milliseconds after which an account without a connection of its own is asked again. */
const POLL = 10_000;
const LONGEST_PAUSE = 60_000;
/** How often a device that is refused asks again: it may have been resumed. */
const REFUSED = { first: 30_000, longest: LONGEST_PAUSE };
/** How often a new device asks whether it was confirmed: for people who wait, then for others. */
const UNCONFIRMED = { first: 20_000, longest: 40_000, growth: 1.05 };
/** Milliseconds without a list after which a stream counts as held back on its way, as by a proxy. */
const SILENCE = 5000;
/** Milliseconds until such a stream is tried again. */
const HELD_BACK = 600_000;
/** Seconds for which the service may hold a call in the place of a stream. */
const HOLD_SECONDS = 25;

/** How many may work at a time; the others wait for their turn. */
class Places {
  #free;
  /** @type {(() => void)[]} In the order in which they came. */
  #waiting = [];

  /** @param {number} count */
  constructor(count) {
    this.#free = count;
  }

  /**
   * Wait for a place.
   *
   * @param {AbortSignal} signal Ends the wait.
   * @returns {Promise<() => void>} What gives the place back.
   */
  async take(signal) {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    return () => this.#give();
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  #wait(signal) {
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== begin);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(begin);
    });
  }

  #give() {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

/** The watch of one account. */
class Watch {
  controller = new AbortController();
  /** Ends what the watch does now, so that it is done another way. */
  turn = new AbortController();
  /** Whether it has a connection of its own. */
  isStreaming = false;
  /** Whether the service refused its last call. */
  isRefused = false;
  /** Until when no stream is tried, since the last one was held back. */
  heldBackUntil = 0;
  /** @type {() => void} Ends its pause. */
  wake = () => undefined;

  /** @param {Account} account */
  constructor(account) {
    /** @readonly */
    this.account = account;
  }

  get signal() {
    return this.controller.signal;
  }
}

/** The watches of all accounts of this browser, in the tab that leads. */
export class Watches {
  #lists;
  #refresh;
  #sleep;
  #places = new Places(CONNECTIONS);
  /** @type {Watch[]} The first has a connection of its own, and the second if there is no third. */
  #watches = [];
  #isFirst = true;

  /**
   * @param {Lists} lists Where what is learned is kept.
   * @param {() => Promise<void>} refresh Called after a failure: looks which accounts there are.
   * @param {{sleep?: import("./wire/pause.js").Sleep}} [how]
   */
  constructor(lists, refresh, { sleep = systemSleep } = {}) {
    this.#lists = lists;
    this.#refresh = refresh;
    this.#sleep = sleep;
  }

  /**
   * Watch each of these accounts, and no other. One that was added meanwhile comes first: it is most
   * likely to be asked soon.
   *
   * @param {readonly Account[]} accounts
   * @returns {Account[]} Those that were not watched before.
   */
  follow(accounts) {
    const devices = new Set(accounts.map(({ device }) => device));
    for (const watch of this.#watches) if (!devices.has(watch.account.device)) this.#end(watch);
    const known = new Set(this.#watches.map(({ account }) => account.device));
    const added = accounts.filter(({ device, state }) => !known.has(device) && state !== "REVOKED");
    const watches = added.map((account) => new Watch(account));
    this.#watches = this.#isFirst ? [...this.#watches, ...watches] : [...watches, ...this.#watches];
    this.#isFirst = false;
    this.#assign();
    for (const watch of watches) void this.#run(watch);
    return added;
  }

  /**
   * Ask for the list of an account now, where its watch pauses.
   *
   * @param {string} device
   */
  wake(device) {
    this.#watches.find(({ account }) => account.device === device)?.wake();
  }

  /** End all watches. */
  stop() {
    for (const watch of this.#watches) this.#end(watch);
  }

  /** @param {Watch} watch */
  #end(watch) {
    this.#watches = this.#watches.filter((other) => other !== watch);
    watch.controller.abort();
    watch.turn.abort();
  }

  /** Say which watches have a connection of their own; those that share one, or are refused, have none. */
  #assign() {
    const count = this.#watches.length > CONNECTIONS ? CONNECTIONS - 1 : CONNECTIONS;
    const streaming = this.#watches.filter(({ isRefused }) => !isRefused).slice(0, count);
    for (const watch of this.#watches) {
      const isStreaming = streaming.includes(watch);
      if (watch.isStreaming === isStreaming) continue;
      watch.isStreaming = isStreaming;
      watch.turn.abort();
    }
  }

  /** @param {Watch} watch */
  async #run(watch) {
    const { account, signal } = watch;
    const { device } = account;
    const pausesAfterFailures = new Pauses({ random: systemRandom, first: POLL, longest: LONGEST_PAUSE });
    const pausesAfterRefusals = new Pauses({ random: systemRandom, ...REFUSED });
    const pausesUnconfirmed = new Pauses({ random: systemRandom, ...UNCONFIRMED });
    while (!signal.aborted) {
      watch.turn = new AbortController();
      try {
        for await (const requests of this.#read(watch)) {
          if (signal.aborted) return;
          for (const pauses of [pausesAfterFailures, pausesAfterRefusals, pausesUnconfirmed]) pauses.reset();
          this.#setRefused(watch, false);
          this.#lists.set(device, requests);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (watch.turn.signal.aborted) continue;
        const isRefused = error instanceof ServiceRefused;
        this.#lists.fail(device, error);
        if (account.state === "REVOKED") {
          this.#end(watch);
          this.#assign();
          return;
        }
        this.#setRefused(watch, isRefused);
        const isUnconfirmed = isRefused && error.reason === "unconfirmed";
        // It is read another way from now on, but not at once.
        watch.turn = new AbortController();
        const pauses = isUnconfirmed ? pausesUnconfirmed : isRefused ? pausesAfterRefusals : pausesAfterFailures;
        await this.#pause(watch, pauses.next(retryAfterOf(error)));
        // Another tab may have removed it; if the store fails now, the next turn asks it again.
        await this.#refresh().catch(() => undefined);
      }
    }
  }

  /**
   * @param {Watch} watch
   * @param {boolean} isRefused
   */
  #setRefused(watch, isRefused) {
    if (watch.isRefused === isRefused) return;
    watch.isRefused = isRefused;
    this.#assign();
  }

  /**
   * Yield the open requests of an account until its turn ends, or it is to be read another way.
   *
   * @param {Watch} watch
   * @returns {AsyncGenerator<readonly OpenRequest[], void, void>}
   */
  async *#read(watch) {
    if (!watch.isStreaming) {
      yield* this.#poll(watch);
      return;
    }
    const release = await this.#places.take(watch.turn.signal);
    try {
      if (performance.now() >= watch.heldBackUntil) yield* this.#stream(watch);
      else yield* this.#hold(watch);
    } finally {
      release();
    }
  }

  /**
   * Yield the lists of the service's stream, until it is held back on its way.
   *
   * @param {Watch} watch
   * @returns {AsyncGenerator<readonly OpenRequest[], void, void>}
   */
  async *#stream(watch) {
    const silence = new AbortController();
    const timer = setTimeout(() => {
      watch.heldBackUntil = performance.now() + HELD_BACK;
      silence.abort();
    }, SILENCE);
    const signal = AbortSignal.any([watch.turn.signal, silence.signal]);
    try {
      for await (const requests of watch.account.watch({ signal })) {
        clearTimeout(timer);
        yield requests;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Yield the lists of calls that the service holds until there is something to say.
   *
   * @param {Watch} watch
   * @returns {AsyncGenerator<readonly OpenRequest[], void, void>}
   */
  async *#hold(watch) {
    const { account } = watch;
    const { signal } = watch.turn;
    try {
      let known = await account.pending({ signal });
      yield known;
      while (performance.now() < watch.heldBackUntil) {
        known = await account.wait({ timeoutSeconds: HOLD_SECONDS, known, signal });
        yield known;
      }
    } catch (error) {
      // The service is not there, and so the stream had no list.
      if (!signal.aborted) watch.heldBackUntil = 0;
      throw error;
    }
  }

  /**
   * Yield the list of an account every few seconds; accounts that share a connection take turns.
   *
   * @param {Watch} watch
   * @returns {AsyncGenerator<readonly OpenRequest[], void, void>}
   */
  async *#poll(watch) {
    const { signal } = watch.turn;
    while (!signal.aborted) {
      const release = await this.#places.take(signal);
      let requests;
      try {
        requests = await watch.account.pending({ signal });
      } finally {
        release();
      }
      yield requests;
      await this.#pause(watch, POLL);
    }
  }

  /**
   * Wait, but no longer than until the person looks at the page again, or is online again.
   *
   * @param {Watch} watch
   * @param {number} milliseconds
   */
  async #pause(watch, milliseconds) {
    const over = new AbortController();
    const end = () => {
      over.abort();
    };
    const look = () => {
      if (!document.hidden) end();
    };
    watch.wake = end;
    document.addEventListener("visibilitychange", look, { signal: over.signal });
    window.addEventListener("online", end, { signal: over.signal });
    const signal = AbortSignal.any([over.signal, watch.turn.signal]);
    await this.#sleep(milliseconds, signal).catch(() => undefined);
    end();
  }
}

/** @param {unknown} error */
function retryAfterOf(error) {
  const { retryAfter } = /** @type {{retryAfter?: unknown}} */ (error ?? {});
  return typeof retryAfter === "number" ? retryAfter : undefined;
}
