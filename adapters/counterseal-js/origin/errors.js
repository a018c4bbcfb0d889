/**
 * Errors of an origin, with the codes of the Python client.
 *
 * `RequestRefused`: the service refuses. `NotApproved`, `EvidenceRefused` and `CallbackRefused`:
 * what came is not enough to act on. `Unfit`: this program is wrong. `Unavailable`: no reply.
 */

import { Misuse, Refused, ServiceRefused } from "../wire/errors.js";

/** @typedef {import("../wire/errors.js").ErrorCode} ErrorCode */
/** @typedef {import("../wire/problem.js").Problem} Problem */

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

/** The client is configured or called with what cannot work; fix the program. */
export class Unfit extends Misuse {
  /**
   * @param {string} detail
   * @param {ErrorOptions} [options]
   */
  constructor(detail, options) {
    super("client_unfit", detail, options);
  }
}

/**
 * Throw Unfit unless *condition* is true.
 *
 * @param {unknown} condition
 * @param {string} detail
 * @returns {asserts condition}
 */
export function demandFit(condition, detail) {
  if (!condition) throw new Unfit(detail);
}

/** The service refused the request; `problem` is its own stable code. */
export class RequestRefused extends ServiceRefused {
  /**
   * @protected
   * @override
   * @type {ErrorCode}
   */
  static code = "request_refused";

  /** Whether the reply to an earlier attempt of the same call was lost. */
  repeated = false;
}

/** The service refuses the credential: it is unknown, revoked, or of another scheme. */
export class Unauthorised extends RequestRefused {
  /**
   * @protected
   * @override
   */
  static code = "request_unauthorised";
}

/** This origin has no such request, account or device. */
export class NotFound extends RequestRefused {
  /**
   * @protected
   * @override
   */
  static code = "request_not_there";
}

/** The account cannot be asked: unknown, locked, or without a bound device. */
export class Unreachable extends RequestRefused {
  /**
   * @protected
   * @override
   */
  static code = "request_unreachable";
}

/** Too many requests to this person, or to the service. */
export class AskedTooOften extends RequestRefused {
  /**
   * @protected
   * @override
   */
  static code = "request_too_often";
}

/** The request has ended already. */
export class Finished extends RequestRefused {
  /**
   * @protected
   * @override
   */
  static code = "request_finished";
}

/** There is no approval of the action to use: the person has not approved, or it was ended. */
export class NoApproval extends RequestRefused {
  /**
   * @protected
   * @override
   */
  static code = "request_no_approval";
}

/** The approval was used already; it allows one use. */
export class ActionUsed extends RequestRefused {
  /**
   * @protected
   * @override
   */
  static code = "request_action_used";
}

/** The arguments are not those that the person approved: execute nothing. */
export class ArgumentsDiffer extends RequestRefused {
  /**
   * @protected
   * @override
   */
  static code = "request_arguments_differ";
}

/** @type {Readonly<Record<string, typeof RequestRefused>>} */
const BY_CODE = {
  action_used: ActionUsed,
  approver_inactive: NoApproval,
  arguments_differ: ArgumentsDiffer,
  deadline_passed: Finished,
  not_approved: NoApproval,
  not_found: NotFound,
  too_many_pending: AskedTooOften,
  too_often: AskedTooOften,
  unauthorized: Unauthorised,
  unreachable: Unreachable,
  wrong_state: Finished,
};

/** @type {Readonly<Record<number, typeof RequestRefused>>} */
const BY_STATUS = { 401: Unauthorised, 404: NotFound, 429: AskedTooOften };

/**
 * Return the error to throw for a problem.
 *
 * @param {Problem} problem
 * @param {number} [retryAfter]
 */
export function refusalOf(problem, retryAfter) {
  const byCode = Object.hasOwn(BY_CODE, problem.code) ? BY_CODE[problem.code] : undefined;
  const kind = byCode ?? BY_STATUS[problem.status] ?? RequestRefused;
  return new kind(problem, retryAfter);
}

/** The person did not approve. */
export class NotApproved extends Refused {}

/**
 * The person said no; `disowned`: and that they never asked for this; `reason`: why, as they signed
 * it, or null. Never show `pressured` on a page: whoever presses the person may be looking at it.
 */
export class Declined extends NotApproved {
  /** @param {{disowned: boolean, reason?: import("../wire/answer.js").Reason | null}} how */
  constructor({ disowned, reason = null }) {
    super("declined", disowned ? "the person disowned the request" : "");
    /** @readonly */
    this.disowned = disowned;
    /** @readonly */
    this.reason = reason;
  }
}

/** There is no answer: not yet, or never. */
export class Unanswered extends NotApproved {
  /** @param {string} state The state of the request. */
  constructor(state) {
    super("unanswered", `the request is ${state}`);
    /** @readonly */
    this.state = state;
  }
}

/** The person approved, but a requirement of the origin is not met; `code` says which. */
export class RequirementUnmet extends NotApproved {
  /**
   * @param {ErrorCode | (string & {})} code One of your own, for a requirement of your own.
   * @param {string} [detail]
   */
  constructor(code, detail) {
    super(/** @type {ErrorCode} */ (code), detail);
  }
}

/** None of several requirements is met; `refusals` has the refusal of each. */
export class NoAlternativeMet extends RequirementUnmet {
  /** @param {readonly RequirementUnmet[]} refusals */
  constructor(refusals) {
    super("requirement_any", refusals.map(({ code }) => code).join(", "));
    /** @readonly */
    this.refusals = refusals;
  }
}

/** The reply does not prove an answer to the pending request. Raise an alarm. */
export class EvidenceRefused extends Refused {
  /**
   * @param {string} what The part that differs, or is not proven.
   * @param {ErrorOptions} [options]
   */
  constructor(what, options) {
    super("evidence_refused", `does not hold: ${what}`, options);
    /** @readonly */
    this.what = what;
  }
}

/**
 * Throw EvidenceRefused, which names *what*, unless *condition* is true.
 *
 * @param {unknown} condition
 * @param {string} what
 * @returns {asserts condition}
 */
export function demandEvidence(condition, what) {
  if (!condition) throw new EvidenceRefused(what);
}

/** This is not a callback of the service. */
export class CallbackRefused extends Refused {
  /**
   * @param {string} detail
   * @param {ErrorOptions} [options]
   */
  constructor(detail, options) {
    super("callback_refused", detail, options);
  }
}
