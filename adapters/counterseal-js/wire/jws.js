/** Compact JWS (RFC 7515, 7.1), in the one spelling that is accepted. */

import { base64url, readBase64url, readUtf8, utf8 } from "./bytes.js";
import { withLowS } from "./curves.js";
import { demand, refuse } from "./errors.js";
import { isObject, readJson } from "./ijson.js";
import { KINDS } from "./keys.js";
import { verifyAssertion } from "./passkeys.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./keys.js").Algorithm} Algorithm */

/**
 * A token that has been parsed, and not verified.
 *
 * @typedef {object} Token
 * @property {{alg: string, kid: string, typ: string}} header
 * @property {Record<string, any>} claims
 * @property {string} signedText What the signature is over.
 * @property {Bytes} signature
 */

/**
 * Whoever signs: a key's name and algorithm, and what makes its signature.
 *
 * @typedef {object} Signer
 * @property {string} kid
 * @property {string} alg
 * @property {(data: Bytes) => Promise<Bytes>} sign
 */

/** Characters of a token that a device sends. */
export const TOKEN_LIMIT = 16_384;
const HEADER_LIMIT = 512;
const ES256_BYTES = 64;

/**
 * Parse a token.
 *
 * @param {unknown} text
 * @param {number} [limit] The most characters.
 * @returns {Token}
 * @throws {import("./errors.js").Refused} `malformed_token`
 */
export function readToken(text, limit = TOKEN_LIMIT) {
  if (typeof text !== "string" || text.length > limit) return refuse("malformed_token");
  const [first = "", second = "", third = "", ...rest] = text.split(".");
  demand(third !== "" && rest.length === 0, "malformed_token");
  demand(first.length <= HEADER_LIMIT, "malformed_token");
  const { alg, kid, typ, ...unknown } = readMembers(first);
  demand(Object.keys(unknown).length === 0, "malformed_token");
  if (typeof alg !== "string" || typeof kid !== "string" || typeof typ !== "string") {
    return refuse("malformed_token");
  }
  return {
    header: { alg, kid, typ },
    claims: readMembers(second),
    signedText: `${first}.${second}`,
    signature: readBase64url(third),
  };
}

/** @param {string} part */
function readMembers(part) {
  let members;
  try {
    members = readJson(readUtf8(readBase64url(part)), { integers: true });
  } catch (error) {
    refuse("malformed_token", "", { cause: error });
  }
  return isObject(members) ? members : refuse("malformed_token");
}

/**
 * Verify that *token* is of the kind *typ* and signed by *key*, and return its claims.
 *
 * @param {Token} token
 * @param {import("./keys.js").PublicKey | undefined} key From your own records.
 * @param {string} typ
 * @returns {Promise<Record<string, any>>}
 * @throws {import("./errors.js").Refused} `wrong_type`, `wrong_key`, `wrong_algorithm`,
 *   `wrong_signature`; for a passkey also those of `verifyAssertion`
 */
export async function verifyToken(token, key, typ) {
  const { header, signature } = token;
  demand(header.typ === typ, "wrong_type");
  if (!key || header.kid !== key.kid) return refuse("wrong_key");
  demand(header.alg === key.alg, "wrong_algorithm");
  if (key.passkey) {
    await verifyAssertion(token, { ...key, passkey: key.passkey });
    return token.claims;
  }
  demand(key.algorithm !== "ES256" || signature.length === ES256_BYTES, "wrong_signature");
  const data = utf8(token.signedText);
  let valid = false;
  try {
    valid = await crypto.subtle.verify(KINDS[key.algorithm].signing, key.key, signature, data);
  } catch (error) {
    refuse("wrong_signature", "", { cause: error });
  }
  demand(valid, "wrong_signature");
  return token.claims;
}

/**
 * Return a token of the kind *typ* that *signer* signs.
 *
 * @param {Signer} signer
 * @param {string} typ
 * @param {Record<string, unknown>} claims
 * @returns {Promise<string>}
 */
export async function signToken(signer, typ, claims) {
  const header = { alg: signer.alg, kid: signer.kid, typ };
  const [first, second] = [header, claims].map((each) => base64url(utf8(JSON.stringify(each))));
  const text = `${first}.${second}`;
  return `${text}.${base64url(await signer.sign(utf8(text)))}`;
}

/**
 * Return a signer with a private key of WebCrypto.
 *
 * @param {{kid: string, alg: Algorithm, key: CryptoKey}} named
 * @returns {Signer}
 */
export const keySigner = ({ kid, alg, key }) => ({
  kid,
  alg,
  async sign(data) {
    const signature = new Uint8Array(await crypto.subtle.sign(KINDS[alg].signing, key, data));
    return alg === "ES256" ? withLowS(signature) : signature;
  },
});
