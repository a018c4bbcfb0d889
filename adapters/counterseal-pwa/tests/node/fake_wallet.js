// Wallets and accounts as the app's modules use them, and the service behind them.

/** What the service has of each device, and how many calls wait for something there. */
export class FakeService {
  /** @type {Map<string, {guid: string}[]>} */
  requests = new Map();
  /** Devices whose streams give nothing, as behind a proxy that buffers. */
  heldBack = new Set();
  open = 0;
  mostOpen = 0;
  streams = [];
  #changes = new EventTarget();

  set(device, ...guids) {
    this.requests.set(device, guids.map((guid) => ({ guid, issuedAt: "", expiresAt: "" })));
    this.#changes.dispatchEvent(new Event(device));
  }

  list = (device) => this.requests.get(device) ?? [];

  /** Count a connection for as long as *work* runs. */
  async connect(work) {
    this.open += 1;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    try {
      return await work();
    } finally {
      this.open -= 1;
    }
  }

  /** Wait for a change of a device's list. */
  changed(device, signal) {
    return new Promise((resolve) => {
      this.#changes.addEventListener(device, resolve, { once: true });
      signal.addEventListener("abort", resolve, { once: true });
    });
  }
}

/** A device of the service. */
export class FakeAccount {
  state = "ACTIVE";
  failure = null;
  calls = [];

  constructor(service, device) {
    this.service = service;
    this.device = device;
  }

  status = async () => ({});
  newDevices = async () => [];

  async pending({ signal } = {}) {
    this.calls.push("pending");
    return this.service.connect(async () => {
      await Promise.resolve();
      signal?.throwIfAborted();
      if (this.failure) throw this.failure;
      return this.service.list(this.device);
    });
  }

  async wait({ signal }) {
    this.calls.push("wait");
    return this.service.connect(async () => {
      await this.service.changed(this.device, signal);
      signal.throwIfAborted();
      return this.service.list(this.device);
    });
  }

  async *watch({ signal }) {
    this.calls.push("watch");
    const { service, device } = this;
    service.open += 1;
    service.mostOpen = Math.max(service.mostOpen, service.open);
    service.streams.push(device);
    try {
      while (!signal.aborted) {
        if (this.failure) throw this.failure;
        if (!service.heldBack.has(device)) yield service.list(device);
        await service.changed(device, signal);
      }
    } finally {
      service.open -= 1;
      service.streams.splice(service.streams.indexOf(device), 1);
    }
  }
}

/** The wallet of one tab over a store that all tabs share. */
export class FakeWallet extends EventTarget {
  /** @param {Map<string, FakeAccount>} store */
  constructor(store = new Map()) {
    super();
    this.store = store;
  }

  accounts = async () => [...this.store.values()];
  resume = async () => undefined;

  change(type, device) {
    this.dispatchEvent(new CustomEvent("change", { detail: { type, device } }));
  }

  add(account) {
    this.store.set(account.device, account);
    this.change("bound", account.device);
  }

  remove(device) {
    this.store.delete(device);
    this.change("removed", device);
  }
}
