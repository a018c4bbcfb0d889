/** Bind links, as an address of this app: the same words in the fragment, which no server sees. */

import { InvalidField, readLink } from "./device/index.js";

const SCHEME = "counterseal://";
const FRAGMENT = "#bind?";

/** The address of the service: what the app's own address continues. */
export const SERVICE = new URL("..", document.baseURI).href.replace(/\/$/, "");

/**
 * Return the bind link in the page's address, and clear it there at once: it is a secret.
 *
 * @returns {string | null}
 */
export function readFragment() {
  const { hash, pathname } = window.location;
  if (!hash.startsWith(FRAGMENT)) return null;
  window.history.replaceState(null, "", pathname);
  return SCHEME + hash.slice(1);
}

/**
 * Return the bind link that a person pasted: one of the app, or of a QR code.
 *
 * @param {string} pasted
 * @returns {string}
 * @throws {InvalidField} It is none, or of another service.
 */
export function readPasted(pasted) {
  const text = pasted.trim();
  const own = `${SERVICE}/app/${FRAGMENT}`;
  const link = text.startsWith(own) ? `${SCHEME}bind?${text.slice(own.length)}` : text;
  readLink(link);
  return link;
}

/**
 * @param {string} link
 * @returns {{appSpaceName: string, displayName?: string} | null} Null if it is malformed.
 */
export function peekLink(link) {
  try {
    return readLink(link);
  } catch (error) {
    if (error instanceof InvalidField) return null;
    throw error;
  }
}
