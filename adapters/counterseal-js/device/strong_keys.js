/**
 * Strong keys, in three implementations of one interface: a passkey (in passkeys.js), a key that
 * is kept under a PIN, and a key that the browser keeps and uses without asking.
 *
 * An implementation makes a key, and what has to be stored of it; and it makes a signer of what
 * was stored, for which it may ask the person. What is for a PIN is loaded when one is asked for.
 */

import { base64url, newId, systemRandom } from "../wire/bytes.js";
import { p256PublicKey } from "../wire/curves.js";
import { keySigner } from "../wire/jws.js";
import { isUnsupported, KINDS, lackOf } from "../wire/keys.js";
import { InvalidField, Misuse, NotUnlocked } from "./errors.js";

/** @typedef {import("../wire/bytes.js").Random} Random */
/** @typedef {import("../wire/jws.js").Signer} Signer */
/** @typedef {import("../wire/keys.js").Algorithm} Algorithm */
/** @typedef {import("./pin.js").PinAlgorithm} PinAlgorithm */
/** @typedef {import("../wire/display.js").Display["buttons"][number]} Button */

/**
 * A new strong key.
 *
 * @typedef {object} NewStrongKey
 * @property {Record<string, string>} jwk Its public half, with `kid` and `alg`.
 * @property {Record<string, unknown>} record What has to be stored; a store may hold CryptoKeys.
 * @property {Signer} signer
 * @property {string} [credentialId] Of a passkey, base64url.
 */

/**
 * What a strong key is opened for. What it then signs is what is in here: the `button` of the
 * `request` that was shown, the `choice` on the `newDevice`, or, to `replace` it, the new keys.
 *
 * @typedef {{purpose: "answer", request: import("./answers.js").ShownRequest, button: Button}
 *   | {purpose: "confirm", newDevice: import("./new_devices.js").NewDevice, choice: import("../wire/confirmation.js").Choice}
 *   | {purpose: "replace"}} Use
 */

/**
 * @typedef {object} StrongKeys
 * @property {string} kind Of the records; another text for each implementation.
 * @property {boolean} provable Whether receipts and answers may lie beside the records. They may
 *   not beside a key under a PIN: whoever has both can try PINs.
 * @property {(about: {accountName: string, rpId?: string | undefined}) => Promise<NewStrongKey>} create
 *   `rpId`: the relying party id of the App Space, where it is known.
 * @property {(record: Record<string, unknown>, use: Use) => Promise<Signer>} open
 */

/** Modulus and exponent of RSA keys. */
const RSA = { modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };

/**
 * Make a key that signs and cannot be exported.
 *
 * @param {Algorithm} alg
 * @param {Random} random
 * @returns {Promise<{kid: string, alg: Algorithm, key: CryptoKey, jwk: Record<string, string>}>}
 * @throws {Misuse} `algorithm_unavailable`: this browser or Node does not have *alg*.
 */
export async function generateKey(alg, random) {
  const kid = newId(random);
  const algorithm = { ...RSA, ...KINDS[alg].importing };
  let pair;
  try {
    pair = await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    throw new Misuse("algorithm_unavailable", lackOf(algorithm.name));
  }
  const { privateKey, publicKey } = /** @type {CryptoKeyPair} */ (pair);
  const jwk = await exportMembers(alg, publicKey);
  return { kid, alg, key: privateKey, jwk: { ...jwk, kid, alg } };
}

/**
 * Return the members of a public key that its thumbprint is over.
 *
 * @param {Algorithm} alg
 * @param {CryptoKey} key
 * @returns {Promise<Record<string, string>>}
 */
export async function exportMembers(alg, key) {
  /** @type {Record<string, any>} */
  const exported = await crypto.subtle.exportKey("jwk", key);
  return Object.fromEntries(KINDS[alg].members.map((name) => [name, exported[name]]));
}

/**
 * Return strong keys that the browser keeps, non-extractable, and uses without asking anybody:
 * whoever holds the unlocked device can answer.
 *
 * @param {{algorithm?: Algorithm, random?: Random}} [how]
 * @returns {StrongKeys}
 */
export const deviceOnlyKeys = ({ algorithm = "ES256", random = systemRandom } = {}) => ({
  kind: "device-only",
  provable: true,
  async create() {
    const { kid, alg, key, jwk } = await generateKey(algorithm, random);
    return { jwk, record: { kid, alg, key }, signer: keySigner({ kid, alg, key }) };
  },
  open: async (record) => keySigner(readKeyRecord(record)),
});

/**
 * Read what is stored of a key of WebCrypto.
 *
 * @param {unknown} record
 * @returns {{kid: string, alg: Algorithm, key: CryptoKey}}
 */
export function readKeyRecord(record) {
  const { kid, alg, key } = /** @type {Record<string, any>} */ (record ?? {});
  if (typeof kid !== "string" || !Object.hasOwn(KINDS, alg) || !(key instanceof CryptoKey)) {
    throw new InvalidField("key record");
  }
  return { kid, alg, key };
}

/**
 * Asks the person for the PIN: show what *use* says, since that is what will be signed, and nothing
 * else. For a new key, `create`, ask twice, since a mistyped PIN gives another key.
 *
 * @callback AskPin
 * @param {Use | {purpose: "create"}} use
 * @returns {Promise<string | null>} Null if the person does not give it.
 */

/**
 * Return strong keys under a PIN.
 *
 * A wrong PIN is not noticed here: the service refuses the answer as `strong_key_missed`.
 *
 * @param {{askPin: AskPin, algorithm?: PinAlgorithm, cost?: number, random?: Random}} how
 * @returns {StrongKeys}
 */
export function pinKeys({ askPin, algorithm = "ES256", cost, random = systemRandom }) {
  if (typeof askPin !== "function") throw new Misuse("client_unfit", "askPin: not a function");
  /** @param {Parameters<AskPin>[0]} use */
  const ask = async (use) => (await askPin(use)) || refuseUnlock();
  return {
    kind: "pin",
    provable: false,
    async create() {
      const pin = await ask({ purpose: "create" });
      const { importSecret, newSecret, wrap } = await import("./pin.js");
      const kid = newId(random);
      const secret = newSecret(algorithm, random);
      const jwk = { ...(await publicMembers(algorithm, secret)), kid, alg: algorithm };
      const record = { ...(await wrap({ kid, algorithm, secret }, pin, random, cost)) };
      const key = await importSecret(algorithm, secret);
      secret.fill(0);
      return { jwk, record, signer: keySigner({ kid, alg: algorithm, key }) };
    },
    async open(record, use) {
      const { importSecret, readWrappedKey, unwrap } = await import("./pin.js");
      const wrapped = readWrappedKey(record);
      const secret = await unwrap(wrapped, await ask(use));
      const key = await importSecret(wrapped.algorithm, secret);
      secret.fill(0);
      return keySigner({ kid: wrapped.kid, alg: wrapped.algorithm, key });
    },
  };
}

/** @returns {never} */
function refuseUnlock() {
  throw new NotUnlocked("pin");
}

/**
 * @param {PinAlgorithm} algorithm
 * @param {import("../wire/bytes.js").Bytes} secret
 * @returns {Promise<Record<string, string>>}
 */
async function publicMembers(algorithm, secret) {
  if (algorithm === "ES256") {
    const [x, y] = p256PublicKey(secret).map(base64url);
    return /** @type {Record<string, string>} */ ({ crv: "P-256", kty: "EC", x, y });
  }
  const { importSecret } = await import("./pin.js");
  // Keys of PKCS #8 hold no public half, and engines export it as a part of the private.
  return exportMembers(algorithm, await importSecret(algorithm, secret, { extractable: true }));
}
