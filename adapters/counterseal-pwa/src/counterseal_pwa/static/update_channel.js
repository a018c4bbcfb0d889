/**
 * The channel on which a new service worker asks the pages whether they may be loaded again.
 *
 * It sends `{ ask }`, a text of its own for each time that it asks. A page that has nothing open
 * sends `{ idle }` with that text, and any other page nothing.
 */

/** @param {string} app The app's address: another app of the same web origin has another channel. */
export const channelOf = (app) => new BroadcastChannel(`update ${app}`);
