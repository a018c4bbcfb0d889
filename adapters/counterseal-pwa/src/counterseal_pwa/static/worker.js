/** The service worker: shows a push, opens what it is about, and keeps the files for offline. */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const FILES = "files";
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

worker.addEventListener("install", () => worker.skipWaiting());
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  // Calls of the service are not below the app, and pass.
  if (method === "GET" && url.startsWith(worker.registration.scope)) {
    event.respondWith(fetchFile(event.request));
  }
});

/**
 * Return a file from the network, or as it last came.
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
    return response;
  } catch (error) {
    const stored = await files.match(request, { ignoreSearch: true });
    if (stored) return stored;
    throw error;
  }
}

worker.addEventListener("push", (event) => {
  const { title, body, data } = readPush(event.data);
  // The tag: a later push about the same request replaces this one.
  const tag = data.requestGuid || data.type;
  event.waitUntil(
    worker.registration.showNotification(title, { body, tag, data, icon: "icon-192.png" }),
  );
});

/**
 * @param {PushMessageData | null} message
 * @returns {{title: string, body: string, data: {type: string, requestGuid: string}}}
 */
function readPush(message) {
  let push;
  try {
    push = message?.json();
  } catch {
    push = undefined;
  }
  const { title, body, data } = push ?? {};
  const guid = String(data?.requestGuid ?? "");
  return {
    title: typeof title === "string" && title ? title : "Counterseal",
    body: typeof body === "string" ? body : "",
    data: { type: String(data?.type ?? ""), requestGuid: GUID.test(guid) ? guid : "" },
  };
}

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { requestGuid } = event.notification.data;
  event.waitUntil(openRequest(requestGuid));
});

/**
 * Show a request in a window of the app, a new one if there is none.
 *
 * @param {string} guid Empty for the first view.
 */
async function openRequest(guid) {
  const address = guid ? `./#/request/${guid}` : "./";
  const [client] = await worker.clients.matchAll({ type: "window" });
  if (client === undefined) {
    await worker.clients.openWindow(address);
    return;
  }
  client.postMessage({ open: guid });
  await client.focus();
}
