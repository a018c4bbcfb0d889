/**
 * Passkeys: a WebAuthn assertion (Level 3, 7.2) as the third part of a token.
 *
 * The challenge is SHA-256 of what a signature would cover, the token's header and claims; the
 * third part is the canonical JSON of three members, each base64url.
 */

import { base64url, concatenate, digest, readBase64url, readUtf8, sha256, utf8 } from "./bytes.js";
import { demand, refuse } from "./errors.js";
import { canonical, isObject, readJson } from "./ijson.js";
import { KINDS } from "./keys.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

/**
 * What a passkey is pinned to.
 *
 * @typedef {object} Passkey
 * @property {string} rpIdHash SHA-256 of the relying party id, base64url.
 * @property {readonly string[]} origins The web origins where it may be used, each compared whole.
 * @property {boolean} backupEligible Whether it may be copied to other devices (BE).
 */

/**
 * What a verified assertion says besides who signed.
 *
 * @typedef {object} Assertion
 * @property {string} origin The web origin on which the passkey was used.
 * @property {boolean} userVerified
 * @property {boolean} backupEligible
 * @property {boolean} backedUp Whether it is copied now (BS).
 * @property {number} signCount
 */

const FORM =
  /^\{"authenticatorData":"([\w-]+)","clientDataJSON":"([\w-]+)","signature":"([\w-]+)"\}$/;
const DATA_BYTES = 37;
const CLIENT_DATA_LIMIT = 4096;
const SIGNATURE_LIMIT = 1024;
const HASH_BYTES = 32;
const SCALAR_BYTES = 32;
const FLAGS = { present: 1, verified: 4, eligible: 8, backedUp: 16, attested: 64, extended: 128 };

/**
 * Write the third part of a passkey's token, before base64url.
 *
 * @param {{authenticatorData: Bytes, clientDataJSON: Bytes, signature: Bytes}} parts
 * @returns {Bytes}
 */
export const writeAssertion = ({ authenticatorData, clientDataJSON, signature }) =>
  utf8(
    canonical({
      authenticatorData: base64url(authenticatorData),
      clientDataJSON: base64url(clientDataJSON),
      signature: base64url(signature),
    }),
  );

/**
 * Read the third part of a passkey's token, without verifying it.
 *
 * @param {Bytes} bytes
 * @throws {import("./errors.js").Refused} `malformed_assertion`
 */
export function readAssertion(bytes) {
  let parts;
  try {
    parts = FORM.exec(readUtf8(bytes))?.slice(1).map(readBase64url);
  } catch (error) {
    refuse("malformed_assertion", "", { cause: error });
  }
  const [data, clientData, signature] = parts ?? refuse("malformed_assertion");
  const fits =
    data.length === DATA_BYTES &&
    clientData.length <= CLIENT_DATA_LIMIT &&
    signature.length <= SIGNATURE_LIMIT;
  demand(fits, "malformed_assertion");
  const has = (/** @type {number} */ flag) => (data[HASH_BYTES] & flag) !== 0;
  const { present, verified, eligible, backedUp, attested, extended } = FLAGS;
  const consistent = !has(attested) && !has(extended) && (has(eligible) || !has(backedUp));
  demand(consistent, "malformed_assertion");
  return {
    data,
    clientData,
    signature,
    userPresent: has(present),
    userVerified: has(verified),
    backupEligible: has(eligible),
    backedUp: has(backedUp),
    signCount: new DataView(data.buffer, data.byteOffset).getUint32(HASH_BYTES + 1),
  };
}

/** @param {Bytes} bytes */
function readClientData(bytes) {
  let client;
  try {
    client = readJson(readUtf8(bytes));
  } catch (error) {
    refuse("malformed_assertion", "", { cause: error });
  }
  const fits =
    isObject(client) &&
    typeof client["challenge"] === "string" &&
    typeof client["origin"] === "string" &&
    !Object.hasOwn(client, "tokenBinding");
  demand(fits, "malformed_assertion");
  return client;
}

/**
 * Verify that *key*, which is pinned as its `passkey` says, signed the header and claims of a token.
 *
 * @param {{signedText: string, signature: Bytes}} token
 * @param {{algorithm: import("./keys.js").Algorithm, key: CryptoKey, passkey: Passkey}} key
 * @returns {Promise<Assertion>}
 * @throws {import("./errors.js").Refused} With the code of the first check that fails, in the order
 *   of the reference page "The wire".
 */
export async function verifyAssertion({ signedText, signature: bytes }, { algorithm, key, passkey }) {
  const { data, clientData, signature, userPresent, ...facts } = readAssertion(bytes);
  const client = readClientData(clientData);
  demand(client["type"] === "webauthn.get", "wrong_ceremony");
  demand(client["challenge"] === (await digest(signedText)), "assertion_elsewhere");
  demand(passkey.origins.includes(client["origin"]), "wrong_origin");
  const { crossOrigin = false } = client;
  demand(crossOrigin === false && !Object.hasOwn(client, "topOrigin"), "cross_origin");
  demand(base64url(data.slice(0, HASH_BYTES)) === passkey.rpIdHash, "wrong_rp_id");
  demand(userPresent, "user_absent");
  demand(facts.userVerified, "user_unverified");
  demand(facts.backupEligible === passkey.backupEligible, "backup_changed");
  const raw = algorithm === "ES256" ? readDer(signature) : signature;
  const signed = concatenate(data, await sha256(clientData));
  let valid = false;
  try {
    valid = await crypto.subtle.verify(KINDS[algorithm].signing, key, raw, signed);
  } catch (error) {
    refuse("wrong_signature", "", { cause: error });
  }
  demand(valid, "wrong_signature");
  return { origin: client["origin"], ...facts };
}

/**
 * Return r and s of an ECDSA signature in DER (X.690, 10), which WebCrypto does not read.
 *
 * @param {Bytes} der
 * @returns {Bytes}
 */
function readDer(der) {
  const [sequence, size] = der;
  demand(sequence === 0x30 && size === der.length - 2, "wrong_signature");
  const [r, rest] = readInteger(der.subarray(2));
  const [s, end] = readInteger(rest);
  demand(end.length === 0, "wrong_signature");
  return concatenate(r, s);
}

/**
 * @param {Bytes} der
 * @returns {[Bytes, Bytes]} A number of 32 bytes, and what follows it.
 */
function readInteger(der) {
  const [tag, size] = der;
  const digits = der.slice(2, 2 + size);
  const shortest = digits[0] !== 0 || digits[1] >= 0x80;
  const positive = digits[0] < 0x80 && shortest;
  demand(tag === 2 && digits.length === size && positive, "wrong_signature");
  const number = digits[0] === 0 ? digits.slice(1) : digits;
  demand(number.length <= SCALAR_BYTES, "wrong_signature");
  return [concatenate(new Uint8Array(SCALAR_BYTES - number.length), number), der.subarray(2 + size)];
}
