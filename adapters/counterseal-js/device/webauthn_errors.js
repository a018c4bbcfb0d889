/**
 * WebAuthn's errors: what each says of the person, the authenticator or the program, by the steps of
 * Web Authentication (level 3, 5.1.3 and 5.1.4) that throw it.
 */

import { AuthenticatorFailed, Misuse, NotUnlocked } from "./errors.js";

/** @typedef {import("./errors.js").CountersealError} CountersealError */

/** Host names that are no addresses; WebAuthn takes no others. */
const DOMAIN = /^(?:localhost|(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*)$/i;

/**
 * Return the error to throw for one that the browser has thrown.
 *
 * @param {unknown} cause
 * @param {{rpId: string, hostname: string | undefined}} where `hostname`: the page's.
 * @returns {CountersealError}
 */
export function identifyError(cause, { rpId, hostname = "" }) {
  const options = { cause };
  switch (cause instanceof Error ? cause.name : "") {
    // The person refuses or is too slow, and a browser does not say whether there is a passkey.
    case "NotAllowedError":
    case "AbortError":
      return new NotUnlocked("passkey", nameOf(cause), options);
    case "SecurityError":
      if (!DOMAIN.test(hostname)) {
        return new Misuse("passkey_domain", `the page's host is no domain: ${hostname}`, options);
      }
      return new Misuse("passkey_rp_id", `not of the page's host: ${rpId}`, options);
    case "ConstraintError":
      return new AuthenticatorFailed("authenticator_unfit", "it does not verify the person", options);
    case "NotSupportedError":
      return new AuthenticatorFailed("authenticator_unfit", "it has none of the algorithms", options);
    case "InvalidStateError":
      return new AuthenticatorFailed("authenticator_unfit", "it has a passkey for this", options);
    case "TypeError":
    case "DataError":
      return new Misuse("client_unfit", "what WebAuthn is called with", options);
    default:
      return new AuthenticatorFailed("authenticator_failed", nameOf(cause), options);
  }
}

/** @param {unknown} error */
const nameOf = (error) => (error instanceof Error ? error.name : "");
