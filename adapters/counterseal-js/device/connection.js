/** The connection of a bound device to its service: calls with a proof, and what they teach. */

import { newId } from "../wire/bytes.js";
import { wholeSeconds } from "../wire/claims.js";
import { keySigner, signToken } from "../wire/jws.js";
import { ServiceRefused, StoreFailed } from "./errors.js";
import { readStatus } from "./records.js";
import { StoredAccount } from "./stored_account.js";

/** @typedef {import("../wire/jws.js").Signer} Signer */
/** @typedef {import("./records.js").AccountRecord} AccountRecord */
/** @typedef {import("./records.js").DeviceStatus} DeviceStatus */
/** @typedef {import("./records.js").KeyRecord} KeyRecord */
/** @typedef {import("./service.js").Identity} Identity */
/** @typedef {import("./service.js").DeviceCall} DeviceCall */
/** @typedef {import("./stored_account.js").Update} Update */

/** @typedef {import("./strong_keys.js").Use} Use */
/** @typedef {import("./wallet.js").AccountChange} AccountChange */

/**
 * What a connection needs of the wallet.
 *
 * @typedef {object} Surroundings
 * @property {import("./service.js").Service} service
 * @property {import("./service.js").World} world
 * @property {import("./store.js").Store} store
 * @property {import("./locks.js").Locks} locks
 * @property {(kind: string) => import("./strong_keys.js").StrongKeys} strongKeys
 * @property {(type: AccountChange, device: string, more?: {request: string}) => void} notify
 */

/** @typedef {{token: string, rotations: number}} SignedToken `rotations`: which keys signed it. */

/** Milliseconds for which a stream may stay open: a little longer than a service keeps it. */
const STREAM = 330_000;
/** @type {ReadonlyMap<string | undefined, AccountRecord["state"]>} By the reason of a refusal. */
const REASONS = new Map([
  ["suspended", "SUSPENDED"],
  ["revoked", "REVOKED"],
  ["unconfirmed", "UNCONFIRMED"],
]);
const CHANGES = /** @type {const} */ ({
  REVOKED: "revoked",
  SUSPENDED: "suspended",
  UNCONFIRMED: "unconfirmed",
});
/** What every call of a revoked device is refused with. */
const REVOKED = Object.freeze({
  code: "denied",
  status: 403,
  reason: "revoked",
  field: undefined,
  detail: undefined,
  attemptsLeft: undefined,
  requestId: undefined,
});

/** Calls of one device, by the keys that it has at the service. */
export class Connection {
  #service;
  #notify;

  /**
   * @param {AccountRecord} record
   * @param {Surroundings} surroundings
   */
  constructor(record, { service, world, store, locks, strongKeys, notify }) {
    /** @readonly */
    this.stored = new StoredAccount(record, { store, locks });
    /** @readonly */
    this.world = world;
    /** @readonly */
    this.strongKeys = strongKeys;
    this.#service = service;
    this.#notify = notify;
  }

  get record() {
    return this.stored.record;
  }

  /** Return the time by the service's clock, in milliseconds since the epoch. */
  now() {
    return this.#service.now();
  }

  /**
   * Tell the wallet's listeners of a change.
   *
   * @param {AccountChange} type
   * @param {{request: string}} [more]
   */
  notify(type, more) {
    this.#notify(type, this.record.device, more);
  }

  /**
   * Sign claims of the device with its device key.
   *
   * @param {string} typ
   * @param {Record<string, unknown>} claims
   * @returns {Promise<SignedToken>}
   */
  sign(typ, claims) {
    return this.#sign(typ, claims, async ({ deviceKey }) => keySigner(deviceKey));
  }

  /**
   * Sign claims of the device with its strong key.
   *
   * @param {string} typ
   * @param {Record<string, unknown>} claims
   * @param {Use} use What the claims say, for the person who is asked.
   * @returns {Promise<SignedToken>}
   */
  signStrong(typ, claims, use) {
    return this.#sign(typ, claims, ({ strongKey: { kind, record } }) =>
      this.strongKeys(kind).open(record, use),
    );
  }

  /**
   * @param {string} typ
   * @param {Record<string, unknown>} claims
   * @param {(keys: Pick<AccountRecord, "strongKey"> & {deviceKey: KeyRecord}) => Promise<Signer>} open
   * @returns {Promise<SignedToken>}
   */
  async #sign(typ, claims, open) {
    const deviceKey = this.deviceKey();
    const { account, appSpace, device, rotations, strongKey } = this.record;
    const signer = await open({ deviceKey, strongKey });
    const token = await signToken(signer, typ, {
      iss: device,
      sub: account,
      aud: appSpace,
      iat: wholeSeconds(this.now()),
      jti: newId(this.world.random),
      ...claims,
      // A passkey may be on other devices too; the device key is on this one only.
      ...(signer.alg.startsWith("WA-") ? { deviceKey: deviceKey.thumbprint } : {}),
    });
    return { token, rotations };
  }

  /**
   * Make a call, and return what *reader* reads of its reply.
   *
   * @template T
   * @param {DeviceCall} call
   * @param {(document: any) => T} reader
   */
  call(call, reader) {
    return this.#current(() => this.proven(call, reader));
  }

  /**
   * Sign the proof of a call with the keys of now, and return what makes it: see `Service.prepare`.
   *
   * @param {DeviceCall} call
   */
  prepare(call) {
    const { device, account, appSpace } = this.record;
    const signer = keySigner(this.deviceKey());
    return this.#service.prepare({ device, account, appSpace, signer }, call);
  }

  /**
   * Make a call that may be repeated, until a reply comes.
   *
   * @template T
   * @param {() => Promise<T>} call
   * @param {AbortSignal} [signal] Ends the pauses.
   */
  repeat(call, signal) {
    return this.#service.repeat(call, signal);
  }

  /**
   * Make a call with the keys of now, again until a reply comes, and return what *reader* reads of it.
   *
   * @template T
   * @param {DeviceCall} call
   * @param {(document: any) => T} reader
   */
  async repeatCall(call, reader) {
    return (await this.repeat(() => this.call(call, reader))).value;
  }

  /**
   * Open an event stream.
   *
   * @param {string} path
   * @param {AbortSignal | undefined} signal
   */
  stream(path, signal) {
    const call = { method: "GET", path, longer: STREAM, signal };
    return this.#current(() => this.#attempt((identity) => this.#service.stream(identity, call)));
  }

  /**
   * Make a call with the keys of now, whatever they are.
   *
   * @template T
   * @param {DeviceCall} call
   * @param {(document: any) => T} reader
   * @param {{signer?: Signer, update?: Update}} [how] `update`: of who has the lock.
   */
  proven(call, reader, how) {
    return this.#attempt((identity) => this.#service.proven(identity, call, reader), how);
  }

  deviceKey() {
    const { deviceKey } = this.record;
    if (deviceKey === null) throw new ServiceRefused(REVOKED);
    return deviceKey;
  }

  /**
   * Learn whether the service has accepted new keys, where the reply was lost.
   *
   * @param {Update} update
   */
  async resolveRotation(update) {
    const { rotation } = this.record;
    if (rotation === null) return;
    const call = { method: "GET", path: "/device/status" };
    for (const key of [this.deviceKey(), rotation.deviceKey]) {
      try {
        const how = { signer: keySigner(key), update };
        const { value: status } = await this.proven(call, readStatus, how);
        await this.endRotation(status, update);
        return;
      } catch (error) {
        if (!mayBeOtherKey(error)) throw error;
      }
    }
  }

  /**
   * @param {DeviceStatus} status
   * @param {Update} update
   */
  async endRotation(status, update) {
    const { rotation, rotations } = this.record;
    if (rotation === null) return;
    const { deviceKey, strongKey, kids } = rotation;
    if (!hasKeys(status, kids)) {
      await update({ rotation: null });
      return;
    }
    await update({ deviceKey, strongKey, rotation: null, rotations: rotations + 1 });
    this.notify("rotated");
  }

  /**
   * Make a call with the keys that the service has; again if another tab has replaced them.
   *
   * @template T
   * @param {() => Promise<T>} call
   * @returns {Promise<T>}
   */
  async #current(call) {
    if (this.record.rotation !== null) await this.readKeys();
    const key = this.deviceKey();
    try {
      return await call();
    } catch (error) {
      if (!mayBeOtherKey(error)) throw error;
      await this.readKeys();
      if (this.deviceKey().kid === key.kid) throw error;
      return call();
    }
  }

  /** Read which keys the device has; waits for a tab that replaces them. */
  readKeys() {
    return this.stored.exclusive((update) => this.resolveRotation(update));
  }

  /**
   * Make a call with a proof, and keep what it says of the device's state.
   *
   * @template T
   * @param {(identity: Identity) => Promise<T>} call
   * @param {{signer?: Signer, update?: Update}} [how]
   * @returns {Promise<T>}
   */
  async #attempt(call, { signer = keySigner(this.deviceKey()), update } = {}) {
    const { device, account, appSpace } = this.record;
    let result;
    try {
      result = await call({ device, account, appSpace, signer });
    } catch (error) {
      const state = error instanceof ServiceRefused ? REASONS.get(error.reason) : undefined;
      if (state !== undefined) await this.#learnState(state, update);
      throw error;
    }
    await this.#learnState("ACTIVE", update);
    return result;
  }

  /**
   * Keep what a call has said of the device's state; if the store fails, the next call says it again.
   *
   * @param {AccountRecord["state"]} state
   * @param {Update | undefined} update
   */
  async #learnState(state, update) {
    if (state === this.record.state) return;
    try {
      if (update) await this.#keepState(state, update);
      else await this.stored.exclusive((locked) => this.#keepState(state, locked));
    } catch (error) {
      if (!(error instanceof StoreFailed)) throw error;
    }
  }

  /**
   * Keep another state; a revoked device has no use for its keys.
   *
   * @param {AccountRecord["state"]} state
   * @param {Update} update
   */
  async #keepState(state, update) {
    const { state: previous, strongKey } = this.record;
    if (state === previous || previous === "REVOKED") return;
    const keyless = { deviceKey: null, strongKey: { ...strongKey, record: {} }, rotation: null };
    await update(state === "REVOKED" ? { state, ...keyless } : { state });
    this.notify(changeOf(state, previous));
  }
}

/**
 * @param {AccountRecord["state"]} state
 * @param {AccountRecord["state"]} previous
 * @returns {AccountChange}
 */
function changeOf(state, previous) {
  if (state === "ACTIVE") return previous === "UNCONFIRMED" ? "confirmed" : "resumed";
  return CHANGES[state];
}

/**
 * @param {DeviceStatus} status
 * @param {readonly string[]} kids
 */
export const hasKeys = (status, kids) =>
  kids.every((kid) => status.keys.some((key) => key.kid === kid));

/**
 * Tell whether a call may have been refused since the device has another key at the service.
 *
 * @param {unknown} error
 */
const mayBeOtherKey = (error) =>
  error instanceof ServiceRefused && error.problem === "denied" && error.reason === undefined;
