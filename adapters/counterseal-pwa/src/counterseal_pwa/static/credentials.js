/** Credentials: the passkeys of this browser, each asked for as long as the view that asks is shown. */

export const hasWebAuthn = () => Boolean(window.PublicKeyCredential && navigator.credentials);

/** What the wallet's passkeys are made and used by. */
export const credentials = {
  create: (/** @type {CredentialCreationOptions | undefined} */ options) =>
    whileShown((signal) => navigator.credentials.create({ ...options, signal })),
  get: (/** @type {CredentialRequestOptions | undefined} */ options) =>
    whileShown((signal) => navigator.credentials.get({ ...options, signal })),
};

/**
 * Return what *ask* returns; its signal is aborted when another view comes.
 *
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @returns {Promise<T>}
 */
async function whileShown(ask) {
  const controller = new AbortController();
  const leave = () => controller.abort();
  window.addEventListener("hashchange", leave);
  try {
    return await ask(controller.signal);
  } finally {
    window.removeEventListener("hashchange", leave);
  }
}

/**
 * Tell whether this machine verifies people, by fingerprint, face or a PIN of its own, and this page
 * may make passkeys of a relying party.
 *
 * @param {string | null} rpId
 */
export const makesPasskeys = async (rpId) =>
  rpId !== null &&
  `.${window.location.hostname}`.endsWith(`.${rpId}`) &&
  hasWebAuthn() &&
  (await window.PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable());
