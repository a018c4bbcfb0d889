/** Keys of open requests. */

/**
 * Return the key of an account's request: of two services, each may list the same GUID.
 *
 * @param {{device: string}} account
 * @param {{guid: string}} request
 */
export const keyOf = ({ device }, { guid }) => `${device}/${guid}`;
