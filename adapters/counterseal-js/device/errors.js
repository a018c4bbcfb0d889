/** Errors of a device: the service refuses, nothing came, or the program is wrong. */

import { Refused } from "../wire/errors.js";

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
   * @param {string} [detail]
   * @param {ErrorOptions} [options]
   */
  constructor(detail, options) {
    super("not_unlocked", detail, options);
  }
}
