/** The service worker: shows a push, opens what it is about, and keeps the files for offline. */

import { indexedDbStore } from "./device/store.js";
import { deviceOnlyKeys } from "./device/strong_keys.js";
import { Wallet } from "./device/wallet.js";
import { FileStore } from "./file_store.js";
import { STORED_FILES } from "./stored_files.js";
import { register, subscribe } from "./subscription.js";
import { addressOfTexts, chooseLocale, isNeeded, readTexts, say } from "./texts.js";
import { channelOf } from "./update_channel.js";
import { visible } from "./visible.js";

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Keys of texts by what the service writes where nobody has chosen another body. */
const STANDARD_BODIES = new Map([
  ["A question is waiting for you.", "push.question"],
  ["A device was added to your account.", "push.added"],
  ["A device was removed from your account.", "push.removed"],
  ["Add a new device to your account?", "push.unconfirmed"],
]);
/** Milliseconds for the pages to say whether they may be loaded again. */
const ANSWERS = 2000;

const pause = (/** @type {number} */ milliseconds) =>
  new Promise((/** @type {(value: undefined) => void} */ resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** The app's address, with the slash at its end; the scope may be less. */
const app = new URL("./", worker.location.href).href;
const files = new FileStore(
  {
    app,
    caches,
    // Looked up at each call, as the page's own.
    fetch: (request) => fetch(request),
    sleep: pause,
    now: () => Date.now(),
  },
  { files: STORED_FILES.filter(([address]) => isNeeded(address)) },
);

worker.addEventListener("install", (event) => {
  passCalls(event);
  event.waitUntil(files.fill());
});
worker.addEventListener("activate", (event) => event.waitUntil(activate()));

/**
 * Let calls of the service pass without this worker, where the browser can. Otherwise each call
 * starts it, and Chromium, which ends a worker before it uses the next one, starts it once more.
 *
 * @param {ExtendableEvent} event
 */
function passCalls(event) {
  const { addRoutes } = /** @type {any} */ (event);
  const { URLPattern } = /** @type {any} */ (self);
  if (!addRoutes || !URLPattern) return;
  const condition = { not: { urlPattern: new URLPattern(`${app}*`) } };
  // Chromium before 129 knows no "not".
  event.waitUntil(addRoutes.call(event, { condition, source: "network" }).catch(() => undefined));
}

async function activate() {
  await files.deleteOthers();
  await worker.clients.claim();
}

worker.addEventListener("message", (event) => {
  if (event.data?.update === true) event.waitUntil(update());
});

/** Become the service worker of all pages, if each of them says that it may be loaded again. */
async function update() {
  const clients = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const pages = clients.filter(({ url }) => url.startsWith(app)).length;
  // A page of a version that knows no channel does not answer, and is waited for.
  const channel = channelOf(app);
  const ask = crypto.randomUUID();
  let idle = 0;
  channel.addEventListener("message", ({ data }) => {
    if (data?.idle !== ask) return;
    idle += 1;
    if (idle === pages) void worker.skipWaiting();
  });
  channel.postMessage({ ask });
  await pause(ANSWERS);
  channel.close();
}

worker.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  // Calls of the service are not below the app, and pass.
  if (method === "GET" && url.startsWith(app)) {
    event.respondWith(files.respond(event.request, (work) => event.waitUntil(work)));
  }
});

worker.addEventListener("push", (event) => event.waitUntil(showPush(readPush(event.data))));

/** @param {Push} push */
async function showPush({ title, body, data }) {
  const isEnded = data.type === "requestEnded";
  const { registration } = worker;
  const topic = data.requestGuid || data.deviceGuid || data.type;
  /** @type {NotificationOptions & {renotify: boolean}} */
  const options = {
    body: await translate(isEnded ? "elsewhere.push" : STANDARD_BODIES.get(body), body),
    // A later push about the same request replaces this one, and no other Counterseal app on the
    // same host does so by chance. The scope is public: scripts of this web origin still can.
    tag: topic && `${registration.scope}#${topic}`,
    silent: isEnded,
    // A reminder replaces the first push, and has to be heard as well.
    renotify: data.type === "request",
    // Some systems remove a notification after seconds, unless it waits for the person.
    requireInteraction: data.type === "request",
    data: { ...data, shownAt: Date.now() },
    icon: "icon-192.png",
  };
  await registration.showNotification(title, options);
  if (!topic) return;
  // Older workers tagged without the scope. The new one is shown, whether or not they can be listed.
  const olderNotifications = await registration.getNotifications({ tag: topic }).catch(() => []);
  for (const older of olderNotifications) older.close();
}

/**
 * Return a text in the person's language.
 *
 * @param {string | undefined} key Undefined if the service's words are somebody's choice.
 * @param {string} body The service's words, also for the case that the texts cannot be had.
 */
async function translate(key, body) {
  if (key === undefined) return body;
  try {
    const address = addressOfTexts(chooseLocale().language);
    const response = (await files.find(address)) ?? (await fetch(address));
    readTexts(await response.json());
    return say(key);
  } catch {
    return body;
  }
}

/** @typedef {{title: string, body: string, data: {type: string, requestGuid: string, deviceGuid: string}}} Push */

/**
 * @param {PushMessageData | null} message
 * @returns {Push}
 */
function readPush(message) {
  let push;
  try {
    push = message?.json();
  } catch {
    push = undefined;
  }
  const { title, body, data } = push ?? {};
  const readGuid = (/** @type {unknown} */ guid) => (GUID.test(String(guid)) ? String(guid) : "");
  const type = String(data?.type ?? "");
  return {
    title: typeof title === "string" && title ? visible(title) : "Counterseal",
    body: typeof body === "string" ? visible(body, { lines: true }) : "",
    data: { type, requestGuid: readGuid(data?.requestGuid), deviceGuid: readGuid(data?.deviceGuid) },
  };
}

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(viewOf(event.notification.data)));
});

/**
 * Return the address of the view that a push is about.
 *
 * @param {Push["data"]} data
 */
function viewOf({ type, requestGuid, deviceGuid }) {
  if (requestGuid) return `#/request/${requestGuid}`;
  // Other pushes about devices tell of what is decided.
  return type === "deviceUnconfirmed" && deviceGuid ? `#/device/${deviceGuid}` : "#/";
}

/**
 * Show a view in a window of the app, a new one if there is none.
 *
 * @param {string} address
 */
async function open(address) {
  const [client] = await worker.clients.matchAll({ type: "window" });
  if (client === undefined) {
    await worker.clients.openWindow(`./${address}`);
    return;
  }
  client.postMessage({ open: address });
  await client.focus();
}

worker.addEventListener("pushsubscriptionchange", (event) => {
  /** @type {ExtendableEvent} */ (event).waitUntil(renewSubscription());
});

/** Subscribe again, and tell the service; what fails here is done when the app is opened. */
async function renewSubscription() {
  // Calls are signed by device keys; a strong key is never opened here.
  const wallet = new Wallet({ store: await indexedDbStore(), strongKeys: [deviceOnlyKeys()] });
  for (const account of await wallet.accounts()) {
    // One that was revoked keeps no other from being notified.
    await renew(account).catch(() => undefined);
  }
}

/** @param {import("./device/account.js").Account} account */
async function renew(account) {
  const { webPushKey } = await account.status();
  if (webPushKey === null) return;
  await register(account, await subscribe(worker.registration.pushManager, webPushKey));
}
