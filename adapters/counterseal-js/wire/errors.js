/**
 * Errors, in the families of the Python packages.
 *
 * - `Refused`: the other side may not do this, or what it sent does not hold. Do not retry.
 * - `Misuse`: this program or its configuration is wrong.
 * - `Unavailable`: there is no reply, or none that can be read. The same call may be retried.
 *
 * `code` is stable. No message has a secret. `cause` is what another library threw, where it did.
 */

/** @typedef {import("./problem.js").Problem} Problem */

/**
 * Every code of the packages.
 *
 * @typedef {
 *   | "account_removed"
 *   | "algorithm_unavailable"
 *   | "already_answered"
 *   | "answer_unconfirmed"
 *   | "assertion_elsewhere"
 *   | "attachment_address"
 *   | "attachment_changed"
 *   | "attachment_forbidden"
 *   | "attachment_too_large"
 *   | "attachment_unavailable"
 *   | "attachment_unchecked"
 *   | "authenticator_failed"
 *   | "authenticator_unfit"
 *   | "backup_changed"
 *   | "bad_reply"
 *   | "callback_refused"
 *   | "changed_elsewhere"
 *   | "client_unfit"
 *   | "cross_origin"
 *   | "declined"
 *   | "display_changed"
 *   | "evidence_refused"
 *   | "invalid_field"
 *   | "issuer_untrusted"
 *   | "login_refused"
 *   | "malformed_assertion"
 *   | "malformed_token"
 *   | "not_sent"
 *   | "not_unlocked"
 *   | "passkey_domain"
 *   | "passkey_rp_id"
 *   | "receipt_changed"
 *   | "reply_lost"
 *   | "request_action_used"
 *   | "request_arguments_differ"
 *   | "request_finished"
 *   | "request_no_approval"
 *   | "request_not_there"
 *   | "request_refused"
 *   | "request_too_often"
 *   | "request_unauthorised"
 *   | "request_unreachable"
 *   | "requirement_account"
 *   | "requirement_any"
 *   | "requirement_code"
 *   | "requirement_device"
 *   | "requirement_strong_key"
 *   | "requirement_time"
 *   | "service_refused"
 *   | "service_unavailable"
 *   | "stale_proof"
 *   | "store_failed"
 *   | "store_outdated"
 *   | "unanswered"
 *   | "unfit_key"
 *   | "user_absent"
 *   | "user_unverified"
 *   | "wrong_algorithm"
 *   | "wrong_ceremony"
 *   | "wrong_key"
 *   | "wrong_login"
 *   | "wrong_origin"
 *   | "wrong_rp_id"
 *   | "wrong_signature"
 *   | "wrong_type"
 * } ErrorCode
 */

/**
 * The mark of each class, by which `instanceof` knows the errors of another copy of this file: each
 * package has one.
 *
 * @type {Map<Function, symbol>}
 */
const MARKS = new Map();

/** The root of all errors that these packages throw. */
export class CountersealError extends Error {
  /**
   * @param {ErrorCode} code The stable code.
   * @param {string} [detail] A text for the log.
   * @param {ErrorOptions} [options]
   */
  constructor(code, detail = "", options = {}) {
    super(detail ? `${code}: ${detail}` : code, options);
    this.name = new.target.name;
    /**
     * One of ErrorCode, or that of a class which a program derives.
     *
     * @readonly
     * @type {ErrorCode | (string & {})}
     */
    this.code = code;
  }

  /**
   * @override
   * @param {unknown} value
   */
  static [Symbol.hasInstance](value) {
    const mark = MARKS.get(this);
    if (mark === undefined) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && mark in value;
  }
}

/** The other side may not do this, or what it sent does not hold; `code` says what is wrong. */
export class Refused extends CountersealError {}

/** A member of a document is missing, unknown or of another form; `field` names it. */
export class InvalidField extends Refused {
  /**
   * @param {string} field
   * @param {string} [detail]
   * @param {ErrorOptions} [options]
   */
  constructor(field, detail = "malformed", options = {}) {
    super("invalid_field", `${field}: ${detail}`, options);
    /** @readonly */
    this.field = field;
  }
}

/** This program or its configuration is wrong. */
export class Misuse extends CountersealError {}

/** There is no reply, or none that can be read; the same call may be retried. */
export class Unavailable extends CountersealError {}

/**
 * Throw Refused.
 *
 * @param {ErrorCode} code
 * @param {string} [detail]
 * @param {ErrorOptions} [options]
 * @returns {never}
 */
export function refuse(code, detail, options) {
  throw new Refused(code, detail, options);
}

/**
 * Throw Refused unless *condition* is true.
 *
 * @param {unknown} condition
 * @param {ErrorCode} code
 * @param {string} [detail]
 * @returns {asserts condition}
 */
export function demand(condition, code, detail) {
  if (!condition) refuse(code, detail);
}

/** The service was not reached; nothing was sent. */
export class NotSent extends Unavailable {
  /**
   * @param {string} [detail]
   * @param {ErrorOptions} [options]
   */
  constructor(detail, options) {
    super("not_sent", detail, options);
  }
}

/** The request was sent and no reply came; the service may have done it, or not. */
export class ReplyLost extends Unavailable {
  /**
   * @param {string} [detail]
   * @param {ErrorOptions} [options]
   */
  constructor(detail, options) {
    super("reply_lost", detail, options);
  }
}

/** The service cannot answer now; `retryAfter` is in milliseconds, where the service says it. */
export class Overloaded extends Unavailable {
  /**
   * @param {string} detail
   * @param {number | undefined} retryAfter
   */
  constructor(detail, retryAfter) {
    super("service_unavailable", detail);
    /** @readonly */
    this.retryAfter = retryAfter;
  }
}

/** The reply is not one of the service; perhaps a proxy sent it. */
export class BadReply extends Unavailable {
  /**
   * @param {string} [detail]
   * @param {ErrorOptions} [options]
   */
  constructor(detail, options) {
    super("bad_reply", detail, options);
  }
}

/**
 * The service refused the call; `problem` is its own stable code.
 *
 * `attemptsLeft` says how many wrong PINs or codes are left, where it does. `reason` says more:
 * `suspended` or `revoked`, where `problem` is `denied` and the device has proved itself.
 */
export class ServiceRefused extends Refused {
  /**
   * The code of the errors of a class.
   *
   * @protected
   * @type {ErrorCode}
   */
  static code = "service_refused";

  /**
   * @param {Problem} problem
   * @param {number} [retryAfter] Milliseconds.
   * @param {number} [date] The service's time, in milliseconds since the epoch.
   */
  constructor(problem, retryAfter, date) {
    const { code, status, field } = problem;
    super(new.target.code, `the service says ${code} (${status}${field ? `, ${field}` : ""})`);
    /** @readonly */
    this.problem = code;
    /** @readonly */
    this.status = status;
    /** @readonly */
    this.field = field;
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

const CLASSES = {
  CountersealError,
  Refused,
  InvalidField,
  Misuse,
  Unavailable,
  NotSent,
  ReplyLost,
  Overloaded,
  BadReply,
  ServiceRefused,
};
for (const [name, kind] of Object.entries(CLASSES)) {
  const mark = Symbol.for(`counterseal.${name}`);
  MARKS.set(kind, mark);
  Object.defineProperty(kind.prototype, mark, { value: true });
}
