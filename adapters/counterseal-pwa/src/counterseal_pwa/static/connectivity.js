/** Connectivity: a call that a browser without a network has not sent is known as such. */

/**
 * Call the service as `fetch` does; where the browser was offline and is, the error says that
 * nothing was sent: its cause has a code of Node, by which the wallet knows it.
 *
 * @type {typeof fetch}
 */
export async function fetchIfOnline(...request) {
  const wasOffline = navigator.onLine === false;
  try {
    return await fetch(...request);
  } catch (error) {
    if (wasOffline && navigator.onLine === false && error instanceof TypeError) {
      error.cause = Object.assign(new Error("offline"), { code: "ENETUNREACH" });
    }
    throw error;
  }
}
