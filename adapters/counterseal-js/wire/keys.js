/** Public keys: JWKs that are fit (RFC 7517, RFC 9964), their thumbprints (RFC 7638), and sets of them. */

import { digest, readBase64url, readNumber } from "./bytes.js";
import { isOnEd25519, isOnP256 } from "./curves.js";
import { demand, InvalidField, refuse } from "./errors.js";
import { canonical, isObject } from "./ijson.js";
import { hasRocaFingerprint } from "./roca.js";

/** @typedef {"ES256" | "EdDSA" | "PS256" | "RS256" | "ML-DSA-44"} Algorithm */
/** @typedef {import("./passkeys.js").Passkey} Passkey */

/**
 * A public key that has been checked.
 *
 * @typedef {object} PublicKey
 * @property {string} kid
 * @property {string} alg Of its JWK and of its tokens; `WA-` and the algorithm for a passkey.
 * @property {Algorithm} algorithm Of its signatures.
 * @property {string} thumbprint RFC 7638.
 * @property {CryptoKey} key
 * @property {Passkey | undefined} passkey What its assertions must be for; of a passkey only.
 * @property {Readonly<Record<string, string>>} jwk Its JWK, with `kid` and `alg`.
 */

/**
 * How WebCrypto names an algorithm: to import or generate a key, and to sign and verify.
 *
 * @typedef {object} Kind
 * @property {string} kty
 * @property {readonly string[]} members Those that the thumbprint is over.
 * @property {EcKeyImportParams | RsaHashedImportParams | {name: string}} importing
 * @property {EcdsaParams | RsaPssParams | {name: string}} signing
 */

const EC_MEMBERS = Object.freeze(["crv", "kty", "x", "y"]);
const OKP_MEMBERS = Object.freeze(["crv", "kty", "x"]);
const RSA_MEMBERS = Object.freeze(["e", "kty", "n"]);
/** A thumbprint is over the algorithm too (RFC 9964, 6). */
const AKP_MEMBERS = Object.freeze(["alg", "kty", "pub"]);
const ML_DSA_44_BYTES = 1312;
const RSA_BITS = { least: 2048, most: 8192 };
const RSA_EXPONENT = { least: 65537n, past: 2n ** 32n };

/** @type {Readonly<Record<Algorithm, Kind>>} */
export const KINDS = Object.freeze({
  ES256: {
    kty: "EC",
    members: EC_MEMBERS,
    importing: { name: "ECDSA", namedCurve: "P-256" },
    signing: { name: "ECDSA", hash: "SHA-256" },
  },
  EdDSA: {
    kty: "OKP",
    members: OKP_MEMBERS,
    importing: { name: "Ed25519" },
    signing: { name: "Ed25519" },
  },
  PS256: {
    kty: "RSA",
    members: RSA_MEMBERS,
    importing: { name: "RSA-PSS", hash: "SHA-256" },
    signing: { name: "RSA-PSS", saltLength: 32 },
  },
  RS256: {
    kty: "RSA",
    members: RSA_MEMBERS,
    importing: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    signing: { name: "RSASSA-PKCS1-v1_5" },
  },
  "ML-DSA-44": {
    kty: "AKP",
    members: AKP_MEMBERS,
    importing: { name: "ML-DSA-44" },
    signing: { name: "ML-DSA-44" },
  },
});

/** @type {ReadonlyMap<unknown, Algorithm>} */
const ALGORITHMS = new Map(Object.keys(KINDS).map((alg) => [alg, /** @type {Algorithm} */ (alg)]));

/** @type {ReadonlyMap<unknown, Algorithm>} The algorithms of passkeys, by their `alg`. */
export const PASSKEY_ALGORITHMS = new Map([
  ["WA-ES256", "ES256"],
  ["WA-EdDSA", "EdDSA"],
  ["WA-RS256", "RS256"],
]);

/**
 * Check a public JWK and import it.
 *
 * @param {unknown} jwk
 * @param {Passkey} [passkey] What it is pinned to, if it is a passkey's.
 * @returns {Promise<PublicKey>}
 * @throws {import("./errors.js").Refused} `unfit_key`; `invalid_field`, which names a member.
 */
export async function readPublicKey(jwk, passkey) {
  if (!isObject(jwk)) throw new InvalidField("jwk", "not an object");
  const { kid, alg } = jwk;
  if (typeof kid !== "string" || !/^[ -~]{1,128}$/.test(kid)) throw new InvalidField("kid");
  const algorithm = (passkey ? PASSKEY_ALGORITHMS : ALGORITHMS).get(alg) ?? refuse("unfit_key");
  const kind = KINDS[algorithm];
  demand(jwk.kty === kind.kty, "unfit_key");
  for (const name of kind.members) {
    if (typeof jwk[name] !== "string") throw new InvalidField(name, "missing, or not a text");
  }
  const allowed = new Set([...kind.members, "kid", "alg", "use", "key_ops"]);
  for (const name of Object.keys(jwk)) {
    if (!allowed.has(name)) throw new InvalidField(name, "unknown");
  }
  const { use = "sig", key_ops: operations = ["verify"] } = jwk;
  const verifies = Array.isArray(operations) && operations.includes("verify");
  demand(use === "sig" && verifies, "unfit_key");
  const members = Object.fromEntries(kind.members.map((name) => [name, jwk[name]]));
  const key = await importPublicKey(members, kind);
  return Object.freeze({
    kid,
    alg,
    algorithm,
    passkey,
    thumbprint: await digest(canonical(members)),
    key,
    jwk: Object.freeze({ ...members, kid, alg }),
  });
}

/**
 * @param {Record<string, string>} members
 * @param {Kind} kind
 */
async function importPublicKey(members, kind) {
  try {
    demand(isFit(members), "unfit_key");
    return await crypto.subtle.importKey("jwk", members, kind.importing, true, ["verify"]);
  } catch (error) {
    return refuse("unfit_key", isUnsupported(error) ? lackOf(kind.importing.name) : "", {
      cause: error,
    });
  }
}

/**
 * Tell whether an error of WebCrypto says that it does not know an algorithm.
 *
 * @param {unknown} error
 */
export const isUnsupported = (error) =>
  error instanceof DOMException && error.name === "NotSupportedError";

/** @param {string} name */
export const lackOf = (name) => `WebCrypto has no ${name} here`;

/** @param {Record<string, string>} members */
function isFit({ kty, crv, x = "", y = "", n = "", e = "", pub = "" }) {
  if (kty === "AKP") return readBase64url(pub).length === ML_DSA_44_BYTES;
  if (kty === "EC") return crv === "P-256" && isOnP256(readBase64url(x), readBase64url(y));
  if (kty === "OKP") return crv === "Ed25519" && isOnEd25519(readBase64url(x));
  const [modulus, exponent] = [readBase64url(n), readBase64url(e)];
  if (!modulus[0] || !exponent[0]) return false; // empty, or with a leading zero
  const [number, power] = [readNumber(modulus), readNumber(exponent)];
  const bits = number.toString(2).length;
  return (
    bits >= RSA_BITS.least &&
    bits <= RSA_BITS.most &&
    (number & 1n) === 1n &&
    power >= RSA_EXPONENT.least &&
    power < RSA_EXPONENT.past &&
    !hasRocaFingerprint(number)
  );
}

/**
 * Check the keys of a JWK Set.
 *
 * @param {unknown} set
 * @returns {Promise<PublicKey[]>}
 * @throws {import("./errors.js").Refused} There is no key, two have one `kid`, or one is not fit.
 */
export async function readKeySet(set) {
  if (!isObject(set) || !Array.isArray(set.keys) || set.keys.length === 0) {
    throw new InvalidField("keys", "not a JWK Set with keys");
  }
  const keys = await Promise.all(set.keys.map((jwk) => readPublicKey(jwk)));
  if (new Set(keys.map(({ kid }) => kid)).size < keys.length) {
    throw new InvalidField("keys", "two keys have one kid");
  }
  return keys;
}

/**
 * Return a key set that can be stored as JSON.
 *
 * @param {readonly PublicKey[]} keys
 * @returns {{keys: Record<string, string>[]}}
 */
export const keySetDocument = (keys) => ({ keys: keys.map(({ jwk }) => ({ ...jwk })) });

/**
 * Return the thumbprint of a public JWK of our own (RFC 7638).
 *
 * @param {Readonly<Record<string, string>>} jwk With `kid` and `alg`.
 */
export function thumbprintOf({ kid: _kid, alg, ...members }) {
  return digest(canonical(members["kty"] === "AKP" ? { ...members, alg } : members));
}

/** @type {ReadonlyMap<unknown, readonly string[]>} */
const MEMBERS = new Map(Object.values(KINDS).map(({ kty, members }) => [kty, members]));

/**
 * Return the thumbprint of somebody's public JWK, whatever its algorithm; the key is not checked.
 *
 * @param {unknown} jwk
 * @returns {Promise<string>}
 * @throws {InvalidField} It is of an unknown type, or a member is missing.
 */
export function publicThumbprint(jwk) {
  const names = isObject(jwk) ? MEMBERS.get(jwk.kty) : undefined;
  if (!isObject(jwk) || names === undefined) throw new InvalidField("jwk", "of an unknown type");
  for (const name of names) {
    if (typeof jwk[name] !== "string") throw new InvalidField(name, "missing, or not a text");
  }
  return digest(canonical(Object.fromEntries(names.map((name) => [name, jwk[name]]))));
}

/**
 * Tell whether two keys are one, under one name and for one algorithm.
 *
 * @param {PublicKey} one
 * @param {PublicKey} other
 */
export const equalKeys = (one, other) =>
  one.kid === other.kid && one.alg === other.alg && one.thumbprint === other.thumbprint;

