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
  Unavailable,
} from "../wire/errors.js";

/**
 * The service refused the call; `problem` is its own stable code, and `attemptsLeft` says how many
 * wrong PINs or codes are left, where it does. `reason` says more: `suspended` or `revoked`, where
 * `problem` is `denied` and the device has proved itself.
 */
export class ServiceRefused extends Refused {
  /**
   * @param {import("../wire/problem.js").Problem} problem
   * @param {number} [retryAfter] Milliseconds.
   * @param {number} [date] The service's time, in milliseconds since the epoch.
   */
  constructor(problem, retryAfter, date) {
    super("service_refused", `${problem.code} (${problem.status})`);
    /** @readonly */
    this.problem = problem.code;
    /** @readonly */
    this.status = problem.status;
    /** @readonly */
    this.field = problem.field;
    /** @readonly */
    this.reason = problem.reason;
    /** @readonly */
    this.detail = problem.detail;
    /** The id of the request in the service's log. @readonly */
    this.requestId = problem.requestId;
    /** @readonly */
    this.attemptsLeft = problem.attemptsLeft;
    /** @readonly */
    this.retryAfter = retryAfter;
    /** @readonly */
    this.date = date;
  }
}

/** The person did not unlock the strong key: no PIN was given, or the passkey was not used. */
export class NotUnlocked extends Refused {
  /** @param {string} [detail] */
  constructor(detail) {
    super("not_unlocked", detail);
  }
}

/** The wallet's store has not read or stored a record; `cause` is its error. The call may be repeated. */
export class StoreFailed extends CountersealError {
  /** @param {unknown} cause */
  constructor(cause) {
    super("store_failed", cause instanceof Error ? cause.name : "");
    this.cause = cause;
  }
}
