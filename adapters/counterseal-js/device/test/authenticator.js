// An authenticator in software: what `navigator.credentials` is in a browser, for keys of ES256.

import { base64url, concatenate, sha256, utf8 } from "../../wire/bytes.js";

const FLAGS = { present: 1, verified: 4, eligible: 8 };
const ES256 = { name: "ECDSA", namedCurve: "P-256" };

export class Authenticator {
  flags = FLAGS.present | FLAGS.verified | FLAGS.eligible;
  origin = "http://localhost";
  /** The keys, by the ids of their credentials. */
  pairs = new Map();
  /** Changes a signature in DER before it is given out. */
  change = (signature) => signature;

  async create({ publicKey: { rp } }) {
    this.rpId = rp.id;
    const pair = await crypto.subtle.generateKey(ES256, true, ["sign", "verify"]);
    const spki = await crypto.subtle.exportKey("spki", pair.publicKey);
    const response = { getPublicKey: () => spki, getPublicKeyAlgorithm: () => -7 };
    const id = Uint8Array.of(1, 2, this.pairs.size);
    this.pairs.set(base64url(id), pair);
    return { rawId: id.buffer, response };
  }

  async get({ publicKey: { challenge, rpId, userVerification, allowCredentials } }) {
    if (this.absent) throw new DOMException("", "NotAllowedError");
    if (userVerification !== "required") throw new Error("not verified");
    const { privateKey } = this.pairs.get(base64url(allowCredentials[0].id));
    const client = { type: "webauthn.get", challenge: base64url(challenge), origin: this.origin };
    const clientData = utf8(JSON.stringify(client));
    const how = { name: "ECDSA", hash: "SHA-256" };
    let data;
    let raw;
    let count = 0;
    do {
      // Where ECDSA is deterministic (RFC 6979), only other data have another signature.
      count += 1;
      const counter = Uint8Array.of(0, 0, count >> 8, count & 0xff);
      data = concatenate(await sha256(utf8(rpId)), Uint8Array.of(this.flags), counter);
      const signed = concatenate(data, await sha256(clientData));
      raw = new Uint8Array(await crypto.subtle.sign(how, privateKey, signed));
    } while (raw[0] === 0 || raw[0] >= 0x80); // in DER, r has no zero before it
    const signature = this.change(derOf([raw.subarray(0, 32), raw.subarray(32)]));
    return { response: { authenticatorData: data, clientDataJSON: clientData, signature } };
  }
}

/** Write numbers as DER has them. */
export function derOf(numbers) {
  const integers = numbers.map((number) => {
    const at = number.findIndex((byte) => byte !== 0);
    const digits = number.subarray(at);
    const padded = digits[0] >= 0x80 ? concatenate(Uint8Array.of(0), digits) : digits;
    return concatenate(Uint8Array.of(2, padded.length), padded);
  });
  const body = concatenate(...integers);
  return concatenate(Uint8Array.of(0x30, body.length), body);
}
