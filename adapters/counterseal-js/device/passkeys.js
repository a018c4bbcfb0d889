/** Passkeys: strong keys that an authenticator unlocks by fingerprint, face or its own PIN. */

import { base64url, newId, readBase64url, sha256, systemRandom } from "../wire/bytes.js";
import { KINDS, PASSKEY_ALGORITHMS } from "../wire/keys.js";
import { Members } from "../wire/members.js";
import { writeAssertion } from "../wire/passkeys.js";
import { AuthenticatorFailed, Misuse, NotUnlocked } from "./errors.js";
import { exportMembers } from "./strong_keys.js";
import { identifyError } from "./webauthn_errors.js";

/** @typedef {import("../wire/bytes.js").Bytes} Bytes */
/** @typedef {import("../wire/jws.js").Signer} Signer */

/**
 * Where a browser has WebAuthn: `navigator.credentials`.
 *
 * @typedef {Pick<CredentialsContainer, "create" | "get">} Credentials
 */

/** COSE's numbers of the algorithms, by which WebAuthn names them. */
const COSE = new Map([
  [-7, "WA-ES256"],
  [-8, "WA-EdDSA"],
  [-257, "WA-RS256"],
]);
const CHALLENGE_BYTES = 32;
const USER_BYTES = 16;

/**
 * Return strong keys that are passkeys.
 *
 * A passkey may be copied to its owner's other devices; so each answer names the device key too.
 *
 * @param {{rpId?: string, rpName?: string, credentials?: Credentials, random?: import("../wire/bytes.js").Random}} [how]
 *   `rpId`: the relying party id; if none is given, that of the App Space where it is known, or else
 *   the page's own host name. `rpName`: what the authenticator calls it.
 * @returns {import("./strong_keys.js").StrongKeys}
 */
export function passkeys({
  rpId,
  rpName = rpId ?? globalThis.location?.hostname,
  credentials = globalThis.navigator?.credentials,
  random = systemRandom,
} = {}) {
  const ownId = rpId ?? globalThis.location?.hostname;
  if (!ownId || !rpName || !credentials) {
    throw new Misuse("client_unfit", "passkeys need a relying party id and WebAuthn");
  }
  return {
    kind: "passkey",
    provable: true,
    async create({ accountName, rpId: appSpaceId }) {
      const partyId = rpId ?? appSpaceId ?? ownId;
      const name = accountName || rpName;
      const credential = await ask(partyId, () =>
        credentials.create({
          publicKey: {
            rp: { id: partyId, name: rpName },
            user: { id: random(USER_BYTES), name, displayName: name },
            // No attestation is asked for: the key proves itself by the bind's own words.
            challenge: random(CHALLENGE_BYTES),
            attestation: "none",
            pubKeyCredParams: [...COSE.keys()].map((alg) => ({ type: "public-key", alg })),
            authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
          },
        }),
      );
      const response = /** @type {AuthenticatorAttestationResponse} */ (credential.response);
      // Some browsers that show web pages inside of apps have neither.
      if (!response.getPublicKeyAlgorithm || !response.getPublicKey) {
        throw new AuthenticatorFailed("authenticator_unfit", "the browser does not return the public key");
      }
      const alg = COSE.get(response.getPublicKeyAlgorithm());
      const algorithm = PASSKEY_ALGORITHMS.get(alg);
      const spki = response.getPublicKey();
      if (!alg || !algorithm || !spki) {
        throw new AuthenticatorFailed("authenticator_unfit", "a passkey of another algorithm");
      }
      const { importing } = KINDS[algorithm];
      const key = await crypto.subtle.importKey("spki", spki, importing, true, ["verify"]);
      const kid = newId(random);
      const credentialId = base64url(new Uint8Array(credential.rawId));
      const record = { kid, alg, credentialId, rpId: partyId };
      return {
        jwk: { ...(await exportMembers(algorithm, key)), kid, alg },
        record,
        signer: signerOf(record, credentials),
        credentialId,
      };
    },
    async open(record) {
      const members = new Members(record, "passkey record");
      const names = /** @type {const} */ (["kid", "alg", "credentialId", "rpId"]);
      const [kid, alg, credentialId, own] = names.map((name) => members.text(name));
      return signerOf({ kid, alg, credentialId, rpId: own }, credentials);
    },
  };
}

/**
 * Return what asks the authenticator for an assertion over the header and claims of a token.
 *
 * @param {{kid: string, alg: string, credentialId: string, rpId: string}} record
 * @param {Credentials} credentials
 * @returns {Signer}
 */
const signerOf = ({ kid, alg, credentialId, rpId }, credentials) => ({
  kid,
  alg,
  async sign(data) {
    const challenge = await sha256(data);
    const credential = await ask(rpId, () =>
      credentials.get({
        publicKey: {
          challenge,
          rpId,
          allowCredentials: [{ type: "public-key", id: readBase64url(credentialId) }],
          userVerification: "required",
        },
      }),
    );
    const response = /** @type {AuthenticatorAssertionResponse} */ (credential.response);
    return writeAssertion({
      authenticatorData: new Uint8Array(response.authenticatorData),
      clientDataJSON: new Uint8Array(response.clientDataJSON),
      signature: new Uint8Array(response.signature),
    });
  },
});

/**
 * @param {string} rpId
 * @param {() => Promise<Credential | null>} call
 * @returns {Promise<PublicKeyCredential>}
 */
async function ask(rpId, call) {
  let credential;
  try {
    credential = await call();
  } catch (error) {
    throw identifyError(error, { rpId, hostname: globalThis.location?.hostname });
  }
  if (credential === null) throw new NotUnlocked("passkey");
  return /** @type {PublicKeyCredential} */ (credential);
}
