// The service worker's files: stored whole or not at all, and never the cause of a failure.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FileStore } from "../src/counterseal_pwa/static/file_store.js";

const APP = "https://app.example/app/";
const FILES = [
  ["./", "sha256-page"],
  ["new/app.js", "sha256-app"],
  ["icon.svg", "sha256-icon"],
];

/** A cache of the browser: the responses by their addresses. */
class FakeCache extends Map {
  constructor(world) {
    super();
    this.world = world;
  }

  async addAll(requests) {
    const found = await Promise.all(requests.map((request) => this.world.load(request)));
    for (const [index, { url }] of requests.entries()) this.set(url, found[index]);
  }

  add = (request) => this.addAll([request]);

  match = async (url) => {
    this.world.demandSound();
    return this.get(url)?.clone();
  };

  put = async (url, response) => {
    if (this.world.isFull) throw new DOMException("", "QuotaExceededError");
    this.set(url, response);
  };
}

/** A browser whose caches and network do what a test says. */
class World {
  isFull = false;
  isBroken = false;
  stored = new Map();
  /** Requests of installations, and what each gets. */
  loads = [];
  load = async (request) => {
    this.loads.push([request.url, request.cache, request.integrity]);
    return new Response(`stored ${request.url}`);
  };
  /** Pauses that wait for the test. */
  pauses = [];
  time = 0;
  fetch = async ({ url }) => new Response(`network ${url}`);

  demandSound() {
    if (this.isBroken) throw new DOMException("", "UnknownError");
  }

  caches = {
    open: async (name) => {
      this.demandSound();
      if (!this.stored.has(name)) this.stored.set(name, new FakeCache(this));
      return this.stored.get(name);
    },
    keys: async () => [...this.stored.keys()],
    delete: async (name) => this.stored.delete(name),
  };

  open = (folder = "new/", files = FILES) =>
    new FileStore(
      {
        app: APP,
        caches: this.caches,
        fetch: (request) => this.fetch(request),
        now: () => this.time,
        sleep: (milliseconds) =>
          new Promise((resolve) => {
            this.pauses.push({ milliseconds, end: () => resolve(undefined) });
          }),
      },
      { folder, files },
    );
}

/** Respond to a request, and return the response's text, its status, and what goes on after it. */
async function ask(store, address, mode = "cors") {
  const works = [];
  const response = await store.respond({ url: `${APP}${address}`, mode }, (work) => works.push(work));
  const text = await response.text();
  await Promise.all(works);
  return { text, status: response.status, works: works.length };
}

const openPage = (store, address = "") => ask(store, address, "navigate");

test("every file is stored with its digest, and the service's name anew", async () => {
  const world = new World();
  await world.open().fill();
  assert.deepEqual(world.loads, [
    [APP, "default", "sha256-page"],
    [`${APP}new/app.js`, "default", "sha256-app"],
    [`${APP}icon.svg`, "default", "sha256-icon"],
    [`${APP}service.json`, "reload", ""],
  ]);
  assert.deepEqual([...world.stored.keys()], [`${APP}#new/`]);
  assert.equal(world.stored.get(`${APP}#new/`).size, 4);
});

test("what the browser has stored otherwise is asked for again", async () => {
  const world = new World();
  const { load } = world;
  world.load = async (request) => {
    const response = await load(request);
    if (request.cache === "default" && request.url.endsWith("app.js")) throw new TypeError("integrity");
    return response;
  };
  await world.open().fill();
  const reloaded = world.loads.filter(([, cache]) => cache === "reload").map(([url]) => url);
  assert.deepEqual(reloaded, [APP, `${APP}new/app.js`, `${APP}icon.svg`, `${APP}service.json`]);
});

for (const missing of ["app.js", "service.json"]) {
  test(`without ${missing} nothing is stored, and the version before stays`, async () => {
    const world = new World();
    await world.open("old/", []).fill();
    world.load = async ({ url }) => {
      if (url.endsWith(missing)) throw new TypeError("not found");
      return new Response("");
    };
    await assert.rejects(world.open().fill(), TypeError);
    assert.deepEqual([...world.stored.keys()], [`${APP}#old/`]);
  });
}

test("what other versions have stored is deleted, and nothing of another app", async () => {
  const world = new World();
  for (const name of ["files", `${APP}#old/`, `${APP}other/#old/`, "of a page"]) await world.caches.open(name);
  const store = world.open();
  await store.fill();
  await store.deleteOthers();
  assert.deepEqual([...world.stored.keys()], [`${APP}other/#old/`, "of a page", `${APP}#new/`]);
});

test("a stored file needs no network, but for the page and the service's name", async () => {
  const world = new World();
  const store = world.open();
  await store.fill();
  assert.equal((await ask(store, "new/app.js")).text, `stored ${APP}new/app.js`);
  assert.equal((await ask(store, "icon.svg?n=1")).text, `stored ${APP}icon.svg`);
  for (const address of ["", "index.html", "?n=1"]) {
    assert.equal((await openPage(store, address)).text, `network ${APP}${address}`);
  }
  assert.equal((await ask(store, "service.json")).text, `network ${APP}service.json`);
  // Files of another version, and what is no file.
  for (const address of ["old/app.js", "none"]) {
    assert.equal((await ask(store, address)).text, `network ${APP}${address}`);
  }
});

test("the page of another version is never stored among the files of this one", async () => {
  const world = new World();
  const store = world.open();
  await store.fill();
  world.fetch = async () => new Response("page of the next version");
  assert.equal((await openPage(store)).text, "page of the next version");
  world.fetch = async () => {
    throw new TypeError("offline");
  };
  assert.equal((await openPage(store, "?n=1")).text, `stored ${APP}`);
  assert.equal(world.stored.get(`${APP}#new/`).size, 4);
});

test("the service's name is stored as it last came", async () => {
  const world = new World();
  const store = world.open();
  await store.fill();
  world.fetch = async () => new Response("another service");
  assert.equal((await ask(store, "service.json")).works, 1);
  world.fetch = async () => new Response("", { status: 404 });
  assert.equal((await ask(store, "service.json")).status, 404);
  world.fetch = async () => {
    throw new TypeError("offline");
  };
  assert.equal((await ask(store, "service.json")).text, "another service");
});

test("a full disk and broken caches fail no request", async () => {
  const world = new World();
  const store = world.open();
  await store.fill();
  world.isFull = true;
  assert.equal((await ask(store, "service.json")).text, `network ${APP}service.json`);
  world.isBroken = true;
  assert.equal((await openPage(store)).text, `network ${APP}`);
  assert.equal((await ask(store, "new/app.js")).text, `network ${APP}new/app.js`);
  assert.equal((await ask(store, "service.json")).text, `network ${APP}service.json`);
});

test("a service that cannot answer does not hide the stored page, and one that refuses does", async () => {
  const world = new World();
  const store = world.open();
  await store.fill();
  world.fetch = async () => new Response("bad gateway", { status: 502 });
  assert.equal((await openPage(store)).text, `stored ${APP}`);
  world.fetch = async () => new Response("gone", { status: 410 });
  assert.equal((await openPage(store)).status, 410);
});

test("a network that hangs is waited for three seconds, and then not for half a minute", async () => {
  const world = new World();
  const store = world.open();
  await store.fill();
  const open = async () => {
    const reply = openPage(store);
    while (world.pauses.length === 0) await new Promise(setImmediate);
    const { milliseconds, end } = world.pauses.pop();
    end();
    return [milliseconds, (await reply).text];
  };
  world.fetch = () => new Promise(() => undefined);
  assert.deepEqual(await open(), [3000, `stored ${APP}`]);
  world.time = 29_999;
  assert.deepEqual(await open(), [0, `stored ${APP}`]);
  world.time = 70_000;
  assert.deepEqual(await open(), [3000, `stored ${APP}`]);
});

test("before anything is stored, the network answers however long it takes", async () => {
  const world = new World();
  assert.equal((await openPage(world.open())).text, `network ${APP}`);
  assert.deepEqual(world.pauses, []);
});
