// A second implementation of the wire, with nothing but node:crypto.
// Written from docs/reference/wire.md; it shares no code with the Python core.

import crypto from "node:crypto";

// --- Refusals, bytes, I-JSON ------------------------------------------------------------

export class Refusal extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

const refuse = (code) => {
  throw new Refusal(code);
};
const demand = (holds, code) => holds || refuse(code);

const sha256 = (bytes) => crypto.createHash("sha256").update(bytes).digest();
export const b64url = (bytes) => Buffer.from(bytes).toString("base64url");
export const digest = (text) => b64url(sha256(Buffer.from(text)));

function unb64url(text) {
  const bytes = Buffer.from(text, "base64url");
  return b64url(bytes) === text ? bytes : refuse("malformed_token");
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const DEPTH = 32;

/**
 * Read JSON: as JSON.parse, but no member twice, and nothing that I-JSON cannot hold.
 * With `marked`, a number with a fraction or an exponent comes as an object: it is no integer.
 */
export function readJson(text, marked = false) {
  let at = 0;
  const space = () => {
    while (" \t\n\r".includes(text[at] || "x")) at += 1;
  };
  const expect = (mark) => (text.startsWith(mark, at) ? (at += mark.length) : fail());
  const fail = () => refuse("invalid_field");
  const pattern = (regex) => {
    regex.lastIndex = at;
    const match = regex.exec(text) ?? fail();
    at = regex.lastIndex;
    return match[0];
  };
  const string = () => {
    const read = JSON.parse(pattern(/"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/y));
    return plain(read) ? read : fail();
  };
  const number = () => {
    const written = pattern(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
    const read = Number(written);
    const whole = /^-?[0-9]+$/.test(written);
    if (!exact(read) || (whole && !Number.isSafeInteger(read))) fail();
    return marked && !whole ? Object(read) : read;
  };
  const list = (close, item) => {
    space();
    if (text[at] === close) return expect(close);
    for (;;) {
      item();
      space();
      if (text[at] === close) return expect(close);
      expect(",");
    }
  };
  const value = (depth) => {
    space();
    const found = any(depth);
    space();
    return found;
  };
  const any = (depth) => {
    if (text[at] === "{") {
      demand(depth < DEPTH, "invalid_field");
      expect("{");
      const members = new Map();
      list("}", () => {
        space();
        const name = string();
        demand(!members.has(name), "invalid_field");
        space();
        expect(":");
        members.set(name, value(depth + 1));
      });
      return Object.fromEntries(members);
    }
    if (text[at] === "[") {
      demand(depth < DEPTH, "invalid_field");
      expect("[");
      const items = [];
      list("]", () => items.push(value(depth + 1)));
      return items;
    }
    if (text[at] === '"') return string();
    for (const [word, means] of [["true", true], ["false", false], ["null", null]]) {
      if (text.startsWith(word, at)) {
        at += word.length;
        return means;
      }
    }
    return number();
  };
  const read = value(0);
  return at === text.length ? read : fail();
}

/** Tell whether *number* is finite and, where its canonical form has only digits, exact. */
const exact = (number) =>
  Number.isFinite(number) &&
  (!Number.isInteger(number) || Number.isSafeInteger(number) || Math.abs(number) >= 1e21);

const NONCHARACTER = /[\ufdd0-\ufdef]|[\u{fffe}\u{ffff}]/u;
const plain = (text) =>
  text.isWellFormed() &&
  !NONCHARACTER.test(text) &&
  ![...text].some((character) => (character.codePointAt(0) & 0xfffe) === 0xfffe);

/** Write RFC 8785: names by UTF-16 code units, numbers and strings as ECMAScript writes them. */
export function canonical(value) {
  if (typeof value === "string") {
    demand(plain(value), "invalid_field");
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    demand(exact(value), "invalid_field");
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (isObject(value)) {
    const members = Object.keys(value).sort();
    return `{${members.map((name) => `${canonical(name)}:${canonical(value[name])}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

// --- Keys --------------------------------------------------------------------------------

const KINDS = {
  ES256: { kty: "EC", members: ["crv", "kty", "x", "y"] },
  EdDSA: { kty: "OKP", members: ["crv", "kty", "x"] },
  PS256: { kty: "RSA", members: ["e", "kty", "n"] },
  RS256: { kty: "RSA", members: ["e", "kty", "n"] },
};
const P256_PRIME = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const ED25519_PRIME = 2n ** 255n - 19n;
const SMALL = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
const SMALL_ORDER = [0n, 1n, ED25519_PRIME - 1n, SMALL, ED25519_PRIME - SMALL];
const big = (bytes) => BigInt(`0x0${Buffer.from(bytes).toString("hex")}`);

/** Check a public JWK and return it with its key object and thumbprint. */
export function publicKey(jwk) {
  return checkedKey(jwk, KINDS);
}

const PASSKEY_KINDS = { "WA-ES256": KINDS.ES256, "WA-EdDSA": KINDS.EdDSA, "WA-RS256": KINDS.RS256 };

/** The same of a passkey, which is pinned to `rpIdHash`, `origins` and `backupEligible`. */
export function passkeyKey(jwk, passkey) {
  return { ...checkedKey(jwk, PASSKEY_KINDS), passkey };
}

function checkedKey(jwk, kinds) {
  demand(isObject(jwk), "invalid_field");
  demand(typeof jwk.kid === "string" && /^[ -~]{1,128}$/.test(jwk.kid), "invalid_field");
  const kind = Object.hasOwn(kinds, jwk.alg) ? kinds[jwk.alg] : refuse("unfit_key");
  demand(jwk.kty === kind.kty, "unfit_key");
  for (const name of kind.members) demand(typeof jwk[name] === "string", "invalid_field");
  const known = [...kind.members, "kid", "alg", "use", "key_ops"];
  for (const name of Object.keys(jwk)) demand(known.includes(name), "invalid_field");
  const { use = "sig", key_ops: operations = ["verify"] } = jwk;
  demand(use === "sig" && Array.isArray(operations) && operations.includes("verify"), "unfit_key");
  const required = Object.fromEntries(kind.members.map((name) => [name, jwk[name]]));
  let key;
  try {
    fit(required);
    key = crypto.createPublicKey({ key: required, format: "jwk" });
  } catch {
    refuse("unfit_key");
  }
  return { kid: jwk.kid, alg: jwk.alg, key, thumbprint: digest(canonical(required)) };
}

function fit(jwk) {
  if (jwk.kty === "RSA") {
    const [n, e] = [unb64url(jwk.n), unb64url(jwk.e)];
    demand(n[0] && e[0], "unfit_key");
    const bits = big(n).toString(2).length;
    demand(bits >= 2048 && bits <= 8192 && n.at(-1) & 1, "unfit_key");
    demand(big(e) >= 65537n && big(e) < 2n ** 32n, "unfit_key");
    return;
  }
  demand(jwk.crv === { EC: "P-256", OKP: "Ed25519" }[jwk.kty], "unfit_key");
  for (const name of jwk.kty === "EC" ? ["x", "y"] : ["x"]) {
    const bytes = unb64url(jwk[name]);
    demand(bytes.length === 32, "unfit_key");
    if (jwk.kty === "EC") {
      demand(big(bytes) < P256_PRIME, "unfit_key");
    } else {
      const y = big(Buffer.from(bytes).reverse()) & (2n ** 255n - 1n);
      demand(y < ED25519_PRIME && !SMALL_ORDER.includes(y) && onEd25519(y), "unfit_key");
    }
  }
}

function power(base, exponent, prime) {
  let result = 1n;
  for (let rest = exponent, factor = ((base % prime) + prime) % prime; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * factor) % prime;
    factor = (factor * factor) % prime;
  }
  return result;
}

/** Tell whether there is an x with -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032, 5.1.3). */
function onEd25519(y) {
  const d = -121665n * power(121666n, ED25519_PRIME - 2n, ED25519_PRIME);
  const square = (y * y - 1n) * power(d * y * y + 1n, ED25519_PRIME - 2n, ED25519_PRIME);
  return power(square, (ED25519_PRIME - 1n) / 2n, ED25519_PRIME) === 1n;
}

const scheme = (alg, key) =>
  ({
    ES256: { key, dsaEncoding: "ieee-p1363" },
    EdDSA: { key },
    PS256: { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    RS256: { key, padding: crypto.constants.RSA_PKCS1_PADDING },
  })[alg];
const hash = (alg) => (alg === "EdDSA" ? null : "sha256");

// --- Compact JWS -------------------------------------------------------------------------

function members(bytes) {
  let read;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    read = readJson(text, true);
  } catch {
    refuse("malformed_token");
  }
  return isObject(read) ? read : refuse("malformed_token");
}

export function readJws(token, limit = 16384) {
  demand(typeof token === "string" && token.length <= limit, "malformed_token");
  const parts = token.split(".");
  demand(parts.length === 3 && parts[2] !== "", "malformed_token");
  const header = members(unb64url(parts[0]));
  demand(Object.keys(header).sort().join() === "alg,kid,typ", "malformed_token");
  demand(Object.values(header).every((value) => typeof value === "string"), "malformed_token");
  return {
    header,
    claims: members(unb64url(parts[1])),
    signed: Buffer.from(`${parts[0]}.${parts[1]}`),
    signature: unb64url(parts[2]),
  };
}

export function verify(jws, key, typ) {
  demand(jws.header.typ === typ, "wrong_type");
  demand(key && jws.header.kid === key.kid, "wrong_key");
  demand(jws.header.alg === key.alg, "wrong_algorithm");
  if (key.passkey) {
    verifyAssertion(jws, key);
    return jws.claims;
  }
  if (key.alg === "ES256") demand(jws.signature.length === 64, "wrong_signature");
  const right = crypto.verify(hash(key.alg), jws.signed, scheme(key.alg, key.key), jws.signature);
  demand(right, "wrong_signature");
  return jws.claims;
}

// --- Passkeys ----------------------------------------------------------------------------

const ASSERTION =
  /^\{"authenticatorData":"([\w-]+)","clientDataJSON":"([\w-]+)","signature":"([\w-]+)"\}$/;

/** Read the third part of a passkey's token. */
export function readAssertion(bytes) {
  const match = ASSERTION.exec(bytes.toString("latin1")) ?? refuse("malformed_assertion");
  let parts;
  try {
    parts = match.slice(1).map(unb64url);
  } catch {
    refuse("malformed_assertion");
  }
  const [data, clientData, signature] = parts;
  const fits = data.length === 37 && clientData.length <= 4096 && signature.length <= 1024;
  demand(fits, "malformed_assertion");
  const flag = (bit) => (data[32] & bit) !== 0;
  const flags = { up: flag(1), uv: flag(4), be: flag(8), bs: flag(16) };
  demand(!flag(64) && !flag(128) && (flags.be || !flags.bs), "malformed_assertion");
  return { data, clientData, signature, flags, signCount: data.readUInt32BE(33) };
}

function clientDataOf(bytes) {
  let client;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    client = readJson(decoder.decode(bytes));
  } catch {
    refuse("malformed_assertion");
  }
  demand(isObject(client), "malformed_assertion");
  const texts = typeof client.challenge === "string" && typeof client.origin === "string";
  demand(texts && !Object.hasOwn(client, "tokenBinding"), "malformed_assertion");
  return client;
}

/** Verify a passkey's assertion over the header and claims; return what it says. */
export function verifyAssertion(jws, key) {
  const { data, clientData, signature, flags, signCount } = readAssertion(jws.signature);
  const client = clientDataOf(clientData);
  demand(client.type === "webauthn.get", "wrong_ceremony");
  demand(client.challenge === digest(jws.signed), "assertion_elsewhere");
  demand(key.passkey.origins.includes(client.origin), "wrong_origin");
  const { crossOrigin = false } = client;
  demand(crossOrigin === false && !Object.hasOwn(client, "topOrigin"), "cross_origin");
  demand(b64url(data.subarray(0, 32)) === key.passkey.rpIdHash, "wrong_rp_id");
  demand(flags.up, "user_absent");
  demand(flags.uv, "user_unverified");
  demand(flags.be === key.passkey.backupEligible, "backup_changed");
  const algorithm = key.alg.slice("WA-".length);
  const signed = Buffer.concat([data, sha256(clientData)]);
  const how = { ...scheme(algorithm, key.key), dsaEncoding: "der" };
  demand(crypto.verify(hash(algorithm), signed, how, signature), "wrong_signature");
  return {
    origin: client.origin,
    userVerified: flags.uv,
    backupEligible: flags.be,
    backedUp: flags.bs,
    signCount,
  };
}

export function sign(jwk, typ, claims) {
  const key = crypto.createPrivateKey({ key: jwk, format: "jwk" });
  const header = { alg: jwk.alg, kid: jwk.kid, typ };
  const signed = `${b64url(JSON.stringify(header))}.${b64url(JSON.stringify(claims))}`;
  const signature = crypto.sign(hash(jwk.alg), Buffer.from(signed), scheme(jwk.alg, key));
  return `${signed}.${b64url(signature)}`;
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TYPES = {
  guid: (value) => typeof value === "string" && GUID.test(value),
  text: (value) => typeof value === "string",
  id: (value) => typeof value === "string" && value !== "" && [...value].length <= 64,
  moment: (value) => typeof value === "string" && isMoment(value),
  whole: (value) => Number.isSafeInteger(value),
  truth: (value) => typeof value === "boolean",
  object: isObject,
  list: Array.isArray,
};

/** Demand exactly these claims, of these types. */
function shaped(claims, required, optional = {}) {
  const all = { ...required, ...optional };
  for (const name of Object.keys(claims)) demand(Object.hasOwn(all, name), "malformed_token");
  for (const [name, type] of Object.entries(all)) {
    if (Object.hasOwn(claims, name)) demand(TYPES[type](claims[name]), "malformed_token");
    else demand(!Object.hasOwn(required, name), "malformed_token");
  }
}

// --- Display documents -------------------------------------------------------------------

const CONTENTS = [{ text: "text" }, { html: "text" }, { title: "text", keys: "list" }];

function shapedDisplay(document) {
  demand(isObject(document), "malformed_token");
  const { additionalInfo = "", ...rest } = document;
  demand(typeof additionalInfo === "string" || isObject(additionalInfo), "malformed_token");
  shaped(
    rest,
    {
      version: "whole", challenge: "guid", appSpace: "object", origin: "object", account: "object",
      content: "object", buttons: "list", code: "truth", issuedAt: "moment", expiresAt: "moment",
    },
    { transactionId: "text" },
  );
  for (const named of [rest.appSpace, rest.origin]) shaped(named, { guid: "guid", name: "text" });
  shaped(rest.account, { guid: "guid", id: "text" });
  const kind = CONTENTS.find((each) => Object.hasOwn(rest.content, Object.keys(each)[0]));
  demand(kind, "malformed_token");
  shaped(rest.content, kind);
  for (const pair of rest.content.keys ?? []) shapedObject(pair, { key: "text", value: "text" });
  demand(rest.buttons.length >= 2, "malformed_token");
  for (const button of rest.buttons) {
    shapedObject(button, { title: "text", strong: "truth", approves: "truth" }, { style: "text" });
  }
}

function shapedObject(value, required, optional = {}) {
  demand(isObject(value), "malformed_token");
  shaped(value, required, optional);
}

/** Return the document that a device shows, or refuse the text. */
export function shown(text, { appSpace, account }) {
  const document = readJson(text);
  try {
    shapedDisplay(document);
  } catch {
    refuse("display_changed");
  }
  const ours = document.appSpace.guid === appSpace && document.account.guid === account;
  demand(document.version === 1 && ours && canonical(document) === text, "display_changed");
  return document;
}

// --- Answers and disowns -----------------------------------------------------------------

export const ANSWER = "counterseal-answer+jwt";
export const DISOWN = "counterseal-disown+jwt";
const OF_BOTH = {
  iss: "guid", sub: "guid", aud: "guid", challenge: "guid", display: "text", iat: "whole", jti: "id",
};

const NAMED = { deviceKey: "text" };

/** Judge an answer as the service does once the call's own proof holds. */
export function judge(token, typ, service) {
  const jws = readJws(token);
  demand(jws.header.typ === typ, "wrong_type");
  const claims = jws.claims;
  if (typ === ANSWER) {
    shaped(claims, { ...OF_BOTH, button: "whole", title: "text" }, { code: "text", ...NAMED });
    demand(claims.button >= 0, "malformed_token");
  } else {
    shaped(claims, OF_BOTH, NAMED);
  }
  const stored = service.challenges[claims.challenge] ?? refuse("not_found");
  demand(claims.iss === service.device, "wrong_device");
  demand(claims.sub === service.account && claims.aud === service.appSpace, "wrong_audience");
  const own = service.keys.find((key) => key.role === "device");
  demand((claims.deviceKey ?? own.thumbprint) === own.thumbprint, "wrong_device");
  demand(claims.display === digest(stored.canonical), "display_changed");
  const held = service.keys.find((key) => key.kid === jws.header.kid);
  let button = {};
  if (typ === ANSWER) {
    button = readJson(stored.canonical).buttons[claims.button] ?? refuse("button_changed");
    demand(button.title === claims.title, "button_changed");
    demand(!(button.strong && held && held.role !== "strong"), "weak_key");
    const alone = held?.passkey?.backupEligible && claims.deviceKey === undefined;
    demand(!(button.strong && alone), "weak_key");
  }
  try {
    verify(jws, held, typ);
  } catch (refusal) {
    const missed = refusal.code === "wrong_signature" && held?.role === "strong";
    refuse(missed ? "strong_key_missed" : refusal.code);
  }
  if (typ === ANSWER && button.approves && readJson(stored.canonical).code) {
    demand(claims.code !== undefined, "code_missing");
    demand(claims.code === service.code, "wrong_code");
  }
  return { claims, approved: button.approves === true };
}

// --- Device proofs -----------------------------------------------------------------------

export const PROOF = "counterseal-proof+jwt";

export function proven(request, service) {
  const jws = readJws(request.token);
  const { claims } = jws;
  shaped(claims, {
    iss: "guid", sub: "guid", aud: "guid", htm: "text", htu: "text", body: "text", iat: "whole", jti: "id",
  });
  const known = claims.iss === service.device && claims.sub === service.account;
  demand(known && claims.aud === service.appSpace, "wrong_device");
  demand(claims.htm === request.method && claims.htu === request.uri, "wrong_request");
  demand(claims.body === digest(request.body), "wrong_request");
  const age = request.receivedAt - claims.iat;
  demand(age >= -60 && age <= 300, "stale_proof");
  return verify(jws, service.keys.find((key) => key.role === "device"), PROOF);
}

// --- Binds and rotations -----------------------------------------------------------------

export const BIND = "counterseal-bind+jwt";
export const ROTATE = "counterseal-rotate+jwt";
export const ENDORSE = "counterseal-endorse+jwt";
export const ROLES = ["device", "strong"];

const prints = (keys) =>
  Object.fromEntries(
    ROLES.map((role) => [
      role,
      keys.filter((key) => key.role === role).map((key) => key.thumbprint).sort(),
    ]),
  );
export const bindClaims = (token, appSpace, keys) => ({ token: digest(token), aud: appSpace, ...prints(keys) });
export const rotationClaims = (device, appSpace, keys) => ({ iss: device, aud: appSpace, ...prints(keys) });

function offered(body, allowed, scope) {
  demand(isObject(body) && Array.isArray(body.keys), "invalid_field");
  for (const name of Object.keys(body)) demand(allowed.includes(name), "invalid_field");
  return body.keys.map((offer) => {
    const known = ["role", "jwk", "proof", "endorsement", "credentialId"];
    for (const name of Object.keys(offer)) demand(known.includes(name), "invalid_field");
    demand(ROLES.includes(offer.role), "invalid_field");
    if (offer.credentialId === undefined) {
      return { ...offer, ...publicKey(offer.jwk), jws: readJws(offer.proof) };
    }
    demand(offer.role === "strong" && scope, "unfit_key");
    const jws = readJws(offer.proof);
    const passkey = {
      rpIdHash: digest(scope.rpId),
      origins: scope.origins,
      backupEligible: readAssertion(jws.signature).flags.be,
    };
    return { ...offer, ...passkeyKey(offer.jwk, passkey), jws };
  });
}

function complete(keys) {
  const strong = keys.filter((key) => key.role === "strong").length;
  demand(keys.length - strong === 1 && strong >= 1 && strong <= 4, "keys_incomplete");
  for (const name of ["kid", "thumbprint"]) {
    demand(new Set(keys.map((key) => key[name])).size === keys.length, "keys_incomplete");
  }
}

/** Demand that *jws* is by *key*, of kind *typ*, and says exactly *expected*. */
function says(jws, key, typ, expected, code) {
  try {
    demand(canonical(verify(jws, key, typ)) === canonical(expected), code);
  } catch {
    refuse(code);
  }
}

const bytes = (text) => Buffer.byteLength(text);
const KINDS_OF_ADDRESS = ["fcm_token", "fcm_fid", "webpush", "apns", "relay"];

/** Demand a name and addresses that fit the default policy, where there are any. */
function named({ name = "A phone", addresses = [] }) {
  demand(typeof name === "string" && name !== "" && bytes(name) <= 256, "invalid_field");
  demand(Array.isArray(addresses) && addresses.length <= 5, "invalid_field");
  for (const address of addresses) {
    demand(isObject(address) && KINDS_OF_ADDRESS.includes(address.kind), "invalid_field");
    const { value } = address;
    demand(Object.keys(address).length === 2 && typeof value === "string", "invalid_field");
    demand(value !== "" && bytes(value) <= 2048, "invalid_field");
  }
}

export function bound(body, service) {
  const keys = offered(body, ["token", "keys", "name", "addresses"], service.scope);
  named(body);
  demand(body.token === service.token, "wrong_token");
  complete(keys);
  const expected = bindClaims(body.token, service.appSpace, keys);
  for (const key of keys) says(key.jws, key, BIND, expected, "not_possessed");
  return expected;
}

export function rotated(body, service) {
  const keys = offered(body, ["keys"]);
  const roles = keys.map((key) => key.role);
  const endorsements = keys.map((key) => readJws(key.endorsement ?? refuse("not_endorsed")));
  demand(keys.length > 0, "keys_incomplete");
  complete([...service.keys.filter((key) => !roles.includes(key.role)), ...keys]);
  for (const { kid, alg, thumbprint } of keys) {
    const old = service.keys.find((held) => held.kid === kid);
    demand(!old || (old.alg === alg && old.thumbprint === thumbprint), "keys_incomplete");
  }
  const expected = rotationClaims(service.device, service.appSpace, keys);
  for (const key of keys) says(key.jws, key, ROTATE, expected, "not_possessed");
  keys.forEach((key, index) => {
    const jws = endorsements[index];
    const old = service.keys.find((held) => held.kid === jws.header.kid && held.role === key.role);
    demand(old, "not_endorsed");
    const missed = old.role === "strong" && !signs(jws, old, ENDORSE);
    says(jws, old, ENDORSE, expected, missed ? "strong_key_missed" : "not_endorsed");
  });
  return expected;
}

/** Tell whether *jws* has the signature of *key*, whatever else it may lack. */
function signs(jws, key, typ) {
  try {
    verify(jws, key, typ);
  } catch (refusal) {
    return refusal.code !== "wrong_signature";
  }
  return true;
}

// --- Receipts and key sets ---------------------------------------------------------------

const RECEIPT = "counterseal-receipt+jwt";
const KEYS = "counterseal-keys+jwt";
const MOMENT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;
const isMoment = (text) =>
  MOMENT.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString() === text;
const moment = (text) => (isMoment(text) ? Date.parse(text) : refuse("receipt_changed"));

export function receipt(token, trusted) {
  try {
    return checkedReceipt(token, trusted);
  } catch (problem) {
    return refuse(problem.code === "issuer_untrusted" ? problem.code : "receipt_changed");
  }
}

function checkedReceipt(token, trusted) {
  const jws = readJws(token, 1048576);
  const said = jws.claims;
  shaped(said, {
    version: "whole", issuer: "object", display: "text", answer: "text", device: "text", account: "text",
    key: "object", role: "text", history: "list", outcome: "text", approved: "truth", at: "text",
    number: "whole", previous: "text",
  }, { passkey: "object" });
  const same = (left, right) =>
    left.kid === right.kid && left.alg === right.alg && left.thumbprint === right.thumbprint;
  const named = publicKey(said.issuer);
  const issuer = trusted.find((key) => same(key, named)) ?? refuse("issuer_untrusted");
  verify(jws, issuer, RECEIPT);

  const { passkey } = said;
  if (passkey) {
    const required = { rpIdHash: "text", origins: "list", userVerified: "truth", backupEligible: "truth" };
    shaped(passkey, required, { aaguid: "text" });
  }
  const key = passkey ? passkeyKey(said.key, passkey) : publicKey(said.key);
  const answer = readJws(said.answer, 1048576);
  const { typ } = answer.header;
  const disowned = typ === DISOWN;
  const claims = verify(answer, key, typ);
  if (disowned) shaped(claims, OF_BOTH, NAMED);
  else shaped(claims, { ...OF_BOTH, button: "whole", title: "text" }, { code: "text", ...NAMED });
  const display = readJson(said.display);
  shapedDisplay(display);
  for (const line of said.history) {
    shapedObject(line, { at: "text", role: "text", thumbprint: "text" });
    moment(line.at);
  }
  const button = disowned ? undefined : display.buttons[claims.button];
  const holds = [
    said.version === 1 && display.version === 1,
    disowned || typ === ANSWER,
    canonical(display) === said.display && digest(said.display) === claims.display,
    display.challenge === claims.challenge,
    display.appSpace.guid === claims.aud,
    display.account.guid === claims.sub && claims.sub === said.account,
    claims.iss === said.device,
    moment(display.issuedAt) <= moment(said.at) && moment(said.at) < moment(display.expiresAt),
    disowned || button.title === claims.title,
    disowned || said.role === "strong" || button.strong === false,
    !(said.approved && display.code !== false && claims.code === undefined),
    said.outcome === (disowned ? "DISOWNED" : "ANSWERED"),
    said.approved === (!disowned && button.approves === true),
    said.history.some((line) => line.thumbprint === key.thumbprint && line.role === said.role),
    !passkey || (passkey.userVerified && said.role === "strong"),
    claims.deviceKey === undefined ||
      said.history.some((line) => line.thumbprint === claims.deviceKey && line.role === "device"),
    said.number >= 1 && (said.previous !== "") === said.number > 1,
  ];
  demand(holds.every(Boolean), "receipt_changed");
  return { hash: digest(jws.signed), approved: said.approved };
}

export function keyset(token, pinned, taken = 0) {
  const jws = readJws(token, 65536);
  const signer = pinned.find((key) => key.kid === jws.header.kid) ?? refuse("issuer_untrusted");
  const claims = verify(jws, signer, KEYS);
  shaped(claims, { keys: "list", iat: "whole" });
  demand(claims.iat >= taken, "stale_proof");
  demand(claims.keys.length > 0, "invalid_field");
  const keys = claims.keys.map(publicKey);
  demand(new Set(keys.map((key) => key.kid)).size === keys.length, "invalid_field");
  return { keys, taken: claims.iat };
}

// --- Links, callbacks, the origin's headers ----------------------------------------------

const REQUIRED = ["st", "appSpaceGuid", "appSpaceName"];
const LINK = [...REQUIRED, "privakeyId", "displayName"];

export function writeLink(values) {
  const encoded = (text) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const parts = LINK.filter((name) => values[name] !== null).map((name) => `${name}=${encoded(values[name])}`);
  return `counterseal://bind?${parts.join("&")}`;
}

function decoded(value, old) {
  try {
    return decodeURIComponent(value);
  } catch {
    return old ? value : refuse("invalid_field");
  }
}

export function readLink(text) {
  const [scheme, old] = ["counterseal://bind?", "authwallet://"];
  demand(text.startsWith(scheme) || text.startsWith(old), "invalid_field");
  const parts = text.startsWith(scheme)
    ? text.slice(scheme.length).split("&")
    : text.slice(old.length).split(new RegExp(`&(?=(?:${LINK.join("|")})=)`));
  const values = {};
  for (const part of parts) {
    const equals = part.indexOf("=");
    const name = part.slice(0, equals);
    demand(equals > 0 && LINK.includes(name) && !Object.hasOwn(values, name), "invalid_field");
    values[name] = decoded(part.slice(equals + 1), text.startsWith(old));
  }
  for (const name of REQUIRED) demand(values[name], "invalid_field");
  for (const name of ["appSpaceGuid", "privakeyId"]) {
    demand(values[name] === undefined || GUID.test(values[name]), "invalid_field");
  }
  return values;
}

const hmac = (key, text) => crypto.createHmac("sha256", key).update(text).digest("base64");

export function webhookSignature(secrets, id, timestamp, body) {
  return secrets
    .map((secret) => Buffer.from(secret.slice("whsec_".length), "base64"))
    .map((key) => `v1,${hmac(key, `${id}.${timestamp}.${body}`)}`)
    .join(" ");
}

/** The public text, and the `v1a` signature, of the holder of a private key of Ed25519. */
export function webhookAsymmetric(jwk, id, timestamp, body) {
  const key = crypto.createPrivateKey({ key: jwk, format: "jwk" });
  const signature = crypto.sign(null, Buffer.from(`${id}.${timestamp}.${body}`), key);
  const text = (bytes) => bytes.toString("base64");
  return {
    public: `whpk_${text(Buffer.from(jwk.x, "base64url"))}`,
    signature: `v1a,${text(signature)}`,
  };
}

export const cx1 = (secret, { method, uri, body }, timestamp, guid) =>
  hmac(secret, method + uri + timestamp + guid + (method === "GET" ? "" : body));

export const cx1Header = (secret, request, timestamp, guid) =>
  `CX1-HMAC-SHA256,${guid}/${timestamp},${cx1(secret, request, timestamp, guid)}`;

// --- Message signatures -------------------------------------------------------------------

const COVERED = ["@method", "@target-uri", "content-digest"];
const COVERED_IF_THERE = ["content-type", "idempotency-key"];
const COUNTED = ["signature-input", "signature", "content-digest", ...COVERED_IF_THERE];
const QUOTED = {
  keyid: /^"([0-9a-f-]{36})"$/,
  nonce: /^"([A-Za-z0-9+/_=-]{22,128})"$/,
  alg: /^"(hmac-sha256)"$/,
  tag: /^"(counterseal)"$/,
};
const PARAMETERS = { created: /^(0|[1-9][0-9]{0,11})$/, ...QUOTED };

const contentDigest = (body) => `sha-256=:${sha256(Buffer.from(body)).toString("base64")}:`;

function counted(headers) {
  const fields = {};
  for (const [given, raw] of headers) {
    const name = given.toLowerCase();
    if (!COUNTED.includes(name)) continue;
    const value = raw.replace(/^[ \t]+|[ \t]+$/g, "");
    demand(!Object.hasOwn(fields, name) && /^[ -~]*$/.test(value), "credential_refused");
    fields[name] = value;
  }
  return fields;
}

const components = (fields) =>
  [...COVERED, ...COVERED_IF_THERE.filter((name) => Object.hasOwn(fields, name))];
const inner = (fields) => `(${components(fields).map((name) => `"${name}"`).join(" ")})`;

export function messageBase({ method, uri }, fields, parameters) {
  const values = { ...fields, "@method": method, "@target-uri": uri };
  const lines = components(fields).map((name) => `"${name}": ${values[name]}`);
  return [...lines, `"@signature-params": ${parameters}`].join("\n");
}

/** The three headers that whoever has the secret adds to a message with `headers`. */
export function signMessage(secret, { method, uri, headers, body }, { guid, created, nonce }) {
  const digested = ["content-digest", contentDigest(body)];
  const fields = counted([...headers, digested]);
  const parameters =
    `${inner(fields)};created=${created};keyid="${guid}";nonce="${nonce}"` +
    ';alg="hmac-sha256";tag="counterseal"';
  const signature = hmac(secret, messageBase({ method, uri }, fields, parameters));
  return [
    digested,
    ["signature-input", `counterseal=${parameters}`],
    ["signature", `counterseal=:${signature}:`],
  ];
}

/** What a message's signature claims, if it holds for the signer `guid` at second `at`. */
export function readMessage(secret, guid, { method, uri, headers, body }, at) {
  const fields = counted(headers);
  demand(fields["content-digest"] === contentDigest(body), "credential_refused");
  const input = fields["signature-input"] ?? "";
  const parameters = input.replace(/^counterseal=/, "");
  const start = inner(fields);
  demand(input !== parameters && parameters.startsWith(start), "credential_refused");
  const told = {};
  for (const part of parameters.slice(start.length).split(";").slice(1)) {
    const [name, value] = part.split(/=(.*)/);
    const match = Object.hasOwn(PARAMETERS, name) && PARAMETERS[name].exec(value);
    demand(match && !Object.hasOwn(told, name), "credential_refused");
    told[name] = match[1];
  }
  demand(parameters.slice(start.length).startsWith(";"), "credential_refused");
  demand(Object.keys(told).length === Object.keys(PARAMETERS).length, "credential_refused");
  demand(at - told.created <= 300 && told.created - at <= 60, "request_stale");
  const signature = hmac(secret, messageBase({ method, uri }, fields, parameters));
  demand(fields.signature === `counterseal=:${signature}:`, "credential_refused");
  demand(told.keyid === guid, "credential_refused");
  return told;
}
