/**
 * What the service worker stores: each address with the digest of its file; the build writes them.
 *
 * @type {readonly (readonly [string, string])[]}
 */
export const STORED_FILES = [];
