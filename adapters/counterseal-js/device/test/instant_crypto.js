// WebCrypto that ends at once, so that a schedule depends on its seed and not on threads: real keys
// of P-256, and the functions of Node that do not wait. For Node only.

import { createHash, createPublicKey, KeyObject, sign, verify } from "node:crypto";

const KEYS = 96;
const P_256 = { name: "ECDSA", namedCurve: "P-256" };
const WIRE = { dsaEncoding: "ieee-p1363" };

/**
 * Put such a WebCrypto in the place of the global one, until `end` is called; `restart` makes the
 * next schedule get the same keys as the one before.
 */
export async function installInstantCrypto() {
  const { subtle } = globalThis.crypto;
  const pairs = await Promise.all(
    Array.from({ length: KEYS }, () => subtle.generateKey(P_256, true, ["sign", "verify"])),
  );
  let next = 0;
  /** Imported public keys, by `x`. */
  const imported = new Map();
  const instant = {
    digest: async (_, bytes) => Uint8Array.from(createHash("sha256").update(bytes).digest()).buffer,
    generateKey: async () => {
      next += 1;
      return pairs[next - 1];
    },
    exportKey: async (_, key) => KeyObject.from(key).export({ format: "jwk" }),
    importKey: async (_, jwk) => {
      const key = imported.get(jwk.x) ?? createPublicKey({ key: jwk, format: "jwk" });
      imported.set(jwk.x, key);
      return key;
    },
    sign: async (_, key, data) =>
      Uint8Array.from(sign("sha256", data, { key: KeyObject.from(key), ...WIRE })).buffer,
    verify: async (_, key, signature, data) => verify("sha256", data, { key, ...WIRE }, signature),
  };
  Object.defineProperty(globalThis.crypto, "subtle", { value: instant, configurable: true });
  return {
    restart: () => {
      next = 0;
    },
    end: () => delete globalThis.crypto.subtle,
  };
}
