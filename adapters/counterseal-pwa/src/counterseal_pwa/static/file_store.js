/** The files of this version, as the service worker stores and serves them. */

import { STORED_FILES } from "./stored_files.js";
import { FOLDER } from "./version_folder.js";

/** Names the service, which the build does not know: it is stored anew whenever it was fetched. */
const SERVICE = "service.json";
/** The name under which service workers without versions stored files. */
const WITHOUT_VERSION = "files";
/** Milliseconds after which a file that is stored is not waited for. */
const PATIENCE = 3000;
/** Milliseconds for which a network that has not answered counts as hanging. */
const HANGING = 30_000;

/**
 * What the store needs of a service worker; others in a test.
 *
 * @typedef {object} Surroundings
 * @property {string} app The app's address, with the slash at its end.
 * @property {CacheStorage} caches
 * @property {(request: Request) => Promise<Response>} fetch
 * @property {(milliseconds: number) => Promise<void>} sleep
 * @property {() => number} now In milliseconds.
 */

/**
 * The files of one version. It is stored whole, or not at all.
 *
 * The page itself and the name of the service come from the network where that answers soon; every
 * other file is at an address that never has another content, and comes from the store.
 */
export class FileStore {
  #around;
  #files;
  #name;
  #hangingUntil = 0;

  /**
   * @param {Surroundings} around
   * @param {{folder?: string, files?: typeof STORED_FILES}} [version]
   */
  constructor(around, { folder = FOLDER, files = STORED_FILES } = {}) {
    this.#around = around;
    this.#files = files;
    this.#name = `${around.app}#${folder}`;
  }

  /**
   * Store every file of the version.
   *
   * @throws {unknown} One cannot be had as it was built, or there is no room; nothing is stored.
   */
  async fill() {
    const { caches, app } = this.#around;
    const requestsOf = (/** @type {RequestCache} */ cache) =>
      this.#files.map(([address, integrity]) => new Request(new URL(address, app), { cache, integrity }));
    try {
      const files = await caches.open(this.#name);
      // The page has just loaded some; what is stored otherwise has to be asked for again.
      await files.addAll(requestsOf("default")).catch(() => files.addAll(requestsOf("reload")));
      await files.add(new Request(new URL(SERVICE, app), { cache: "reload" }));
    } catch (error) {
      await caches.delete(this.#name);
      throw error;
    }
  }

  /** Delete what other versions have stored. */
  async deleteOthers() {
    const { caches, app } = this.#around;
    for (const name of await caches.keys()) {
      const isOther = name.startsWith(`${app}#`) && name !== this.#name;
      if (isOther || name === WITHOUT_VERSION) await caches.delete(name);
    }
  }

  /**
   * Return the stored file at an address, undefined if there is none.
   *
   * @param {string} address
   * @returns {Promise<Response | undefined>}
   */
  async find(address) {
    const { caches, app } = this.#around;
    try {
      return await (await caches.open(this.#name)).match(new URL(address, app).href, { ignoreVary: true });
    } catch {
      return undefined;
    }
  }

  /**
   * Return the response to a request below the app's address.
   *
   * @param {Request} request
   * @param {(work: Promise<unknown>) => void} waitUntil Lets *work* end after the response.
   * @returns {Promise<Response>}
   */
  async respond(request, waitUntil) {
    const address = this.#addressOf(request);
    const stored = await this.find(address);
    if (stored === undefined) return this.#around.fetch(request);
    if (address !== "./" && address !== SERVICE) return stored;
    const reply = this.#around.fetch(request);
    // The page names files of its own version, and is stored with those.
    if (address === SERVICE) waitUntil(reply.then((response) => this.#replace(response)).catch(() => undefined));
    const { now, sleep } = this.#around;
    const patience = now() < this.#hangingUntil ? 0 : PATIENCE;
    const response = await Promise.race([reply.catch(() => null), sleep(patience)]);
    if (response === undefined) this.#hangingUntil = now() + HANGING;
    return response && response.status < 500 ? response : stored;
  }

  /**
   * Return the address of what is requested, below the app's; no file has a query.
   *
   * @param {Request} request
   */
  #addressOf({ mode, url }) {
    const { origin, pathname } = new URL(url);
    const address = (origin + pathname).slice(this.#around.app.length);
    const isPage = mode === "navigate" && ["", "index.html"].includes(address);
    return isPage ? "./" : address;
  }

  /** @param {Response} response */
  async #replace(response) {
    if (!response.ok) return;
    const { caches, app } = this.#around;
    const copy = response.clone();
    await (await caches.open(this.#name)).put(new URL(SERVICE, app).href, copy);
  }
}
