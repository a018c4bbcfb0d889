// An authenticator in software: what `navigator.credentials` is in a browser, for keys of ES256.

import { base64url, concatenate, sha256, utf8 } from "../../wire/bytes.js";

const FLAGS = { present: 1, verified: 4, eligible: 8 };
const ES256 = { name: "ECDSA", namedCurve: "P-256" };

export class Authenticator {
  flags = FLAGS.present | FLAGS.verified | FLAGS.eligible;
  origin = "http://localhost";
  /** Changes a signature in DER before it is given out. */
  change = (signature) => signature;

  async create({ publicKey: { rp } }) {
    this.rpId = rp.id;
    this.pair = await crypto.subtle.generateKey(ES256, true, ["sign", "verify"]);
    const spki = await crypto.subtle.exportKey("spki", this.pair.publicKey);
    const response = { getPublicKey: () => spki, getPublicKeyAlgorithm: () => -7 };
    return { rawId: Uint8Array.of(1, 2, 3).buffer, response };
  }

  async get({ publicKey: { challenge, rpId, userVerification } }) {
    if (this.absent) throw new DOMException("", "NotAllowedError");
    if (userVerification !== "required") throw new Error("not verified");
    const counter = Uint8Array.of(0, 0, 0, 1);
    const data = concatenate(await sha256(utf8(rpId)), Uint8Array.of(this.flags), counter);
    const client = { type: "webauthn.get", challenge: base64url(challenge), origin: this.origin };
    const clientData = utf8(JSON.stringify(client));
    const signed = concatenate(data, await sha256(clientData));
    const how = { name: "ECDSA", hash: "SHA-256" };
    let raw;
    do {
      raw = new Uint8Array(await crypto.subtle.sign(how, this.pair.privateKey, signed));
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
