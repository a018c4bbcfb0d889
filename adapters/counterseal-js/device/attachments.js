/** Attachments: documents of an action, fetched and compared with what the person signs. */

import { base64url, sha256 } from "../wire/bytes.js";
import { CountersealError, Refused, Unavailable } from "../wire/errors.js";
import { systemSleep } from "../wire/pause.js";

/** @typedef {import("../wire/bytes.js").Bytes} Bytes */
/** @typedef {import("../wire/display.js").Attachment} Attachment */

/** Bytes that a device fetches of one attachment. */
export const ATTACHMENT_LIMIT = 26_214_400;
/** Milliseconds until the last byte. */
const TIMEOUT = 120_000;
/** Milliseconds for a browser to report what it has blocked, which it does after the fetch has failed. */
const REPORT = 1000;

/**
 * Fetch an attachment, and return its bytes only if they are those that its request names.
 *
 * It is fetched from its own address: by HTTPS, without credentials, and through no redirect.
 *
 * @param {Attachment} attachment
 * @param {object} [how]
 * @param {typeof globalThis.fetch} [how.fetch]
 * @param {AbortSignal | undefined} [how.signal]
 * @param {import("../wire/pause.js").Sleep} [how.sleep]
 * @param {Partial<EventTarget>} [how.scope] Where the browser reports what the Content Security
 *   Policy of the page blocks; the page or worker itself, if none is given.
 * @returns {Promise<Bytes>}
 * @throws {Refused} `attachment_address`: the address is not HTTPS, or has credentials;
 *   `attachment_too_large`: it is larger than ATTACHMENT_LIMIT, and nothing was fetched;
 *   `attachment_forbidden`: the page's Content Security Policy forbids to fetch it;
 *   `attachment_changed`: it has another size, or another SHA-256.
 * @throws {Unavailable} `attachment_unavailable`: it cannot be fetched now, or was redirected.
 */
export async function fetchAttachment(attachment, how = {}) {
  const { fetch = globalThis.fetch, signal, sleep = systemSleep, scope = globalThis } = how;
  const { sha256: expected, size, url } = attachment;
  demandAddress(url);
  if (size > ATTACHMENT_LIMIT) throw new Refused("attachment_too_large", `${size} bytes`);
  const late = AbortSignal.timeout(TIMEOUT);
  const report = watchReports(scope, url);
  let bytes;
  try {
    const response = await fetch(url, {
      method: "GET",
      cache: "no-store",
      credentials: "omit",
      mode: "cors",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Unavailable("attachment_unavailable", `status ${response.status}`);
    }
    bytes = await readExactly(response, size);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof CountersealError) throw error;
    if (await report.isBlocked(() => sleep(REPORT, signal))) throw new Refused("attachment_forbidden", new URL(url).host);
    throw new Unavailable("attachment_unavailable", error instanceof Error ? error.name : "");
  } finally {
    report.end();
  }
  if (base64url(await sha256(bytes)) !== expected) {
    throw new Refused("attachment_changed", "another SHA-256");
  }
  return bytes;
}

/**
 * Listen to what the browser reports of *address*: that `connect-src` of the Content Security Policy
 * has blocked it, or another address of the same web origin (CSP Level 3, 5.1).
 *
 * @param {Partial<EventTarget>} scope
 * @param {string} address
 */
function watchReports(scope, address) {
  const { origin } = new URL(address);
  /** @type {(isBlocked: true) => void} */
  let block = () => undefined;
  /** @type {Promise<true>} */
  const blocked = new Promise((resolve) => {
    block = resolve;
  });
  /** @param {Event} event */
  const note = (event) => {
    const { blockedURI, disposition, effectiveDirective } =
      /** @type {SecurityPolicyViolationEvent} */ (event);
    if (effectiveDirective !== "connect-src" || disposition !== "enforce") return;
    // Some browsers report the address, and others its origin alone.
    if (!URL.canParse(blockedURI) || new URL(blockedURI).origin !== origin) return;
    block(true);
  };
  scope.addEventListener?.("securitypolicyviolation", note);
  return {
    /**
     * Tell whether it is blocked; the report may come until *wait* has ended.
     *
     * @param {() => Promise<unknown>} wait
     */
    isBlocked: async (wait) =>
      scope.addEventListener !== undefined &&
      (await Promise.race([blocked, wait().then(() => false)])),
    end: () => scope.removeEventListener?.("securitypolicyviolation", note),
  };
}

/** @param {string} address */
function demandAddress(address) {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol !== "https:" || url.username !== "" || url.password !== "") {
    throw new Refused("attachment_address", "not an address by HTTPS without credentials");
  }
}

/**
 * Return the body of *response*, which has to have *size* bytes.
 *
 * @param {Response} response
 * @param {number} size
 * @returns {Promise<Bytes>}
 * @throws {Refused} `attachment_changed`: it has fewer or more; what is beyond *size* is not read.
 */
async function readExactly(response, size) {
  const bytes = new Uint8Array(size);
  let at = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const piece = await reader?.read();
    if (!piece || piece.done) break;
    if (at + piece.value.length > size) {
      await reader?.cancel();
      throw new Refused("attachment_changed", "more bytes than the request names");
    }
    bytes.set(piece.value, at);
    at += piece.value.length;
  }
  if (at < size) throw new Refused("attachment_changed", `${at} bytes of ${size}`);
  return bytes;
}
