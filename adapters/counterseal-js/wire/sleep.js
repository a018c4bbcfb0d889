/** Sleep: what waits where a program brings nothing else. */

/**
 * @callback Sleep
 * @param {number} milliseconds
 * @returns {Promise<unknown>}
 */

/** @type {Sleep} */
export const systemSleep = (milliseconds) =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
