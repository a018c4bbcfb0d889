// A receipt is verified under keys that you pinned; with what comes with Node.

import { constants, createHash, createPublicKey, verify } from "node:crypto";

const KINDS = {
  ES256: { kty: "EC", crv: "P-256", required: ["crv", "kty", "x", "y"] },
  EdDSA: { kty: "OKP", crv: "Ed25519", required: ["crv", "kty", "x"] },
  PS256: { kty: "RSA", required: ["e", "kty", "n"] },
  RS256: { kty: "RSA", required: ["e", "kty", "n"] },
};
const OF_A_KEY = ["kid", "alg", "use", "key_ops"];
const CLAIMS =
  "account,answer,approved,at,device,display,history,issuer,key,number,outcome,previous,role,version";
const DISPLAY =
  "account,appSpace,buttons,challenge,code,content,expiresAt,issuedAt,origin,version";
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export class EvidenceRefused extends Error {
  constructor(problem, code = "receipt_changed") {
    super(`${code}: ${problem}`);
    this.code = code;
  }
}

export function demand(holds, problem, code) {
  if (!holds) throw new EvidenceRefused(problem, code);
}

const members = (value) => Object.keys(value).sort().join();
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("base64url");

/** Write JSON as RFC 8785 says. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join()}}`;
}

// Pin
export function readKey(jwk) {
  demand(Object.hasOwn(KINDS, jwk.alg), "alg");
  const { kty, crv, required } = KINDS[jwk.alg];
  demand(jwk.kty === kty && jwk.crv === crv, "kty and crv");
  demand(required.every((name) => typeof jwk[name] === "string"), "a member of a key");
  const known = [...required, ...OF_A_KEY];
  demand(Object.keys(jwk).every((name) => known.includes(name)), "an unknown member of a key");
  const key = Object.fromEntries(required.map((name) => [name, jwk[name]]));
  const thumbprint = sha256(JSON.stringify(key)); // RFC 7638: these members, in this order
  return { kid: jwk.kid, alg: jwk.alg, thumbprint, key: createPublicKey({ key, format: "jwk" }) };
}

export const pinnedKeys = (jwks) => jwks.keys.map(readKey);

// Verify
export function verifyReceipt(text, pinned) {
  try {
    return verifiedReceipt(text, pinned);
  } catch (problem) {
    throw problem instanceof EvidenceRefused ? problem : new EvidenceRefused(problem.message);
  }
}

function verifiedReceipt(text, pinned) {
  const token = readToken(text);
  const receipt = token.claims;
  const issuer = readKey(receipt.issuer);
  const trusted = pinned.find(
    ({ kid, alg, thumbprint }) =>
      kid === issuer.kid && alg === issuer.alg && thumbprint === issuer.thumbprint,
  );
  demand(trusted !== undefined, "another key signed it", "issuer_untrusted");
  requireSignature(token, trusted, "counterseal-receipt+jwt");
  demand(members(receipt) === CLAIMS && receipt.version === 1, "claims");

  const display = JSON.parse(receipt.display);
  demand(canonical(display) === receipt.display && display.version === 1, "display");
  requireDisplay(display);
  requireMoment(receipt.at);
  demand(receipt.at >= display.issuedAt && receipt.at < display.expiresAt, "at");

  const answer = readToken(receipt.answer);
  const key = readKey(receipt.key);
  const claims = answer.claims;
  const disowned = receipt.outcome === "DISOWNED";
  requireSignature(answer, key, disowned ? "counterseal-disown+jwt" : "counterseal-answer+jwt");
  demand(claims.display === sha256(receipt.display), "display of the answer");
  demand(claims.challenge === display.challenge, "challenge");
  demand(claims.aud === display.appSpace.guid, "aud");
  demand(claims.sub === display.account.guid && claims.sub === receipt.account, "sub");
  demand(claims.iss === receipt.device, "iss");
  if (disowned) {
    demand(receipt.approved === false, "approved");
  } else {
    const button = display.buttons[claims.button];
    demand(receipt.outcome === "ANSWERED" && button.title === claims.title, "button");
    demand(button.strong === false || receipt.role === "strong", "role");
    demand(!(button.approves && display.code) || typeof claims.code === "string", "code");
    demand(receipt.approved === button.approves, "approved");
  }
  for (const each of receipt.history) {
    demand(members(each) === "at,role,thumbprint", "history");
    requireMoment(each.at);
  }
  demand(
    receipt.history.some((each) => each.role === receipt.role && each.thumbprint === key.thumbprint),
    "history",
  );
  demand(receipt.number >= 1 && (receipt.previous === "") === (receipt.number === 1), "number");
  return { ...receipt, display, claims, hash: sha256(token.signed) };
}

function requireDisplay({ additionalInfo, transactionId, ...display }) {
  demand(members(display) === DISPLAY, "members of the display document");
  const named = [display.appSpace, display.origin, display.account];
  const guids = [display.challenge, ...named.map(({ guid }) => guid)];
  demand(guids.every((guid) => GUID.test(guid)), "a GUID");
  demand(display.buttons.length >= 2, "buttons");
  requireMoment(display.issuedAt);
  requireMoment(display.expiresAt);
}

function requireMoment(text) {
  demand(MOMENT.test(text) && new Date(text).toISOString() === text, "a moment");
}

function readToken(text) {
  const parts = text.split(".");
  demand(parts.length === 3, "no token");
  const [header, claims] = parts.slice(0, 2).map((part) => {
    const bytes = Buffer.from(part, "base64url");
    demand(bytes.toString("base64url") === part, "base64url");
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  });
  demand(members(header) === "alg,kid,typ", "header");
  const signature = Buffer.from(parts[2], "base64url");
  demand(signature.toString("base64url") === parts[2], "base64url");
  return { header, claims, signed: `${parts[0]}.${parts[1]}`, signature };
}

function requireSignature({ header, signed, signature }, { kid, alg, key }, typ) {
  demand(header.typ === typ && header.kid === kid && header.alg === alg, "typ, kid or alg");
  const options = {
    ES256: { key, dsaEncoding: "ieee-p1363" },
    EdDSA: { key },
    PS256: { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    RS256: { key, padding: constants.RSA_PKCS1_PADDING },
  }[alg];
  const hash = alg === "EdDSA" ? null : "sha256";
  demand(verify(hash, Buffer.from(signed), options, signature), "signature");
}
