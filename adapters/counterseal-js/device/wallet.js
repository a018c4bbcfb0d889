/** Wallets: several accounts, at several services, in one store. */

import { systemRandom } from "../wire/bytes.js";
import { comparisonCode } from "../wire/confirmation.js";
import { BadReply, InvalidField, Misuse } from "../wire/errors.js";
import { readAddress, trimAddress } from "../wire/http.js";
import { keySigner } from "../wire/jws.js";
import { keySetDocument, readKeySet, thumbprintOf } from "../wire/keys.js";
import { systemSleep } from "../wire/pause.js";
import { Account } from "./account.js";
import { writeBind } from "./enrolment.js";
import { demandAppSpace, fetchInvitation, readLinkOrToken } from "./invitation.js";
import { systemLocks } from "./locks.js";
import { finishLogin, startLogin } from "./login.js";
import { thumbprintsOf } from "./new_devices.js";
import { readAccountRecord, readBond } from "./records.js";
import { Service } from "./service.js";
import { lockOf } from "./stored_account.js";
import { generateKey } from "./strong_keys.js";

/** @typedef {import("../wire/keys.js").Algorithm} Algorithm */
/** @typedef {import("../wire/link.js").BindLink} BindLink */
/** @typedef {import("./invitation.js").Invitation} Invitation */
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
 * @property {boolean} [allowHttp] Whether plain `http` to another machine is allowed.
 * @property {number} [timeout] Seconds that one call may take.
 * @property {typeof fetch} [fetch]
 * @property {() => number} [now] Milliseconds since the epoch.
 * @property {import("../wire/bytes.js").Random} [random] For ids and PINs' keys; other keys are
 *   made by WebCrypto, with randomness of its own.
 * @property {import("../wire/pause.js").Sleep} [sleep]
 * @property {import("./locks.js").Locks} [locks] What keeps other users of the same store from
 *   changing an account at the same time; Web Locks if none is given.
 */

/**
 * @typedef {object} BindOptions
 * @property {string} [url] The service's address; a link may have it.
 * @property {string} link The bind link, or the session token alone.
 * @property {string} [name] What to call the device.
 * @property {readonly import("./enrolment.js").PushAddress[]} [addresses]
 * @property {string} [strongKey] Of which kind the strong key is.
 * @property {string | undefined} [replaces] The GUID of the person's device whose place the new one takes: one
 *   of those that `finishLogin` returns. It is revoked once the new one counts.
 * @property {Invitation} [invitation] What `readInvitation` has returned for the link. A passkey is
 *   then made for the relying party id of the App Space, and under the service's names.
 */

/**
 * What a `change` event says: `type` is `bound`, `requests`, `ended`, `answered`, `renamed`,
 * `branded`, `keys`, `rotated`, `unconfirmed`, `confirmed`, `suspended`, `resumed`, `revoked`,
 * `removed`, `unreached` or `reached`, and `device` is the GUID of the account's device. With
 * `ended`, which `watch` learns, `request` is the GUID of a request that is open no more: answered
 * on another device, withdrawn or over. `watch` tells `unreached` once, and then tries again.
 *
 * @typedef {CustomEvent<{type: string, device: string, request?: string}>} ChangeEvent
 */

const SECOND = 1000;
const TIMEOUT = 10;

/** Several accounts, at several services; tells of each change by an event `change`. */
export class Wallet extends EventTarget {
  #settings;
  #world;
  #locks;
  /** @type {Map<string, Account>} */
  #accounts = new Map();
  /** @type {Map<string, Promise<NewKeys>>} */
  #newKeys = new Map();

  /** @param {WalletSettings} settings */
  constructor(settings) {
    super();
    const { store, strongKeys } = settings;
    if (!store || !strongKeys?.length) {
      throw new Misuse("client_unfit", "a wallet needs a store and strong keys");
    }
    this.#settings = settings;
    this.#locks = settings.locks ?? systemLocks();
    this.#world = {
      fetch: settings.fetch ?? ((...request) => fetch(...request)),
      now: settings.now ?? Date.now,
      random: settings.random ?? systemRandom,
      sleep: settings.sleep ?? systemSleep,
      timeout: (settings.timeout ?? TIMEOUT) * SECOND,
    };
  }

  /**
   * Return all accounts.
   *
   * @returns {Promise<Account[]>}
   */
  async accounts() {
    const records = await this.#settings.store.list("accounts");
    return records.map((record) => this.#open(record));
  }

  /**
   * Return the account of a device.
   *
   * @param {string} device
   * @returns {Promise<Account | undefined>}
   */
  async account(device) {
    const record = await this.#settings.store.get("accounts", device);
    return record && this.#open(record);
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
   * If the reply was lost, the same call on the same wallet binds the same keys.
   *
   * @param {BindOptions} options
   * @returns {Promise<Account>}
   * @throws {InvalidField} The link is malformed, or of another service than `url`.
   * @throws {import("./errors.js").ServiceRefused} `denied`, `deadline_passed`, `token_spent` and
   *   others: see the reference page "The wire". With `too_many_bindings` after a log-in, the same
   *   link binds in place of a device, by `replaces`.
   */
  async bind({ url, link, name, addresses, strongKey, replaces, invitation }) {
    const parsed = readLinkOrToken(link);
    const service = this.#service(addressOf(url, parsed));
    const target = await invitationOf(service, parsed, invitation);
    const { appSpace, appSpaceName, rpId } = target;
    const { token, displayName = appSpaceName } = parsed;
    const accountName = target.accountName ?? displayName;
    const newKeys = this.#newKeys.get(token) ?? this.#makeKeys(strongKey, { accountName, rpId });
    this.#newKeys.set(token, newKeys);
    const keys = await newKeys.catch((error) => {
      this.#newKeys.delete(token);
      throw error;
    });
    const offered = { keys: keys.offered, name, addresses, replaces };
    const body = await writeBind({ token, appSpace, ...offered, app: this.#app });
    const call = { method: "POST", path: "/device/bind", body };
    const bond = await service.repeat(() => service.plain(call, readBond));
    const { account = bond.account } = parsed;
    if (appSpace !== bond.appSpace || account !== bond.account) {
      throw new BadReply("another App Space or account than the link's");
    }
    const serviceKeys = await readKeySet(bond.serviceKeys);
    /** @type {import("./records.js").AccountRecord} */
    const record = {
      version: 1,
      url: service.address,
      device: bond.device,
      account: bond.account,
      appSpace,
      appSpaceName,
      accountName: displayName,
      names: bond.names,
      name: name ?? "",
      state: bond.confirmBy === null ? "ACTIVE" : "UNCONFIRMED",
      deviceKey: keys.deviceKey,
      strongKey: keys.strongKey,
      serviceKeys: keySetDocument(serviceKeys),
      keysAt: 0,
      last: null,
      rotation: null,
      rotations: 0,
    };
    const opened = this.#open(await this.#add(record));
    this.#newKeys.delete(token);
    if (bond.confirmBy !== null) {
      const thumbprints = await thumbprintsOf(keys.offered);
      const code = await comparisonCode(bond.account, bond.device, thumbprints);
      opened.comparison = { code, confirmBy: bond.confirmBy };
    }
    this.#notify("bound", bond.device);
    return opened;
  }

  /**
   * Store a new account, unless the same call has just done it; return what is stored.
   *
   * @param {import("./records.js").AccountRecord} record
   * @returns {Promise<import("./records.js").AccountRecord>}
   * @throws {BadReply} The wallet has another account under the device's GUID.
   */
  #add(record) {
    const { device, url, deviceKey } = record;
    const { store } = this.#settings;
    return this.#locks.request(lockOf(device), async () => {
      const stored = await store.get("accounts", device);
      if (stored === undefined) {
        await store.put("accounts", device, record);
        return record;
      }
      const isOwn = stored.url === url && stored.deviceKey?.thumbprint === deviceKey?.thumbprint;
      // Another service may name any device, and must not replace the keys for this one.
      if (!isOwn) throw new BadReply("a device that the wallet has already");
      return stored;
    });
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
  startLogin({ url, appSpace, redirectUri }) {
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
  finishLogin({ url, login, returned }) {
    return finishLogin(this.#service(url), login, returned);
  }

  get #app() {
    const { platform, appVersion } = this.#settings;
    return { platform, appVersion };
  }

  /** @param {string} url */
  #service(url) {
    const { allowHttp = false } = this.#settings;
    return new Service(readAddress(url, { allowHttp }), this.#world);
  }

  /**
   * Delete an account's keys and history from this device, without a call. At the service the
   * device stays bound, with keys that nobody has: `account.unbind()` revokes it there too.
   *
   * @param {string} device
   */
  async forget(device) {
    const { store } = this.#settings;
    await this.#locks.request(lockOf(device), async () => {
      for (const { at, challenge } of await store.list("history", `${device}/`)) {
        await store.remove("history", `${device}/${at}/${challenge}`);
      }
      await store.remove("accounts", device);
    });
    this.#accounts.delete(device);
    this.#notify("removed", device);
  }

  /**
   * @typedef {object} NewKeys
   * @property {import("./enrolment.js").NewKey[]} offered
   * @property {import("./records.js").KeyRecord} deviceKey
   * @property {import("./records.js").StrongRecord} strongKey
   */

  /**
   * @param {string | undefined} kind
   * @param {{accountName: string, rpId: string | undefined}} names
   * @returns {Promise<NewKeys>}
   */
  async #makeKeys(kind, names) {
    const { algorithm = "ES256" } = this.#settings;
    const strongKeys = kind === undefined ? this.#firstKind() : this.#strongKeys(kind);
    const { record, ...strong } = await strongKeys.create(names);
    const { jwk, ...deviceKey } = await generateKey(algorithm, this.#world.random);
    return {
      offered: [
        { role: "device", jwk, signer: keySigner(deviceKey) },
        { role: "strong", ...strong },
      ],
      deviceKey: { ...deviceKey, thumbprint: await thumbprintOf(jwk) },
      strongKey: { kind: strongKeys.kind, record },
    };
  }

  #firstKind() {
    return /** @type {StrongKeys} */ (this.#settings.strongKeys[0]);
  }

  /** @param {string} kind */
  #strongKeys(kind) {
    const strongKeys = this.#settings.strongKeys.find((each) => each.kind === kind);
    if (!strongKeys) throw new Misuse("client_unfit", `the wallet has no strong keys ${kind}`);
    return strongKeys;
  }

  /** @param {unknown} stored */
  #open(stored) {
    const record = readAccountRecord(stored);
    const opened = this.#accounts.get(record.device);
    if (opened) {
      opened.adopt(record);
      return opened;
    }
    const account = new Account(record, {
      service: new Service(record.url, this.#world),
      world: this.#world,
      store: this.#settings.store,
      locks: this.#locks,
      app: this.#app,
      strongKeys: (kind) => this.#strongKeys(kind),
      notify: (type, device, more) => this.#notify(type, device, more),
      forget: (device) => this.forget(device),
    });
    this.#accounts.set(record.device, account);
    return account;
  }

  /**
   * @param {string} type
   * @param {string} device
   * @param {{request?: string}} [more]
   */
  #notify(type, device, more) {
    this.dispatchEvent(new CustomEvent("change", { detail: { type, device, ...more } }));
  }
}

/**
 * Return the App Space of a link: as the service says where it was asked, or else as the link says.
 *
 * @param {Service} service
 * @param {Partial<BindLink> & {token: string}} link
 * @param {Invitation | undefined} invitation
 * @returns {Promise<{appSpace: string, appSpaceName: string, accountName: string | null, rpId: string | undefined}>}
 */
async function invitationOf(service, link, invitation) {
  const { appSpace, appSpaceName } = link;
  if (invitation === undefined && appSpace !== undefined && appSpaceName !== undefined) {
    return { appSpace, appSpaceName, accountName: null, rpId: undefined };
  }
  const reply = invitation ?? (await fetchInvitation(service, link));
  demandAppSpace(reply, appSpace);
  return { ...reply, rpId: reply.rpId ?? undefined };
}

/**
 * Return the service's address, which the program or the link has.
 *
 * @param {string | undefined} url
 * @param {{service?: string}} link
 */
function addressOf(url, link) {
  const address = url ?? link.service;
  if (address === undefined) throw new Misuse("client_unfit", "neither `url` nor the link has the address");
  if (link.service !== undefined && trimAddress(link.service) !== trimAddress(address)) {
    throw new InvalidField("service", "another one than `url`");
  }
  return address;
}
