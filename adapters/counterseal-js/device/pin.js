/**
 * The PIN: how a strong key is kept under it; the recipe is on the reference page "The wire".
 *
 * Secrets of P-256, Ed25519 and ML-DSA-44 are 32 bytes of which nearly any value is a key. The PIN, through
 * scrypt, shifts the secret, with no check value: every PIN gives some key, and only the service
 * can tell a wrong signature from a right one; it counts them, and revokes the device after the
 * last one. So neither the public key, its thumbprint, an answer nor a receipt may lie beside it.
 */

import { base64url, concatenate, readBase64url, readNumber, writeNumber } from "../wire/bytes.js";
import { P256_ORDER, p256PublicKey } from "../wire/curves.js";
import { InvalidField, Misuse } from "../wire/errors.js";
import { isUnsupported, lackOf } from "../wire/keys.js";
import { Members } from "../wire/members.js";
import { scrypt } from "./scrypt.js";

/** @typedef {import("../wire/bytes.js").Bytes} Bytes */
/** @typedef {"ES256" | "EdDSA" | "ML-DSA-44"} PinAlgorithm */

/**
 * A private key under a PIN.
 *
 * @typedef {object} WrappedKey
 * @property {string} kid
 * @property {PinAlgorithm} algorithm
 * @property {"shifted"} wrapping
 * @property {number} cost The N of scrypt, a power of two.
 * @property {string} salt base64url.
 * @property {string} wrapped base64url.
 */

const SALT_BYTES = 16;
const SECRET_BYTES = 32;
/** 128 bits more than the order, so that the shift is even. */
const STRETCHED_BYTES = 48;
const COST = 2 ** 15;
const COST_LIMIT = 2 ** 16;
const BLOCKS = { r: 8, p: 1 };
/** What stands before the secret in an Ed25519 key of PKCS #8 (RFC 8410, 7). */
const ED25519_PREFIX = "MC4CAQAwBQYDK2VwBCIEIA";
/** What stands before the seed in an ML-DSA-44 key of PKCS #8 (RFC 9881, 6). */
const ML_DSA_44_PREFIX = "MDQCAQAwCwYJYIZIAWUDBAMRBCKAIA";
/** @type {ReadonlyMap<PinAlgorithm, [name: string, prefix: string]>} */
const SEEDS = new Map([
  ["EdDSA", ["Ed25519", ED25519_PREFIX]],
  ["ML-DSA-44", ["ML-DSA-44", ML_DSA_44_PREFIX]],
]);

/**
 * Encrypt the 32 bytes of a private key under *pin*.
 *
 * @param {{kid: string, algorithm: PinAlgorithm, secret: Bytes}} key
 * @param {string} pin
 * @param {import("../wire/bytes.js").Random} random
 * @param {number} [cost]
 * @returns {Promise<WrappedKey>}
 */
export async function wrap({ kid, algorithm, secret }, pin, random, cost = COST) {
  const salt = random(SALT_BYTES);
  const stretched = await stretch(pin, salt, cost);
  const wrapped =
    algorithm === "ES256" ? shift(secret, stretched) : mask(secret, stretched);
  stretched.fill(0);
  return {
    kid,
    algorithm,
    wrapping: "shifted",
    cost,
    salt: base64url(salt),
    wrapped: base64url(wrapped),
  };
}

/**
 * Return the secret that *pin* gives: any PIN gives one.
 *
 * @param {WrappedKey} key
 * @param {string} pin
 * @returns {Promise<Bytes>}
 */
export async function unwrap({ algorithm, cost, salt, wrapped }, pin) {
  const stretched = await stretch(pin, readBase64url(salt), cost);
  const shifted = readBase64url(wrapped);
  const secret = algorithm === "ES256" ? shiftBack(shifted, stretched) : mask(shifted, stretched);
  stretched.fill(0);
  return secret;
}

/**
 * Read a wrapped key from where it was stored.
 *
 * @param {unknown} document
 * @returns {WrappedKey}
 * @throws {InvalidField}
 */
export function readWrappedKey(document) {
  const members = new Members(document, "wrapped key");
  const key = {
    kid: members.text("kid"),
    algorithm: members.choice("algorithm", /** @type {const} */ (["ES256", "EdDSA", "ML-DSA-44"])),
    wrapping: members.choice("wrapping", /** @type {const} */ (["shifted"])),
    cost: members.count("cost"),
    salt: members.text("salt"),
    wrapped: members.text("wrapped"),
  };
  if (readBase64url(key.salt).length !== SALT_BYTES) throw new InvalidField("salt");
  if (readBase64url(key.wrapped).length !== SECRET_BYTES) throw new InvalidField("wrapped");
  return key;
}

/**
 * Return a new secret of *algorithm*.
 *
 * @param {PinAlgorithm} algorithm
 * @param {import("../wire/bytes.js").Random} random
 * @returns {Bytes}
 */
export function newSecret(algorithm, random) {
  if (algorithm !== "ES256") return random(SECRET_BYTES);
  for (;;) {
    const secret = random(SECRET_BYTES);
    const number = readNumber(secret);
    if (number >= 1n && number < P256_ORDER) return secret;
  }
}

/**
 * Import the private key of a secret; it cannot be exported unless *extractable* says so.
 *
 * @param {PinAlgorithm} algorithm
 * @param {Bytes} secret
 * @param {{extractable?: boolean}} [how]
 * @returns {Promise<CryptoKey>}
 * @throws {Misuse} `algorithm_unavailable`: this browser or Node does not have *algorithm*.
 */
export function importSecret(algorithm, secret, { extractable = false } = {}) {
  const seeds = SEEDS.get(algorithm);
  if (seeds !== undefined) {
    const [name, prefix] = seeds;
    return importSeed(name, concatenate(readBase64url(prefix), secret), extractable);
  }
  const [x, y] = p256PublicKey(secret).map(base64url);
  const jwk = { kty: "EC", crv: "P-256", x, y, d: base64url(secret) };
  const kind = { name: "ECDSA", namedCurve: "P-256" };
  return crypto.subtle.importKey("jwk", /** @type {JsonWebKey} */ (jwk), kind, extractable, ["sign"]);
}

/**
 * @param {string} name
 * @param {Bytes} key PKCS #8.
 * @param {boolean} extractable
 */
async function importSeed(name, key, extractable) {
  try {
    return await crypto.subtle.importKey("pkcs8", key, { name }, extractable, ["sign"]);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    throw new Misuse("algorithm_unavailable", lackOf(name));
  } finally {
    key.fill(0);
  }
}

/**
 * @param {string} pin
 * @param {Bytes} salt
 * @param {number} cost
 */
async function stretch(pin, salt, cost) {
  const fits = Number.isSafeInteger(cost) && cost > 1 && cost <= COST_LIMIT;
  if (!fits || (cost & (cost - 1)) !== 0) {
    throw new Misuse("client_unfit", `cost: not a power of two up to ${COST_LIMIT}`);
  }
  return scrypt(pin, salt, { n: cost, ...BLOCKS }, STRETCHED_BYTES);
}

/** How many secrets P-256 has: 1 to the order less one. */
const SECRETS = P256_ORDER - 1n;

/**
 * Return the wrapped key of a secret of P-256: a number from 0.
 *
 * @param {Bytes} secret
 * @param {Bytes} stretched
 */
const shift = (secret, stretched) =>
  writeNumber((readNumber(secret) - 1n + readNumber(stretched)) % SECRETS, SECRET_BYTES);

/**
 * Return the secret of a wrapped key of P-256.
 *
 * @param {Bytes} wrapped
 * @param {Bytes} stretched
 */
function shiftBack(wrapped, stretched) {
  const difference = (readNumber(wrapped) - (readNumber(stretched) % SECRETS)) % SECRETS;
  return writeNumber(((difference + SECRETS) % SECRETS) + 1n, SECRET_BYTES);
}

/**
 * @param {Bytes} secret
 * @param {Bytes} stretched
 */
const mask = (secret, stretched) =>
  secret.map((byte, index) => byte ^ stretched[index]);
