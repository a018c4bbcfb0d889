/** Watching: the open requests of one device, at each change. */

import { Misuse, Overloaded, Refused, ReplyLost, ServiceRefused } from "./errors.js";
import { readEvent, readEvents } from "./events.js";
import { readEnd, readOpenRequests } from "./records.js";
import { Pauses } from "../wire/pause.js";

/** @typedef {import("./connection.js").Connection} Connection */
/** @typedef {import("./records.js").OpenRequest} OpenRequest */

const SECOND = 1000;
/** Seconds for which the service may hold one call; proxies often give up after 30. */
const HOLD = 25;
/** Of a service that does not hold calls: what it is asked for may come at any time. */
const POLLS = { longest: 10 * SECOND, growth: 1.5 };
const TOO_MANY_CALLS = 429;

/**
 * Return the open requests once they are others than *previous*, or when *timeout* is over.
 *
 * @param {Connection} connection
 * @param {{timeout: number, previous: readonly {guid: string}[], signal: AbortSignal | undefined}} how
 *   `timeout`: milliseconds.
 * @returns {Promise<OpenRequest[]>}
 */
export async function waitForChange(connection, { timeout, previous, signal }) {
  const { monotonic, random, sleep } = connection.world;
  const pauses = new Pauses({ random, ...POLLS });
  const end = monotonic() + timeout;
  const guids = previous.map(({ guid }) => guid);
  for (;;) {
    const start = monotonic();
    const hold = Math.max(0, Math.min(HOLD, Math.ceil((end - start) / SECOND)));
    const query = guids.length > 0 ? `wait=${hold}&known=${guids.join()}` : `wait=${hold}`;
    const path = `/device/requests?${query}`;
    const call = { method: "GET", path, longer: hold * SECOND, signal };
    const { value: requests, retryAfter } = await connection.call(call, readOpenRequests);
    const now = monotonic();
    if (isOther(requests, guids) || now >= end) return requests;
    // A service that waits for less than it was asked for cannot wait now.
    const isEarly = now - start < hold * SECOND * 0.9;
    if (isEarly) await sleep(Math.min(pauses.next(retryAfter), end - now), signal);
    else pauses.reset();
  }
}

/**
 * Yield the open requests, now and at each change, until *signal* is aborted.
 *
 * @param {Connection} connection
 * @param {{signal: AbortSignal | undefined, end: (request: string) => void}} how `end`: called for a
 *   request that has ended.
 * @returns {AsyncGenerator<OpenRequest[], void, void>}
 */
export async function* watchRequests(connection, { signal, end }) {
  const { random, sleep } = connection.world;
  const pauses = new Pauses({ random });
  /** @type {string | undefined} */
  let last;
  let isReached = true;
  while (!signal?.aborted) {
    /** @type {number | undefined} */
    let least;
    let isSilent = true;
    try {
      for await (const { name, data } of readStream(connection, signal)) {
        isSilent = false;
        pauses.reset();
        if (!isReached) connection.notify("reached");
        isReached = true;
        if (name === "ended") end(readEvent(data, readEnd));
        if (name !== "requests") continue;
        const requests = readEvent(data, readOpenRequests);
        const text = JSON.stringify(requests);
        if (text === last) continue;
        last = text;
        connection.notify("requests");
        yield requests;
      }
    } catch (error) {
      if (signal?.aborted) return;
      least = retryAfterOf(error);
      // A stream that ends in the middle is opened again soon, which tells.
      if (isSilent && isReached) connection.notify("unreached");
      isReached &&= !isSilent;
    }
    try {
      await sleep(pauses.next(least), signal);
    } catch (error) {
      if (signal?.aborted) return;
      throw error;
    }
  }
}

/**
 * @param {Connection} connection
 * @param {AbortSignal | undefined} signal
 */
async function* readStream(connection, signal) {
  const stream = await connection.stream("/device/requests/events", signal);
  try {
    yield* readEvents(stream);
  } catch (error) {
    signal?.throwIfAborted();
    throw new ReplyLost(error instanceof Error ? error.name : "");
  }
}

/**
 * Return the milliseconds that the service asks to wait, or throw *error* if the next stream would
 * fail alike.
 *
 * @param {unknown} error
 */
function retryAfterOf(error) {
  const isBusy = error instanceof ServiceRefused && error.status === TOO_MANY_CALLS;
  if (isBusy || error instanceof Overloaded) return error.retryAfter;
  if (error instanceof Refused || error instanceof Misuse) throw error;
  return undefined;
}

/**
 * @param {readonly OpenRequest[]} requests
 * @param {readonly string[]} guids
 */
const isOther = (requests, guids) =>
  requests.length !== guids.length || requests.some(({ guid }) => !guids.includes(guid));
