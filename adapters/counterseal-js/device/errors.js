/** Errors of a device: the service refuses, nothing came, the store fails, or the program is wrong. */

import { CountersealError, Refused } from "../wire/errors.js";

export {
  BadReply,
  CountersealError,
  InvalidField,
  Misuse,
  NotSent,
  Overloaded,
  Refused,
  ReplyLost,
  ServiceRefused,
  Unavailable,
} from "../wire/errors.js";

/** The person did not unlock the strong key: no PIN was given, or the passkey was not used. */
export class NotUnlocked extends Refused {
  /**
   * @param {"pin" | "passkey"} by What was not given or not used.
   * @param {string} [detail]
   * @param {ErrorOptions} [options]
   */
  constructor(by, detail = `no ${by}`, options = {}) {
    super("not_unlocked", detail, options);
    /** @readonly */
    this.by = by;
  }
}

/**
 * The authenticator has no passkey for this: `authenticator_unfit`, which another one may have, or
 * `authenticator_failed`. `cause` is the browser's error.
 */
export class AuthenticatorFailed extends Refused {}

/** The wallet's store has not read or stored a record; `cause` is its error. The call may be repeated. */
export class StoreFailed extends CountersealError {
  /** @param {unknown} cause */
  constructor(cause) {
    super("store_failed", cause instanceof Error ? cause.name : "", { cause });
  }
}
