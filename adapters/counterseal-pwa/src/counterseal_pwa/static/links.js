/** Bind links: of this app, whose members are in the fragment, which no server sees; or pasted. */

import { InvalidField, readLink } from "./device/index.js";
import { isolate } from "./dom.js";
import { say } from "./texts.js";

const FRAGMENT = "#bind?";

/** @param {string} address */
const addressOf = (address) => new URL(address, document.baseURI).href.replace(/\/$/, "");

/** The app's own address, without the slash at its end. */
export const APP = addressOf(".");
let service = "";

/** Read the address of the one service that this app calls; nobody but the app's host can set it. */
export async function loadService() {
  service = addressOf((await (await fetch("service.json")).json()).service);
}

export const serviceAddress = () => service;

/**
 * Return the bind link in the page's address, and clear it there at once: it is a secret.
 *
 * @returns {string | null}
 */
export function readFragment() {
  const { hash, href, pathname } = window.location;
  if (!hash.startsWith(FRAGMENT)) return null;
  window.history.replaceState(null, "", pathname);
  return href;
}

/**
 * Return the address to which an Identity Provider has sent the browser back, and clear it there
 * at once: its code is a secret.
 *
 * @returns {string | null}
 */
export function readReturn() {
  const { href, pathname, search } = window.location;
  if (!new URLSearchParams(search).has("state")) return null;
  window.history.replaceState(null, "", pathname);
  return href;
}

/** A bind link is of another service than the one that this app calls; `address` is its own. */
class OtherService extends InvalidField {
  /** @param {string} address */
  constructor(address) {
    super("service", "another service");
    /** @readonly */
    this.address = address;
  }
}

/**
 * Read a bind link of this app's service.
 *
 * @param {string} text
 * @returns {import("./wire/link.js").BindLink}
 * @throws {InvalidField} It is malformed, or of another service; `describeLink` says which.
 */
export function readOwn(text) {
  const link = readLink(text);
  // A link that names no service is for the one whose app it opens.
  const [named, own] = link.service === undefined ? [link.app ?? APP, APP] : [link.service, service];
  if (named !== own) throw new OtherService(named);
  return link;
}

/**
 * Return the bind link that a person pasted or scanned: one of this app, or of any app.
 *
 * @param {string} pasted
 * @returns {string}
 * @throws {InvalidField} As `readOwn`.
 */
export function readPasted(pasted) {
  const link = pasted.trim();
  readOwn(link);
  return link;
}

/**
 * Return why a text is no bind link for here, in words.
 *
 * @param {unknown} error
 */
export function describeLink(error) {
  if (!(error instanceof OtherService)) return say("bind.malformed");
  return say("bind.other", { other: isolate(error.address), service });
}
