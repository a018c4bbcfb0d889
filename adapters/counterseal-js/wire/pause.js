/** Pauses: how long a loop waits before it calls again, and the sleep that an abort ends. */

/**
 * Sleeps for so many milliseconds, or rejects with the signal's reason once it is aborted.
 *
 * @callback Sleep
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<unknown>}
 */

const SECOND = 1000;
/**
 * Milliseconds of the longest pause: a day. `setTimeout` fires at once after more than 2^31 - 1,
 * and what a machine says in an outage should not silence this one for months.
 */
export const LONGEST_PAUSE = 86_400_000;
const JITTER_BYTES = 2;
const LARGEST_JITTER = 0xffff;

/**
 * Sleep with the timer of the system, for LONGEST_PAUSE at most.
 *
 * @type {Sleep}
 */
export const systemSleep = (milliseconds, signal) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const wake = () => {
      signal?.removeEventListener("abort", end);
      resolve(undefined);
    };
    const timer = setTimeout(wake, Math.min(milliseconds, LONGEST_PAUSE));
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", end, { once: true });
  });

/**
 * The lengths of the pauses of one loop. They grow from `first` to `longest`, each is spread over
 * the second half of its length, and none is shorter than what the service asks for.
 */
export class Pauses {
  #random;
  #first;
  #longest;
  #growth;
  #count = 0;

  /**
   * @param {object} how
   * @param {import("./bytes.js").Random} how.random
   * @param {number} [how.first] Milliseconds.
   * @param {number} [how.longest] Milliseconds; a longer `Retry-After` is waited for.
   * @param {number} [how.growth] By what a pause is longer than the one before it.
   */
  constructor({ random, first = SECOND, longest = 60 * SECOND, growth = 2 }) {
    this.#random = random;
    this.#first = first;
    this.#longest = longest;
    this.#growth = growth;
  }

  /**
   * Return the length of the next pause.
   *
   * @param {number} [retryAfter] Milliseconds that the service asks for.
   * @returns {number} Milliseconds, LONGEST_PAUSE at most.
   */
  next(retryAfter = 0) {
    const half = Math.min(this.#first * this.#growth ** this.#count, this.#longest) / 2;
    this.#count += 1;
    const [high = 0, low = 0] = this.#random(JITTER_BYTES);
    const spread = (half * (high * 256 + low)) / LARGEST_JITTER;
    return Math.min(Math.ceil(Math.max(retryAfter, half) + spread), LONGEST_PAUSE);
  }

  /** Begin with the first pause again: a call has succeeded. */
  reset() {
    this.#count = 0;
  }
}
