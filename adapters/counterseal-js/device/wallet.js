/** Wallets: several accounts, at several services, in one store. */

import { systemRandom } from "../wire/bytes.js";
import { CountersealError, Misuse } from "../wire/errors.js";
import { readAddress } from "../wire/http.js";
import { systemSleep } from "../wire/pause.js";
import { Account } from "./account.js";
import { addressOf, Binding } from "./binding.js";
import { fetchInvitation, readLinkOrToken } from "./invitation.js";
import { systemLocks } from "./locks.js";
import { readAccountRecord } from "./records.js";
import { Service } from "./service.js";
import { checkedStore } from "./store.js";
import { lockOf } from "./stored_account.js";

/** @typedef {import("../wire/keys.js").Algorithm} Algorithm */
/** @typedef {import("./binding.js").BindOptions} BindOptions */
/** @typedef {import("./invitation.js").Invitation} Invitation */
/** @typedef {import("./records.js").AccountRecord} AccountRecord */
/** @typedef {import("./strong_keys.js").StrongKeys} StrongKeys */

/**
 * @typedef {object} WalletSettings
 * @property {import("./store.js").Store} store
 * @property {readonly StrongKeys[]} strongKeys The kinds that the wallet can make and open; the
 *   first is made where a bind names none.
 * @property {Algorithm} [algorithm] Of new device keys; `ES256` if none is given.
 * @property {string} [platform] Of the app, such as `Android 16`; visible ASCII, at most 64
 *   characters. The service learns it at a bind, and by `status` when it changes.
 * @property {string} [appVersion] Likewise.
 * @property {string} [language] The tag of the person's language, such as `de-AT`, in which actions are
 *   displayed. A service that takes one learns it in the same way.
 * @property {boolean} [allowHttp] Whether plain `http` to another machine is allowed.
 * @property {number} [timeoutSeconds] The most that one call takes.
 * @property {typeof fetch} [fetch]
 * @property {() => number} [now] Milliseconds since the epoch.
 * @property {() => number} [monotonic] Milliseconds that only grow.
 * @property {import("../wire/bytes.js").Random} [random] For ids and PINs' keys; other keys are
 *   made by WebCrypto, with randomness of its own.
 * @property {import("../wire/pause.js").Sleep} [sleep]
 * @property {import("./locks.js").Locks} [locks] What keeps other users of the same store from
 *   changing an account at the same time; Web Locks if none is given.
 */

/**
 * What has changed of an account.
 *
 * @typedef {"bound" | "requests" | "ended" | "answered" | "kept" | "renamed" | "branded" | "keys"
 *   | "rotated" | "unconfirmed" | "confirmed" | "suspended" | "resumed" | "revoked" | "removed"
 *   | "unreached" | "reached"} AccountChange
 */

/**
 * What a `change` event says: what has changed, and the GUID of the account's device. With `ended`,
 * which `watch` learns, `request` is the GUID of a request that is open no more: answered on another
 * device, withdrawn or over. `kept` says that the store has taken what it had not. `watch` tells
 * `unreached` once, and then tries again. `outdated` is of no account: another tab uses the store
 * with a newer version of this library, so this program has to be loaded again.
 *
 * @typedef {CustomEvent<{type: AccountChange, device: string, request?: string} | {type: "outdated"}>} ChangeEvent
 */

/**
 * An account whose record this wallet cannot use.
 *
 * @typedef {{device: string, error: CountersealError}} UnreadableAccount
 */

const SECOND = 1000;
const TIMEOUT_SECONDS = 10;

/** Several accounts, at several services; tells of each change by an event `change`. */
export class Wallet extends EventTarget {
  /** @type {import("./enrolment.js").App} */
  #app;
  #settings;
  #store;
  #world;
  #locks;
  #binding;
  /** @type {Map<string, Account>} */
  #accounts = new Map();
  /** @type {Map<string, Service>} By address: what is learned of a service's clock is of all accounts. */
  #services = new Map();

  /** @param {WalletSettings} settings */
  constructor(settings) {
    super();
    const { store, strongKeys } = settings;
    if (!store || !strongKeys?.length) {
      throw new Misuse("client_unfit", "a wallet needs a store and strong keys");
    }
    this.#settings = settings;
    const { platform, appVersion, language } = settings;
    this.#app = { platform, appVersion, language };
    this.#store = checkedStore(store);
    this.#locks = settings.locks ?? systemLocks();
    this.#world = {
      fetch: settings.fetch ?? ((...request) => fetch(...request)),
      now: settings.now ?? Date.now,
      monotonic: settings.monotonic ?? (() => performance.now()),
      random: settings.random ?? systemRandom,
      sleep: settings.sleep ?? systemSleep,
      timeout: (settings.timeoutSeconds ?? TIMEOUT_SECONDS) * SECOND,
    };
    this.#binding = new Binding({
      store: this.#store,
      locks: this.#locks,
      world: this.#world,
      algorithm: settings.algorithm ?? "ES256",
      app: () => this.#app,
      service: (url) => this.#service(url),
      strongKeys: (kind) => this.#strongKeys(kind),
      open: (record) => this.#open(record),
    });
    this.#store.onOutdated?.(() => this.#dispatch({ type: "outdated" }));
  }

  /**
   * @override
   * @param {"change"} type
   * @param {((event: ChangeEvent) => void) | {handleEvent: (event: ChangeEvent) => void} | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, /** @type {EventListener} */ (listener), options);
  }

  /**
   * @override
   * @param {"change"} type
   * @param {((event: ChangeEvent) => void) | {handleEvent: (event: ChangeEvent) => void} | null} listener
   * @param {boolean | EventListenerOptions} [options]
   */
  removeEventListener(type, listener, options) {
    super.removeEventListener(type, /** @type {EventListener} */ (listener), options);
  }

  /**
   * Return all accounts, but those that this version of the library cannot read.
   *
   * @returns {Promise<Account[]>}
   */
  async accounts() {
    return (await this.#read()).accounts;
  }

  /**
   * Return the accounts that a newer version of this library has stored, or that are damaged: tell
   * the person that they are here.
   *
   * @returns {Promise<UnreadableAccount[]>}
   */
  async unreadableAccounts() {
    return (await this.#read()).unreadable;
  }

  async #read() {
    /** @type {Account[]} */
    const accounts = [];
    /** @type {UnreadableAccount[]} */
    const unreadable = [];
    for (const { id, record } of await this.#store.list("accounts")) {
      try {
        accounts.push(this.#open(readAccountRecord(record)));
      } catch (error) {
        if (!(error instanceof CountersealError)) throw error;
        unreadable.push({ device: id, error });
      }
    }
    return { accounts, unreadable };
  }

  /**
   * Return the account of a device.
   *
   * @param {string} device
   * @returns {Promise<Account | undefined>}
   */
  async account(device) {
    const record = await this.#store.get("accounts", device);
    return record && this.#open(readAccountRecord(record));
  }

  /**
   * Return what the service says of the App Space of a bind link, to be shown before the person
   * agrees. Nothing is bound, and the link stays as good as it was.
   *
   * @param {{url?: string, link: string}} options As for `bind`.
   * @returns {Promise<Invitation>}
   * @throws {InvalidField} The link is malformed, or of another service or App Space.
   * @throws {import("./errors.js").ServiceRefused} `denied` or `deadline_passed`: the link is not,
   *   or no longer, good.
   */
  async readInvitation({ url, link }) {
    const parsed = readLinkOrToken(link);
    return fetchInvitation(this.#service(addressOf(url, parsed)), parsed);
  }

  /**
   * Return the accounts of other App Spaces that the App Space of a bind link looks like: have the
   * person compare them before `bind`.
   *
   * @param {{url?: string, link: string, invitation?: Invitation}} options As for `bind`.
   * @returns {Promise<import("./lookalikes.js").Lookalike<Account>[]>}
   * @throws {InvalidField} As `readInvitation`, where no invitation is given.
   * @throws {import("./errors.js").ServiceRefused} Likewise.
   */
  async lookalikes({ url, link, invitation }) {
    const accounts = await this.accounts();
    if (accounts.length === 0) return [];
    const parsed = readLinkOrToken(link);
    const service = this.#service(addressOf(url, parsed));
    const identity = invitation ?? (await fetchInvitation(service, parsed));
    // The table is loaded only where there is something to compare.
    const { findLookalikes } = await import("./lookalikes.js");
    return findLookalikes({ ...identity, url: service.address }, accounts);
  }

  /**
   * Bind a new device to the account of a bind link.
   *
   * If the reply was lost, the same call on the same wallet binds the same keys. If the program ends
   * before, `resume` finishes the bind or undoes it.
   *
   * @param {BindOptions} options
   * @returns {Promise<Account>}
   * @throws {Misuse} An option is unknown, or there is no link; nothing is sent.
   * @throws {InvalidField} The link is malformed, or of another service than `url`.
   * @throws {import("./errors.js").ServiceRefused} `denied`, `deadline_passed`, `token_spent` and
   *   others: see the reference page "The wire". With `too_many_bindings` after a log-in, the same
   *   link binds in place of a device, by `replaces`.
   */
  async bind(options) {
    const account = await this.#binding.bind(options);
    this.#notify("bound", account.device);
    return account;
  }

  /**
   * Finish what a program that has ended has left: call it at the start of a program. A bind is
   * finished, or its device is revoked at the service where its strong key was under a PIN, ten
   * minutes after it was begun. What cannot be done now is done the next time.
   *
   * @throws {import("./errors.js").StoreFailed}
   */
  async resume() {
    for (const device of await this.#binding.resume()) this.#notify("bound", device);
  }

  /**
   * Begin a log-in at the Identity Provider of an App Space.
   *
   * @param {{url: string, appSpace: string, redirectUri: string}} where `url`: the service's
   *   address; `redirectUri`: the app's own, one of the App Space's `returns`.
   * @returns {Promise<import("./login.js").Login>} What to keep until the person comes back to
   *   `redirectUri`; open its `url` in a browser.
   * @throws {import("./errors.js").ServiceRefused} `return_forbidden` and others.
   */
  async startLogin({ url, appSpace, redirectUri }) {
    const { startLogin } = await import("./login.js");
    return startLogin(this.#service(url), { appSpace, redirectUri });
  }

  /**
   * Finish a log-in, which counts once.
   *
   * @param {{url: string, login: import("./login.js").Login, returned: string}} from `returned`: the
   *   address to which the person came back, with its query.
   * @returns {Promise<import("./login.js").LoggedIn>} What `bind` binds a device by, and the
   *   person's devices, one of which the new one may replace.
   * @throws {import("./errors.js").ServiceRefused} `denied`: the service or the provider refuses.
   * @throws {import("../wire/errors.js").Refused} `wrong_login`: the person came back from another
   *   log-in; `login_refused`: the provider lets nobody in.
   */
  async finishLogin({ url, login, returned }) {
    const { finishLogin } = await import("./login.js");
    return finishLogin(this.#service(url), login, returned);
  }

  /**
   * Use another language of the person from now on, a tag such as `de-AT`, and tell it to the services
   * that take one. One that cannot be told now learns it by the next `status`.
   *
   * @param {string} language
   */
  async setLanguage(language) {
    if (language === this.#app.language) return;
    this.#app = { ...this.#app, language };
    const accounts = await this.accounts();
    const active = accounts.filter(({ state }) => state === "ACTIVE");
    await Promise.all(active.map((account) => account.status().catch(() => undefined)));
  }

  /** @param {string} url */
  #service(url) {
    const { allowHttp = false } = this.#settings;
    const address = readAddress(url, { allowHttp });
    const service = this.#services.get(address) ?? new Service(address, this.#world);
    this.#services.set(address, service);
    return service;
  }

  /**
   * Delete an account's keys and history from this device, without a call. At the service the
   * device stays bound, with keys that nobody has: `account.unbind()` revokes it there too.
   *
   * @param {string} device
   */
  async forget(device) {
    await this.#locks.request(lockOf(device), async () => {
      const history = await this.#store.list("history", `${device}/`);
      await this.#store.commit([
        ...history.map(({ id }) => /** @type {const} */ ({ collection: "history", id })),
        { collection: "accounts", id: device },
      ]);
    });
    this.#accounts.delete(device);
    this.#notify("removed", device);
  }

  /**
   * @param {string} [kind] The first one if none is given.
   * @returns {StrongKeys}
   */
  #strongKeys(kind) {
    const { strongKeys } = this.#settings;
    const matching = strongKeys.find((keys) => kind === undefined || keys.kind === kind);
    if (!matching) throw new Misuse("client_unfit", `the wallet has no strong keys ${kind}`);
    return matching;
  }

  /** @param {AccountRecord} record */
  #open(record) {
    const opened = this.#accounts.get(record.device);
    if (opened) {
      opened.adopt(record);
      return opened;
    }
    const account = new Account(record, {
      service: this.#service(record.url),
      world: this.#world,
      store: this.#store,
      locks: this.#locks,
      app: () => this.#app,
      strongKeys: (kind) => this.#strongKeys(kind),
      notify: (type, device, more) => this.#notify(type, device, more),
      forget: (device) => this.forget(device),
    });
    this.#accounts.set(record.device, account);
    return account;
  }

  /**
   * @param {AccountChange} type
   * @param {string} device
   * @param {{request?: string}} [more]
   */
  #notify(type, device, more) {
    this.#dispatch({ type, device, ...more });
  }

  /** @param {ChangeEvent["detail"]} detail */
  #dispatch(detail) {
    this.dispatchEvent(new CustomEvent("change", { detail }));
  }
}
