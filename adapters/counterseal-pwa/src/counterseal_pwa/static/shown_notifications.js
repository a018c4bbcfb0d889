/** Notifications that this browser shows, of which those are closed that are about nothing open. */

/** @typedef {{type: string, requestGuid: string, deviceGuid: string, shownAt: number}} NotificationData */

/** Closing them is a courtesy: where the browser cannot list them, they stay. */
export class ShownNotifications {
  /** @type {Set<string>} The GUIDs of all requests that this page has known as open. */
  #listed = new Set();

  /**
   * Close the notifications of requests that were open.
   *
   * A push may be faster than the list that has its request, so a request that no list had counts
   * as ended only if it was shown before the page was opened, and every account has its list.
   *
   * @param {Iterable<{guid: string}>} requests All that are open.
   * @param {boolean} isWhole Whether every account that is asked has its list.
   */
  async closeEnded(requests, isWhole) {
    const open = new Set([...requests].map(({ guid }) => guid));
    for (const guid of open) this.#listed.add(guid);
    await close(({ type, requestGuid, shownAt }) => {
      if (type !== "request" || open.has(requestGuid)) return false;
      return this.#listed.has(requestGuid) || (isWhole && shownAt < performance.timeOrigin);
    });
  }

  /**
   * Close the notifications of new devices that wait no more.
   *
   * @param {(device: string) => boolean} isWaiting
   * @param {number} startedAt When the lists were asked for: a later push may be of a device that
   *   they do not have yet.
   */
  async closeDecided(isWaiting, startedAt) {
    await close(
      ({ type, deviceGuid, shownAt }) =>
        type === "deviceUnconfirmed" && shownAt < startedAt && !isWaiting(deviceGuid),
    );
  }
}

/** @param {(data: NotificationData) => boolean} isOver */
async function close(isOver) {
  const notifications = await listAll().catch(() => []);
  for (const notification of notifications) {
    if (notification.data && isOver(notification.data)) notification.close();
  }
}

/** Return those that are shown; not every browser with service workers has a list of them. */
async function listAll() {
  const registration = await navigator.serviceWorker?.getRegistration();
  return (await registration?.getNotifications?.()) ?? [];
}
