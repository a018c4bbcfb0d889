/**
 * Errors, in the families of the Python packages.
 *
 * - `Refused`: the other side may not do this, or what it sent does not hold. Do not retry.
 * - `Misuse`: this program or its configuration is wrong.
 * - `Unavailable`: there is no reply, or none that can be read. The same call may be retried.
 *
 * `code` is stable. No message has a secret.
 */

/** The root of all errors that these packages throw. */
export class CountersealError extends Error {
  /**
   * @param {string} code The stable code.
   * @param {string} [detail] A text for the log.
   */
  constructor(code, detail = "") {
    super(detail ? `${code}: ${detail}` : code);
    this.name = new.target.name;
    /** @readonly */
    this.code = code;
  }
}

/** The other side may not do this, or what it sent does not hold; `code` says what is wrong. */
export class Refused extends CountersealError {}

/** A member of a document is missing, unknown or of another form; `field` names it. */
export class InvalidField extends Refused {
  /**
   * @param {string} field
   * @param {string} [detail]
   */
  constructor(field, detail = "malformed") {
    super("invalid_field", `${field}: ${detail}`);
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
 * @param {string} code
 * @param {string} [detail]
 * @returns {never}
 */
export function refuse(code, detail) {
  throw new Refused(code, detail);
}

/**
 * Throw Refused unless *condition* is true.
 *
 * @param {unknown} condition
 * @param {string} code
 * @param {string} [detail]
 * @returns {asserts condition}
 */
export function demand(condition, code, detail) {
  if (!condition) refuse(code, detail);
}

/** The service was not reached; nothing was sent. */
export class NotSent extends Unavailable {
  /** @param {string} [detail] */
  constructor(detail) {
    super("not_sent", detail);
  }
}

/** The request was sent and no reply came; the service may have done it, or not. */
export class ReplyLost extends Unavailable {
  /** @param {string} [detail] */
  constructor(detail) {
    super("reply_lost", detail);
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
  /** @param {string} [detail] */
  constructor(detail) {
    super("bad_reply", detail);
  }
}
