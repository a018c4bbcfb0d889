import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { LONGEST_PAUSE, Pauses, systemSleep } from "../pause.js";

const SECOND = 1000;
const DAY = 86_400_000;

const randomOf = (byte) => (size) => new Uint8Array(size).fill(byte);
const least = randomOf(0);
const greatest = randomOf(255);

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

/** Let what awaits a settled promise run. */
const settle = async () => {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
};

/** Begin to sleep, and return what has come of it so far. */
function begin(milliseconds, signal) {
  const sleep = { state: "sleeping", reason: undefined };
  systemSleep(milliseconds, signal).then(
    () => {
      sleep.state = "over";
    },
    (reason) => {
      sleep.state = "ended";
      sleep.reason = reason;
    },
  );
  return sleep;
}

test("a sleep ends after its time, and not before", async () => {
  const sleep = begin(500);
  mock.timers.tick(499);
  await settle();
  assert.equal(sleep.state, "sleeping");
  mock.timers.tick(1);
  await settle();
  assert.equal(sleep.state, "over");
});

test("a sleep of months ends after a day, and never at once", async () => {
  const sleep = begin(90 * DAY);
  mock.timers.tick(DAY - 1);
  await settle();
  assert.equal(sleep.state, "sleeping");
  mock.timers.tick(1);
  await settle();
  assert.equal(sleep.state, "over");
});

test("an abort ends a sleep with the signal's reason", async () => {
  const controller = new AbortController();
  const reason = new Error("the view was left");
  const sleep = begin(60 * SECOND, controller.signal);
  controller.abort(reason);
  await settle();
  assert.deepEqual(sleep, { state: "ended", reason });
  await assert.rejects(systemSleep(SECOND, controller.signal), reason);
});

test("a sleep that is over leaves no listener at its signal", async () => {
  const listeners = new Set();
  const signal = {
    aborted: false,
    addEventListener: (_, listener) => listeners.add(listener),
    removeEventListener: (_, listener) => listeners.delete(listener),
  };
  const sleep = begin(SECOND, signal);
  assert.equal(listeners.size, 1);
  mock.timers.tick(SECOND);
  await settle();
  assert.equal(sleep.state, "over");
  assert.equal(listeners.size, 0);
});

test("pauses double from the first to a minute", () => {
  const pauses = new Pauses({ random: greatest });
  const lengths = Array.from({ length: 9 }, () => pauses.next() / SECOND);
  assert.deepEqual(lengths, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  pauses.reset();
  assert.equal(pauses.next(), SECOND);
  const others = new Pauses({ random: greatest, first: 400, longest: 3000, growth: 3 });
  assert.deepEqual(
    Array.from({ length: 4 }, () => others.next()),
    [400, 1200, 3000, 3000],
  );
});

test("pauses never overflow, however many there were", () => {
  const pauses = new Pauses({ random: greatest });
  for (let count = 0; count < 5000; count += 1) pauses.next();
  assert.equal(pauses.next(), 60 * SECOND);
});

test("a pause is between half of its length and the whole", () => {
  assert.equal(new Pauses({ random: least }).next(), 500);
  const pause = new Pauses({ random: randomOf(128) }).next();
  assert.ok(pause > 700 && pause < 800, pause);
});

test("a pause is never shorter than `Retry-After`, and what is longer is spread", () => {
  assert.equal(new Pauses({ random: least }).next(60 * SECOND), 60 * SECOND);
  assert.equal(new Pauses({ random: greatest }).next(60 * SECOND), 60.5 * SECOND);
  assert.equal(new Pauses({ random: least }).next(100), 500);
});

test("no pause is longer than a day, whatever `Retry-After` says", () => {
  assert.equal(LONGEST_PAUSE, DAY);
  for (const days of [1, 25, 30, 11_574]) {
    assert.equal(new Pauses({ random: greatest }).next(days * DAY), DAY);
  }
});
