// A random schedule of two tabs and a worker over one store and one service, in virtual time.
//
// Everything that a wallet does outside of itself passes one of its ports here: calls, pauses, locks
// and the database. A program that is killed gets no reply from any of them, and loses its locks.

import { AsyncLocalStorage } from "node:async_hooks";

import { readToken } from "../../wire/jws.js";
import { writeLink } from "../../wire/link.js";
import { deviceOnlyKeys, indexedDbStore, Wallet } from "../index.js";
import { FakeIndexedDb } from "./fake_indexed_db.js";
import { ADDRESS, APP_SPACE, ModelService } from "./model_service.js";

const START = Date.parse("2026-03-01T12:00:00.000Z");
const SECOND = 1000;
const HOUR = 3_600_000;
const STEPS = 24;
/** Half of the first pauses of a repeated call, and of a stream that is opened again. */
const LEAST_REPEAT = 200;
const LEAST_STREAM = 500;
/** The least pause of the loop in this file that watches again. */
const LEAST_WATCH = 5000;
/** Refusals with which a service has not looked at an answer. */
const UNDECIDED = new Set(["denied", "unreachable", "too_often"]);
const NEVER = new Promise(() => {});

/** What a program was told to do, in which a call is made. */
const actions = new AsyncLocalStorage();
let lastAction = 0;

/** Random numbers from 0 to 1 by a seed (mulberry32). */
function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Locks that all programs share, and that end with the program that has them. */
class SharedLocks {
  #queues = new Map();

  request(program, name, work) {
    if (program.isDead) return NEVER;
    const { promise, resolve, reject } = Promise.withResolvers();
    const inAction = AsyncLocalStorage.snapshot();
    const run = () => {
      void inAction(work).then(resolve, reject).finally(() => this.#remove(name, entry));
    };
    const entry = { program, run };
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    queue.push(entry);
    if (queue.length === 1) entry.run();
    return promise;
  }

  #remove(name, entry) {
    const queue = this.#queues.get(name);
    const index = queue.indexOf(entry);
    if (index < 0) return;
    queue.splice(index, 1);
    if (index === 0) queue[0]?.run();
  }

  release(program) {
    for (const [name, queue] of this.#queues) {
      for (const entry of [...queue].reverse()) if (entry.program === program) this.#remove(name, entry);
    }
  }
}

/** Return what tells one loop's calls from others: who makes them, and what was to be done. */
function keyOf(path, { method, headers, body }) {
  if (path !== "/device/requests/events") {
    const action = actions.getStore() ?? {};
    action.id ??= (lastAction += 1);
    return `${method} ${path} ${action.id} ${body}`;
  }
  return `${method} ${path} ${readToken(headers.get("counterseal-proof")).claims.iss}`;
}

class Schedule {
  /** What has gone wrong, in words. */
  faults = [];
  /** What was done, in turn. */
  steps = [];
  /** How often something happened, to see that schedules reach it. */
  counts = {};
  #elapsed = 0;
  /** Milliseconds that the machine's clock is ahead. */
  #ahead = 0;
  #timers = [];
  #locks = new SharedLocks();
  #factory = new FakeIndexedDb();
  #programs = new Set();
  #down = 0;
  #retryAfter = null;
  #chaos = 1;
  #random;

  constructor(seed) {
    this.#random = seeded(seed);
  }

  #count(what) {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  // Chance.

  #below(limit) {
    return Math.floor(this.#random() * limit);
  }

  #chance(probability) {
    return this.#random() < probability * this.#chaos;
  }

  #pick(list) {
    return list[this.#below(list.length)];
  }

  #bytes = (size) => Uint8Array.from({ length: size }, () => this.#below(256));

  #guid = () => {
    const hex = [...this.#bytes(16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  };

  // Time.

  #at(delay, run) {
    const timer = { at: this.#elapsed + delay, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  async #drain() {
    for (let turn = 0; turn < 2; turn += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  async #advance(milliseconds) {
    const end = this.#elapsed + milliseconds;
    await this.#drain();
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#elapsed = Math.max(this.#elapsed, due.at);
      due.run();
      await this.#drain();
    }
    this.#elapsed = end;
  }

  // Ports.

  #sleep(program, milliseconds, signal) {
    if (program.isDead) return NEVER;
    if (!(milliseconds >= 0 && milliseconds <= 86_400_000)) this.faults.push(`a pause of ${milliseconds}`);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const cancel = this.#at(milliseconds, () => !program.isDead && resolve());
      signal?.addEventListener("abort", () => {
        cancel();
        reject(signal.reason);
      });
    });
  }

  #fetch(program, uri, { method, headers, body, signal }) {
    if (program.isDead) return NEVER;
    const request = {
      method,
      uri,
      body: body ? new TextDecoder().decode(body) : "",
      headers: new Headers(headers),
    };
    const path = uri.slice(ADDRESS.length);
    const refuse = (code) => Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error(code), { code }) });
    return new Promise((resolve, reject) => {
      const settle = (work) => (value) => {
        if (!program.isDead) work(value);
      };
      const [accept, fail] = [settle(resolve), settle(reject)];
      /** @type {ReturnType<Schedule["#noteSent"]>} */
      let sent = null;
      const lose = (error) => {
        if (sent) sent.mayHaveArrived = true;
        fail(error);
      };
      signal?.addEventListener("abort", () => lose(signal.reason), { once: true });
      const isUnreached = this.#down > this.#elapsed && this.#retryAfter === null;
      if (isUnreached || this.#chance(0.05)) {
        this.#at(this.#below(50), () => fail(refuse("ECONNREFUSED")));
        return;
      }
      sent = this.#noteSent(program, path, request);
      this.#noteCall(program, path, request);
      if (this.#chance(0.05)) {
        this.#at(this.#below(3000), () => lose(refuse("ECONNRESET")));
        return;
      }
      this.#at(this.#below(400), async () => {
        const reply = await this.#serve(request);
        const isLost = this.#chance(0.1);
        this.#at(this.#below(400), () => {
          // Node may lose the event of a signal that is made of others.
          if (signal?.aborted) lose(signal.reason);
          else if (isLost) lose(refuse("ECONNRESET"));
          else {
            if (!program.isDead) this.#noteReply(program, path, request, reply, sent);
            accept(reply);
          }
        });
      });
    });
  }

  async #serve(request) {
    if (this.#down > this.#elapsed) {
      const headers = { "retry-after": String(this.#retryAfter) };
      return new Response("", { status: 503, headers });
    }
    if (this.#chance(0.03)) {
      const code = "too_often";
      const reply = Response.json({ code }, { status: 429, headers: { "retry-after": "3" } });
      return Object.assign(reply, { code });
    }
    return this.service.handle(request);
  }

  // What is checked at the ports.

  /** Check that no other answer is sent while one may have arrived, or has been accepted. */
  #noteSent(program, path, { body }) {
    if (path !== "/device/answer" && path !== "/device/disown") return null;
    const { header, claims } = readToken(body);
    const { challenge, iat: _, jti: __, ...choice } = claims;
    const content = `${header.typ} ${JSON.stringify(choice)}`;
    program.sentTexts.add(body.slice(0, body.lastIndexOf(".")));
    const earlier = program.sent.get(challenge);
    if (earlier && earlier.content !== content) {
      this.faults.push(`${program.name} sends ${content} to ${challenge} after ${earlier.content}`);
    }
    const sent = earlier ?? { challenge, content, mayHaveArrived: false };
    program.sent.set(challenge, sent);
    return sent;
  }

  /** Check that a loop has paused, for as long as the service has asked for. */
  #noteCall(program, path, { method, headers, body }) {
    const isStream = path === "/device/requests/events";
    const isRepeat = ["/device/answer", "/device/disown", "/device/bind"].includes(path);
    if (!isStream && !isRepeat) return;
    const key = keyOf(path, { method, headers, body });
    const call = program.calls.get(key);
    program.calls.set(key, undefined);
    if (call === undefined) return;
    const gap = this.#elapsed - call.at;
    if (gap < call.least) this.faults.push(`${program.name} calls ${path} after ${gap} ms, not ${call.least}`);
  }

  #noteReply(program, path, { method, headers, body }, { code, status, headers: replied }, sent) {
    const after = Number(replied.get("retry-after") ?? 0) * SECOND;
    const isStream = path === "/device/requests/events";
    // A proof that was refused for its time is made again at once.
    if (status === 503 || (isStream && status !== 403)) {
      const least = Math.max(after, isStream ? LEAST_STREAM : LEAST_REPEAT);
      program.calls.set(keyOf(path, { method, headers, body }), { at: this.#elapsed, least });
    }
    if (sent === null) return;
    if (status === 503) sent.mayHaveArrived = true;
    const isDecided = code !== undefined && !UNDECIDED.has(code);
    const isForgotten = code !== undefined && (isDecided || !sent.mayHaveArrived);
    if (isForgotten) program.sent.delete(sent.challenge);
  }

  // Programs.

  async #openProgram(name) {
    const program = {
      name,
      isDead: false,
      sent: new Map(),
      calls: new Map(),
      sentTexts: new Set(),
      shown: new Map(),
      presses: [],
      work: [],
      watches: new Map(),
    };
    this.#programs.add(program);
    const store = await indexedDbStore({ factory: this.#factory });
    const guarded = Object.fromEntries(
      ["get", "list", "commit"].map((verb) => [
        verb,
        (...what) => {
          if (program.isDead) return NEVER;
          return store[verb](...what).then((value) => (program.isDead ? NEVER : value));
        },
      ]),
    );
    program.wallet = new Wallet({
      store: guarded,
      strongKeys: [deviceOnlyKeys({ random: this.#bytes })],
      fetch: (uri, options) => this.#fetch(program, uri, options),
      sleep: (milliseconds, signal) => this.#sleep(program, milliseconds, signal),
      now: () => START + this.#elapsed + this.#ahead,
      monotonic: () => this.#elapsed,
      random: this.#bytes,
      locks: { request: (lock, work) => this.#locks.request(program, lock, work) },
    });
    return program;
  }

  #kill(program) {
    program.isDead = true;
    this.#programs.delete(program);
    for (const controller of program.watches.values()) controller.abort();
    this.#locks.release(program);
  }

  /** Begin something in a program, and note how it ends. */
  #begin(program, what, work) {
    const entry = { what, isEnded: false };
    entry.ended = actions.run({}, work).then(
      (value) => {
        if (value?.kept === false) this.#count("not stored");
        this.#count(`${what.split(" ")[0]}: done`);
        Object.assign(entry, { isEnded: true, value });
      },
      (error) => {
        this.#count(`${what.split(" ")[0]}: ${error.problem ?? error.code ?? error.name}`);
        Object.assign(entry, { isEnded: true, error });
      },
    );
    program.work.push(entry);
    return entry;
  }

  async #watch(program) {
    const accounts = await program.wallet.accounts();
    for (const account of accounts) {
      if (program.watches.has(account.device)) continue;
      const controller = new AbortController();
      program.watches.set(account.device, controller);
      void this.#watchAccount(program, account, controller.signal);
    }
  }

  async #watchAccount(program, account, signal) {
    while (!signal.aborted) {
      try {
        for await (const requests of account.watch({ signal })) void requests;
      } catch (error) {
        if (error.code === undefined) this.faults.push(`watch: ${error.stack}`);
        if (account.state === "REVOKED") return;
      }
      if (signal.aborted) return;
      await this.#sleep(program, LEAST_WATCH, signal).catch(() => undefined);
    }
  }

  async #press(program, device, challenge, choice, signal) {
    const account = await program.wallet.account(device);
    if (account === undefined) return undefined;
    const shown = program.shown.get(challenge) ?? (await account.show(challenge, { signal }));
    program.shown.set(challenge, shown);
    const outcome =
      choice === "disown"
        ? await account.disown(shown, { signal })
        : await account.answer(shown, { button: choice, signal });
    return outcome;
  }

  #beginPress(program, device, challenge, choice) {
    const controller = new AbortController();
    const press = this.#begin(program, `press ${choice}`, () =>
      this.#press(program, device, challenge, choice, controller.signal),
    );
    program.presses.push({ press, device, challenge, choice, keys: this.#keysOf(device) });
    if (this.#chance(0.1)) this.#at(this.#below(4000), () => controller.abort());
  }

  #bind(program, invitation) {
    const link = writeLink({
      token: invitation.token,
      appSpace: APP_SPACE,
      appSpaceName: "Bank",
      account: invitation.account,
    });
    this.#begin(program, "bind", () => program.wallet.bind({ url: ADDRESS, link, name: "A phone" }));
  }

  // The schedule.

  #step() {
    const tabs = [...this.#programs].filter(({ name }) => name !== "worker");
    const tab = this.#pick(tabs);
    const devices = [...this.service.devices.keys()];
    const open = [...this.service.challenges].filter(([, { reply }]) => reply === null);
    const kinds = {
      open: async () => {
        if (tabs.length < 2) await this.#openProgram(`tab ${this.steps.length}`);
      },
      kill: async () => {
        if (tab) this.#kill(tab);
      },
      bind: async () => {
        if (!tab) return;
        if (this.invitations.length < 3) this.invitations.push(this.service.invite());
        this.#bind(tab, this.#pick(this.invitations));
      },
      ask: async () => {
        if (devices.length > 0) this.service.ask(this.#pick(devices));
      },
      press: async () => {
        if (!tab || open.length === 0) return;
        const [challenge, { device }] = this.#pick(open);
        const count = 1 + this.#below(2);
        for (let press = 0; press < count; press += 1) {
          this.#beginPress(tab, device, challenge, this.#pick([0, 0, 1, "disown"]));
        }
      },
      again: async () => {
        const press = tab && this.#pick(tab.presses);
        if (!press) return;
        const choice = this.#chance(0.3) ? this.#pick([0, 1, "disown"]) : press.choice;
        this.#beginPress(tab, press.device, press.challenge, choice);
      },
      watch: async () => {
        if (tab) this.#begin(tab, "watch", () => this.#watch(tab));
      },
      resume: async () => {
        if (tab) this.#begin(tab, "resume", () => tab.wallet.resume());
      },
      rotate: async () => {
        const device = this.#pick(devices);
        if (!tab || !device) return;
        this.#begin(tab, "rotate", async () => (await tab.wallet.account(device))?.rotate());
      },
      worker: async () => {
        const worker = await this.#openProgram("worker");
        const { ended } = this.#begin(worker, "worker", async () => {
          for (const account of await worker.wallet.accounts()) {
            await account.setAddresses([]).catch(() => undefined);
          }
        });
        void ended.then(() => this.#kill(worker));
      },
      full: async () => {
        this.#factory.isFull = true;
        this.#at(this.#below(20_000), () => {
          this.#factory.isFull = false;
        });
      },
      fail: async () => {
        const count = 1 + this.#below(4);
        for (let time = 0; time < count; time += 1) {
          const name = this.#pick(["UnknownError", "AbortError", "TransactionInactiveError"]);
          this.#factory.failures.push(new DOMException("", name));
        }
      },
      crash: async () => this.#factory.crash({ event: this.#chance(0.5) }),
      restart: async () => {
        this.#down = this.#elapsed + this.#below(90) * SECOND;
        this.#retryAfter = this.#chance(0.5) ? this.#pick([0, 2, 7, 30, 3_000_000]) : null;
        this.service.restart();
      },
      clock: async () => {
        this.#ahead = this.#pick([-HOUR, -120 * SECOND, 0, 120 * SECOND, 3 * HOUR]);
      },
    };
    const weights = "open bind ask ask ask press press press press again again watch watch rotate worker full full fail crash restart clock kill resume".split(" ");
    const kind = this.steps.length < 2 ? ["open", "bind"][this.steps.length] : this.#pick(weights);
    this.steps.push(kind);
    return kinds[kind]();
  }

  async run() {
    this.invitations = [];
    this.service = await ModelService.make({
      clock: () => START + this.#elapsed,
      guid: this.#guid,
      random: this.#bytes,
    });
    for (let step = 0; step < STEPS; step += 1) {
      await this.#step();
      await this.#advance(this.#pick([0, 50, 500, 3000, 20_000]));
    }
    await this.#check();
    for (const program of this.#programs) this.#kill(program);
    this.service.restart();
    await this.#drain();
  }

  /** Let everything work again, and check that nothing was lost. */
  async #check() {
    this.#chaos = 0;
    this.#ahead = 0;
    this.#down = 0;
    this.#factory.failures.length = 0;
    this.#factory.isFull = false;
    await this.#advance(300 * SECOND);
    for (const program of this.#programs) {
      for (const { what, isEnded, error } of program.work) {
        if (!isEnded) this.faults.push(`${program.name}: ${what} has no end`);
        if (error && error.code === undefined && error.name !== "AbortError") {
          this.faults.push(`${program.name}: ${what}: ${error.stack}`);
        }
      }
    }
    await this.#checkPresses();
    await this.#checkAccounts();
  }

  /** The keys that the service has of a device. */
  #keysOf(device) {
    return this.service.devices.get(device).keys.map(({ kid }) => kid).join();
  }

  /** Press once more what has no outcome: an answer of this program is never one of another. */
  async #checkPresses() {
    for (const program of this.#programs) {
      const outcomes = new Map();
      const earliest = new Map();
      for (const { press, device, challenge, choice, keys } of program.presses) {
        if (press.value) outcomes.set(challenge, press.value);
        const pressed = `${device} ${challenge}`;
        if (!earliest.has(pressed)) earliest.set(pressed, keys);
        // Once keys were replaced, a press signs anew, which is another answer for the service.
        const isReplaced = earliest.get(pressed) !== this.#keysOf(device);
        if (!press.error || isReplaced || !program.shown.has(challenge)) continue;
        const { reply, signed } = this.service.challenges.get(challenge);
        const isOwn = reply !== null && program.sentTexts.has(signed);
        const accepted = reply?.state === "DISOWNED" ? "disown" : reply?.approved ? 0 : 1;
        const last = isOwn ? accepted : choice;
        const again = this.#begin(program, "last press", () => this.#press(program, device, challenge, last));
        await this.#advance(60 * SECOND);
        if (isOwn) this.#count("own answer, reply lost");
        if (isOwn && !again.value) {
          this.faults.push(`${program.name}: its own answer is ${again.error?.message}`);
        }
        if (again.value) outcomes.set(challenge, again.value);
      }
      await this.#checkHistory(program, outcomes);
    }
  }

  async #checkHistory(program, outcomes) {
    for (const [challenge, outcome] of outcomes) {
      const { device, reply } = this.service.challenges.get(challenge);
      if (reply === null || reply.state !== outcome.state || reply.approved !== outcome.approved) {
        this.faults.push(`${program.name}: an outcome that the service does not have`);
      }
      const account = await program.wallet.account(device);
      if (account === undefined) continue;
      await account.history();
      const stored = this.#factory.databases.get("counterseal").collections.get("history");
      const at = [...stored.keys()].some((id) => id.startsWith(`${device}/`) && id.endsWith(challenge));
      if (!at) this.faults.push(`${program.name}: the answer to ${challenge} is not in the history`);
    }
  }

  /** Check that the next program has each device that the service has, and sees each account. */
  async #checkAccounts() {
    const next = await this.#openProgram("next");
    const { ended } = this.#begin(next, "resume", () => next.wallet.resume());
    await this.#advance(60 * SECOND);
    await ended;
    const listed = new Set((await next.wallet.accounts()).map(({ device }) => device));
    for (const [device, { state }] of this.service.devices) {
      if (state === "ACTIVE" && !listed.has(device)) this.faults.push(`nobody has the device ${device}`);
    }
    const stored = this.#factory.databases.get("counterseal").collections.get("accounts");
    for (const id of stored.keys()) if (!listed.has(id)) this.faults.push(`the account ${id} is hidden`);
    for (const account of await next.wallet.accounts()) {
      const call = this.#begin(next, "pending", () => account.pending());
      await this.#advance(30 * SECOND);
      if (call.error) this.faults.push(`an account cannot be used: ${call.error.message}`);
    }
  }
}

/** Run the schedule of a seed, and return what has gone wrong. */
export async function runSchedule(seed) {
  const schedule = new Schedule(seed);
  const rejections = [];
  const note = (error) => rejections.push(`unhandled rejection: ${error?.stack}`);
  process.on("unhandledRejection", note);
  try {
    await schedule.run();
  } finally {
    process.off("unhandledRejection", note);
  }
  const { counts, faults, steps } = schedule;
  return { counts, faults: [...faults, ...rejections], steps };
}
