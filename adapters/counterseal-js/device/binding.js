/**
 * Binding: makes the keys of a new device, and binds them at the service.
 *
 * What has to be known to finish a bind is stored before the service learns of the keys: a program
 * that ends in between leaves no device at the service whose keys nobody has.
 */

import { digest } from "../wire/bytes.js";
import { comparisonCode } from "../wire/confirmation.js";
import { trimAddress } from "../wire/http.js";
import { keySigner } from "../wire/jws.js";
import { keySetDocument, readKeySet, thumbprintOf } from "../wire/keys.js";
import { BadReply, InvalidField, Misuse, ServiceRefused } from "./errors.js";
import { writeBind } from "./enrolment.js";
import { demandAppSpace, fetchInvitation, readLinkOrToken } from "./invitation.js";
import { thumbprintsOf } from "./new_devices.js";
import { readBond, readPendingBind } from "./records.js";
import { lockOf } from "./stored_account.js";
import { generateKey } from "./strong_keys.js";

/** @typedef {import("../wire/link.js").BindLink} BindLink */
/** @typedef {import("./account.js").Account} Account */
/** @typedef {import("./invitation.js").Invitation} Invitation */
/** @typedef {import("./records.js").AccountRecord} AccountRecord */
/** @typedef {import("./records.js").PendingBind} PendingBind */
/** @typedef {import("./service.js").Service} Service */

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
 * What a bind needs of the wallet.
 *
 * @typedef {object} Surroundings
 * @property {import("./store.js").Store} store
 * @property {import("./locks.js").Locks} locks
 * @property {import("./service.js").World} world
 * @property {import("../wire/keys.js").Algorithm} algorithm Of new device keys.
 * @property {() => import("./enrolment.js").App} app
 * @property {(url: string) => Service} service
 * @property {(kind: string | undefined) => import("./strong_keys.js").StrongKeys} strongKeys
 * @property {(record: AccountRecord) => Account} open
 */

/**
 * @typedef {object} NewKeys
 * @property {import("./enrolment.js").NewKey[]} offered
 * @property {import("./records.js").KeyRecord} deviceKey
 * @property {import("./records.js").StrongRecord} strongKey
 * @property {boolean} provable Whether what the strong key has signed may be stored.
 */

const OPTIONS = new Set(["url", "link", "name", "addresses", "strongKey", "replaces", "invitation"]);
const TOO_MANY_CALLS = 429;
/** Milliseconds in which the person may repeat a bind under a PIN whose reply was lost. */
const REPEATABLE = 600_000;

/** The binds of one wallet. */
export class Binding {
  #surroundings;
  /** @type {Map<string, Promise<NewKeys>>} By the id of the bind, until the service has used its token. */
  #newKeys = new Map();

  /** @param {Surroundings} surroundings */
  constructor(surroundings) {
    this.#surroundings = surroundings;
  }

  /**
   * @param {BindOptions} options
   * @returns {Promise<Account>}
   * @throws {Misuse} An option is unknown, or the link is no text.
   */
  async bind(options) {
    for (const option of Object.keys(options)) {
      if (!OPTIONS.has(option)) throw new Misuse("client_unfit", `${option}: unknown`);
    }
    const { url, link, name, addresses, strongKey, replaces, invitation } = options;
    const { app, service: serviceAt, store, world } = this.#surroundings;
    const parsed = readLinkOrToken(link);
    const { token } = parsed;
    const service = serviceAt(addressOf(url, parsed));
    const id = await digest(token);
    const begun = await store.get("binds", id);
    if (begun && !this.#newKeys.has(id)) {
      // A program that has ended has begun it.
      const account = await this.#finishAlone(id);
      if (account) return account;
    }
    const target = await targetOf(service, parsed, invitation);
    const keys = await this.#keysFor(id, strongKey, target);
    const { appSpace } = target;
    const offered = { keys: keys.offered, name, addresses, replaces };
    const { language, ...version } = app();
    const sent = target.languages ? { ...version, language } : version;
    const body = await writeBind({ token, appSpace, ...offered, app: sent });
    const { deviceKey } = keys;
    // Beside a key under a PIN, what it has signed would tell the PIN.
    const proof = keys.provable ? { body, strongKey: keys.strongKey } : { body: null, strongKey: null };
    const pending = {
      version: /** @type {const} */ (1),
      url: service.address,
      device: deviceOf(token),
      appSpace,
      appSpaceName: target.appSpaceName,
      // Once a device has used the token, the service names the account no more.
      account: parsed.account ?? target.account ?? begun?.account ?? null,
      accountName: target.displayName,
      name: name ?? "",
      deviceKey,
      ...proof,
      at: world.now(),
    };
    return this.#alone(id, async () => {
      await store.commit([{ collection: "binds", id, record: pending }]);
      return this.#send(id, { ...pending, body, strongKey: keys.strongKey });
    });
  }

  /**
   * Finish the binds that programs which have ended have left; a bind whose strong key was under a
   * PIN cannot be finished, so its device is revoked.
   *
   * @returns {Promise<string[]>} The devices of the new accounts; what cannot be done now stays for the
   *   next time.
   */
  async resume() {
    const devices = [];
    for (const { id } of await this.#surroundings.store.list("binds")) {
      const account = await this.#finishAlone(id).catch(() => undefined);
      if (account) devices.push(account.device);
    }
    return devices;
  }

  /**
   * @param {string} id Of a pending bind.
   * @returns {Promise<Account | undefined>} Undefined if there is no account by it.
   */
  #finishAlone(id) {
    return this.#alone(id, async () => {
      const record = await this.#surroundings.store.get("binds", id);
      if (record === undefined) return undefined;
      if (this.#newKeys.has(id)) return undefined;
      const pending = readPendingBind(record);
      const { body, strongKey } = pending;
      if (body !== null && strongKey !== null) {
        try {
          return await this.#send(id, { ...pending, body, strongKey });
        } catch (error) {
          if (error instanceof ServiceRefused && error.status !== TOO_MANY_CALLS) return undefined;
          throw error;
        }
      }
      if (this.#surroundings.world.now() - pending.at > REPEATABLE) await this.#revoke(id, pending);
      return undefined;
    });
  }

  /**
   * Send a bind, and store the account and that the bind is finished.
   *
   * @param {string} id
   * @param {PendingBind & {body: string, strongKey: NonNullable<PendingBind["strongKey"]>}} pending
   * @returns {Promise<Account>}
   */
  async #send(id, { body, ...pending }) {
    const service = this.#surroundings.service(pending.url);
    const call = { method: "POST", path: "/device/bind", body };
    let bond;
    try {
      bond = await service.repeat(() => service.plain(call, readBond));
    } catch (error) {
      const isRefused = error instanceof ServiceRefused && error.status !== TOO_MANY_CALLS;
      // The same keys bind once the person has chosen which device they replace.
      const isKept = isRefused && error.problem === "too_many_bindings";
      if (isRefused && !isKept) this.#newKeys.delete(id);
      if (isRefused) await this.#drop(id);
      throw error;
    }
    const { account = bond.account, appSpace, appSpaceName, accountName, name } = {
      ...pending,
      account: pending.account ?? undefined,
    };
    if (appSpace !== bond.appSpace || account !== bond.account) {
      this.#newKeys.delete(id);
      await this.#drop(id);
      throw new BadReply("another App Space or account than the link's");
    }
    const serviceKeys = keySetDocument(await readKeySet(bond.serviceKeys));
    const { url, deviceKey, strongKey } = pending;
    const { confirmBy, device, names } = bond;
    const stored = await this.#add(id, {
      version: 1,
      url,
      device,
      account,
      appSpace,
      appSpaceName,
      accountName,
      names,
      name,
      state: confirmBy === null ? "ACTIVE" : "UNCONFIRMED",
      deviceKey,
      strongKey,
      serviceKeys,
      keysAt: 0,
      last: null,
      rotation: null,
      rotations: 0,
    });
    this.#newKeys.delete(id);
    const opened = this.#surroundings.open(stored);
    if (confirmBy !== null) {
      const thumbprints = await thumbprintsOf(JSON.parse(body).keys);
      const code = await comparisonCode(account, device, thumbprints);
      opened.comparison = { code, confirmBy };
    }
    return opened;
  }

  /**
   * Store a new account, unless the same call has just done it; return what is stored.
   *
   * @param {string} id Of the bind, which is finished.
   * @param {AccountRecord} record
   * @returns {Promise<AccountRecord>}
   * @throws {BadReply} The wallet has another account under the device's GUID.
   */
  #add(id, record) {
    const { device, url, deviceKey } = record;
    const { locks, store } = this.#surroundings;
    return locks.request(lockOf(device), async () => {
      const stored = await store.get("accounts", device);
      const isOwn = stored?.url === url && stored?.deviceKey?.thumbprint === deviceKey?.thumbprint;
      const finished = /** @type {const} */ ({ collection: "binds", id });
      if (stored === undefined) {
        await store.commit([{ collection: "accounts", id: device, record }, finished]);
        return record;
      }
      await store.commit([finished]);
      // Another service may name any device, and must not replace the keys for this one.
      if (!isOwn) throw new BadReply("a device that the wallet has already");
      return stored;
    });
  }

  /**
   * Revoke the device of a bind whose strong key nobody has, if the service has bound it.
   *
   * @param {string} id
   * @param {PendingBind} pending
   */
  async #revoke(id, { account, appSpace, device, deviceKey, url }) {
    if (account !== null) {
      const identity = { device, account, appSpace, signer: keySigner(deviceKey) };
      const service = this.#surroundings.service(url);
      const call = { method: "DELETE", path: "/device" };
      try {
        await service.repeat(() => service.proven(identity, call, () => undefined));
      } catch (error) {
        const isUnknown = error instanceof ServiceRefused && error.problem === "denied";
        if (!isUnknown) throw error;
      }
    }
    await this.#drop(id);
  }

  /** @param {string} id */
  #drop(id) {
    return this.#surroundings.store.commit([{ collection: "binds", id }]);
  }

  /**
   * Run *work* while no other tab works on the same bind.
   *
   * @template T
   * @param {string} id
   * @param {() => Promise<T>} work
   */
  #alone(id, work) {
    return this.#surroundings.locks.request(`counterseal bind ${id}`, work);
  }

  /**
   * Return the keys that were made for a bind, or make them.
   *
   * @param {string} id
   * @param {string | undefined} kind
   * @param {{accountName: string | null, displayName: string, rpId: string | undefined}} target
   * @returns {Promise<NewKeys>}
   */
  async #keysFor(id, kind, { accountName, displayName, rpId }) {
    const names = { accountName: accountName ?? displayName, rpId };
    const newKeys = this.#newKeys.get(id) ?? this.#makeKeys(kind, names);
    this.#newKeys.set(id, newKeys);
    try {
      return await newKeys;
    } catch (error) {
      if (this.#newKeys.get(id) === newKeys) this.#newKeys.delete(id);
      throw error;
    }
  }

  /**
   * @param {string | undefined} kind
   * @param {{accountName: string, rpId: string | undefined}} names
   * @returns {Promise<NewKeys>}
   */
  async #makeKeys(kind, names) {
    const { algorithm, world } = this.#surroundings;
    const strongKeys = this.#surroundings.strongKeys(kind);
    const { record, ...strong } = await strongKeys.create(names);
    const { jwk, ...deviceKey } = await generateKey(algorithm, world.random);
    return {
      offered: [
        { role: "device", jwk, signer: keySigner(deviceKey) },
        { role: "strong", ...strong },
      ],
      deviceKey: { ...deviceKey, thumbprint: await thumbprintOf(jwk) },
      strongKey: { kind: strongKeys.kind, record },
      provable: strongKeys.provable,
    };
  }
}

/**
 * Return the App Space of a link: as the service says where it was asked, or else as the link says.
 *
 * @param {Service} service
 * @param {Partial<BindLink> & {token: string}} link
 * @param {Invitation | undefined} invitation
 * @returns {Promise<{appSpace: string, appSpaceName: string, account: string | null, accountName: string | null, displayName: string, languages?: readonly string[] | null, rpId: string | undefined}>}
 */
async function targetOf(service, link, invitation) {
  const { appSpace, appSpaceName, displayName } = link;
  if (invitation === undefined && appSpace !== undefined && appSpaceName !== undefined) {
    const name = displayName ?? appSpaceName;
    return { appSpace, appSpaceName, account: null, accountName: null, displayName: name, rpId: undefined };
  }
  const reply = invitation ?? (await fetchInvitation(service, link));
  demandAppSpace(reply, appSpace);
  return { ...reply, displayName: displayName ?? reply.appSpaceName, rpId: reply.rpId ?? undefined };
}

/**
 * Return the GUID of the device that a session token is for, with which the token begins.
 *
 * @param {string} token
 */
const deviceOf = (token) => token.split(".", 1)[0] ?? "";

/**
 * Return the service's address, which the program or the link has.
 *
 * @param {string | undefined} url
 * @param {{service?: string}} link
 */
export function addressOf(url, link) {
  const address = url ?? link.service;
  if (address === undefined) throw new Misuse("client_unfit", "neither `url` nor the link has the address");
  if (link.service !== undefined && trimAddress(link.service) !== trimAddress(address)) {
    throw new InvalidField("service", "another one than `url`");
  }
  return address;
}
