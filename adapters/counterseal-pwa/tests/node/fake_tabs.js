// What tabs of one browser share: Web Locks and a BroadcastChannel, as far as the app uses them.

const aborted = (message) => new DOMException(message, "AbortError");

/** Locks of all tabs; each tab has its own face of them, until `close` ends the tab. */
export class FakeLocks {
  /** The requests that are granted, by the names of the locks. */
  #holders = new Map();
  #queues = new Map();

  /** Return what one tab has of the locks. */
  open() {
    const requests = new Set();
    let isOpen = true;
    return {
      request: (name, options, work) =>
        new Promise((_, reject) => {
          if (!isOpen) return;
          const request = { name, options, work, reject };
          requests.add(request);
          this.#ask(request);
        }),
      /** Whether the tab has one of the locks. */
      has: () => [...this.#holders.values()].some((holder) => requests.has(holder)),
      close: () => {
        isOpen = false;
        for (const request of requests) this.#end(request);
      },
    };
  }

  #ask(request) {
    const { name, options } = request;
    if (options.steal) {
      const holder = this.#holders.get(name);
      this.#grant(request);
      holder?.reject(aborted("stolen"));
      return;
    }
    options.signal?.addEventListener("abort", () => {
      if (this.#holders.get(name) === request) return;
      this.#queues.set(name, this.#queue(name).filter((other) => other !== request));
      request.reject(aborted("left the queue"));
    });
    if (this.#holders.has(name)) this.#queue(name).push(request);
    else this.#grant(request);
  }

  #queue(name) {
    if (!this.#queues.has(name)) this.#queues.set(name, []);
    return this.#queues.get(name);
  }

  #grant(request) {
    this.#holders.set(request.name, request);
    queueMicrotask(() => request.work());
  }

  #end(request) {
    const { name } = request;
    this.#queues.set(name, this.#queue(name).filter((other) => other !== request));
    if (this.#holders.get(name) !== request) return;
    this.#holders.delete(name);
    request.reject(aborted("the tab has ended"));
    const next = this.#queue(name).shift();
    if (next) this.#grant(next);
  }
}

/** A channel of all tabs; what a tab posts, the others get, as `alter` returns it. */
export class FakeChannel {
  ends = new Set();
  #muted = new Set();
  alter = (message) => message;

  /** Let a tab hear and say nothing any more. */
  mute = (end) => this.#muted.add(end);

  /** Return one tab's end of the channel. */
  open() {
    const end = new EventTarget();
    end.postMessage = (message) => {
      const data = this.alter(structuredClone(message));
      for (const other of this.ends) {
        const isHeard = other !== end && !this.#muted.has(other) && !this.#muted.has(end);
        if (isHeard) queueMicrotask(() => other.dispatchEvent(new MessageEvent("message", { data })));
      }
    };
    end.close = () => this.ends.delete(end);
    this.ends.add(end);
    return end;
  }
}
