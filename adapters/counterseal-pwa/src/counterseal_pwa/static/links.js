/** Bind links: of this app, whose members are in the fragment, which no server sees; or pasted. */

import { InvalidField, readLink } from "./device/index.js";

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

/**
 * Return the bind link that a person pasted or scanned: one of this app, or of any app.
 *
 * @param {string} pasted
 * @returns {string}
 * @throws {InvalidField} It is none, or of another service: this app calls its own and no other.
 */
export function readPasted(pasted) {
  const link = pasted.trim();
  readOwn(link);
  return link;
}

/**
 * @param {string} link
 * @returns {{appSpaceName: string, displayName?: string} | null} Null if it is malformed, or of
 *   another service.
 */
export function peekLink(link) {
  try {
    return readOwn(link);
  } catch (error) {
    if (error instanceof InvalidField) return null;
    throw error;
  }
}

/** @param {string} text */
function readOwn(text) {
  const link = readLink(text);
  // A link that names no service is for the one whose app it opens.
  const own = link.service === undefined ? (link.app ?? APP) === APP : link.service === service;
  if (!own) throw new InvalidField("service", "another service");
  return link;
}
