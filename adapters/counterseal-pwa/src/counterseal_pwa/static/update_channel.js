/** The channel on which a new service worker asks the pages whether they may be loaded again. */

/** What the service worker asks. */
export const ASK = "update";
/** What a page answers that has nothing open; any other says nothing. */
export const IDLE = "idle";

/** @param {string} scope The app's address: another app of the same web origin has another channel. */
export const channelOf = (scope) => `update ${scope}`;
