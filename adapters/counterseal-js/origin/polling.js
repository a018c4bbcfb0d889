/** Polling: waits for the end of a request, by long polls where the service holds the calls. */

import { Unavailable } from "../wire/errors.js";
import { Pauses } from "../wire/pause.js";
import { AskedTooOften } from "./errors.js";

/** @typedef {import("./processed.js").ProcessedRequest} ProcessedRequest */

/**
 * The request at one time, and the milliseconds of `Retry-After`, if the service sent one.
 *
 * @typedef {object} Poll
 * @property {ProcessedRequest} request
 * @property {number | undefined} retryAfter
 */

const SECOND = 1000;
/** Seconds for which the service may hold one poll; proxies often give up after 30 or 60. */
const HOLD = 25;
/** A poll that took so much of its time was a long poll. */
const LONG_POLL_SHARE = 0.9;
/** Milliseconds by which the last poll may be too long, since a service counts whole seconds. */
const SLACK = 100;
/** Milliseconds between two polls. */
const PAUSES = { first: SECOND, longest: 10 * SECOND, growth: 1.5 };
const AFTER_LONG_POLL = 250;

/**
 * Return the request when it has ended, or as it is when *timeout* is over.
 *
 * @param {(hold: number) => Promise<Poll>} poll Makes one call, which the service may hold for so
 *   many seconds.
 * @param {object} how
 * @param {number} how.timeout Milliseconds.
 * @param {() => number} how.monotonic Milliseconds that only grow.
 * @param {import("../wire/pause.js").Sleep} how.sleep
 * @param {import("../wire/bytes.js").Random} how.random
 * @param {AbortSignal | undefined} how.signal
 * @returns {Promise<ProcessedRequest>}
 * @throws {Unavailable} The last poll failed.
 */
export async function pollUntilFinished(poll, { timeout, monotonic, sleep, random, signal }) {
  const end = monotonic() + timeout;
  const pauses = new Pauses({ random, ...PAUSES });
  for (;;) {
    const start = monotonic();
    const hold = Math.max(0, Math.min(Math.floor((end - start + SLACK) / SECOND), HOLD));
    const result = await poll(hold).catch(passing);
    const failed = result instanceof Error;
    if (!failed && result.request.finished) return result.request;
    const now = monotonic();
    if (now >= end) {
      if (failed) throw result;
      return result.request;
    }
    const retryAfter = "retryAfter" in result ? result.retryAfter : undefined;
    const isLong = !failed && hold > 0 && now - start >= hold * SECOND * LONG_POLL_SHARE;
    // A service that holds polls, or says when to come back, is polled at that rate.
    if (!failed && (isLong || retryAfter !== undefined)) pauses.reset();
    const pause = isLong && retryAfter === undefined ? AFTER_LONG_POLL : pauses.next(retryAfter);
    await sleep(Math.min(pause, end - now), signal);
  }
}

/**
 * Return the error of a poll that a later poll may make good, and throw any other.
 *
 * @param {unknown} error
 * @returns {Unavailable | AskedTooOften}
 */
function passing(error) {
  if (error instanceof Unavailable || error instanceof AskedTooOften) return error;
  throw error;
}
