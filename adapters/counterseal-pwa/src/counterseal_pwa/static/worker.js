/** The service worker: shows a push, opens what it is about, and keeps the files for offline. */

import { indexedDbStore } from "./device/store.js";
import { deviceOnlyKeys } from "./device/strong_keys.js";
import { Wallet } from "./device/wallet.js";
import { register, subscribe } from "./subscription.js";
import { chooseLocale, readTexts, say } from "./texts.js";
import { visible } from "./visible.js";

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const FILES = "files";
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Files that a page loads only for some views, which may be opened offline. */
const LATER = [
  "account_view.js",
  "action.css",
  "action_view.js",
  "blocked_view.js",
  "camera.js",
  "invite_section.js",
  "lock_section.js",
  "login_view.js",
  "lookalike_warning.js",
  "new_device_view.js",
  "new_link.js",
  "outcome_view.js",
  "qr_code.js",
  "reading_order.js",
  "removal.js",
  "reasons.js",
  "request_view.js",
  "unconfirmed_view.js",
  "units.js",
];

worker.addEventListener("install", (event) => {
  void worker.skipWaiting();
  event.waitUntil(keepLater());
});
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  // Calls of the service are not below the app, and pass.
  if (method === "GET" && url.startsWith(worker.registration.scope)) {
    event.respondWith(fetchFile(event.request));
  }
});

/** Keep the files for later, as far as they can be had now. */
async function keepLater() {
  const files = await caches.open(FILES);
  await files.addAll(LATER).catch(() => undefined);
}

/**
 * Return a file from the network, or as it last came where the service cannot answer.
 *
 * @param {Request} request
 * @returns {Promise<Response>}
 */
async function fetchFile(request) {
  const files = await caches.open(FILES);
  try {
    const response = await fetch(request);
    // Another page can make up queries without end: no file has one.
    const hasQuery = new URL(request.url).search !== "";
    if (response.ok && !hasQuery) await files.put(request, response.clone());
    if (response.status < 500) return response;
    return (await files.match(request, { ignoreSearch: true })) ?? response;
  } catch (error) {
    const stored = await files.match(request, { ignoreSearch: true });
    if (stored) return stored;
    throw error;
  }
}

worker.addEventListener("push", (event) => event.waitUntil(showPush(readPush(event.data))));

/** @param {Push} push */
async function showPush({ title, body, data }) {
  const isEnded = data.type === "requestEnded";
  const { registration } = worker;
  const topic = data.requestGuid || data.deviceGuid || data.type;
  /** @type {NotificationOptions & {renotify: boolean}} */
  const options = {
    body: isEnded ? await sayEnded(body) : body,
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
 * Return the words for a request that is no longer open, in the person's language.
 *
 * @param {string} body The service's words, for the case that the texts cannot be had.
 */
async function sayEnded(body) {
  try {
    const response = await fetchFile(new Request(`texts/${chooseLocale().language}.json`));
    readTexts(await response.json());
    return say("elsewhere.push");
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
