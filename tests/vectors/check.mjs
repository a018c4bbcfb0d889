// Checks the test vectors against the second implementation, or makes tokens with it.
//
//     node check.mjs           check every vector and print how many
//     node check.mjs --make    print tokens that are made here, for the core to accept

import crypto from "node:crypto";
import { readFileSync } from "node:fs";

import {
  ANSWER,
  b64url,
  BIND,
  bindClaims,
  bound,
  canonical,
  cx1,
  cx1Header,
  digest,
  DISOWN,
  judge,
  keyset,
  passkeyKey,
  PROOF,
  proven,
  publicKey,
  readJson,
  readJws,
  readLink,
  readMessage,
  receipt,
  Refusal,
  ROLES,
  rotated,
  shown,
  sign,
  signMessage,
  verifyAssertion,
  webhookAsymmetric,
  webhookSignature,
  writeLink,
} from "./wire.mjs";

// --- The vectors -------------------------------------------------------------------------

const file = (name) => JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), "utf8"));
const named = Object.fromEntries(file("keys").keys.map((key) => [key.name, key]));
let checked = 0;

function equal(actual, expected, what) {
  const [left, right] = [actual, expected].map((value) => JSON.stringify(value));
  if (left !== right) throw new Error(`${what}: ${left} instead of ${right}`);
  checked += 1;
}

function refused(call, code, what) {
  try {
    call();
  } catch (refusal) {
    if (refusal instanceof Refusal) return equal(refusal.code, code, what);
    throw refusal;
  }
  throw new Error(`${what}: accepted instead of ${code}`);
}

const displays = file("display");

/** The service as the vectors have it, with one device's keys. */
function serviceOf(context, device) {
  const keys = ROLES.map((role) => ({
    role,
    ...publicKey(named[`${device.toLowerCase()}-${role}`].public),
  }));
  const challenges = displays.valid.map((each) => [each.document.challenge, each]);
  return {
    device: context.devices[device],
    account: context.account.guid,
    appSpace: context.appSpace.guid,
    keys,
    challenges: Object.fromEntries(challenges),
    code: file("answer").matchingCode,
  };
}

function checkKeys() {
  for (const { name, public: jwk, thumbprint } of Object.values(named)) {
    equal(publicKey(jwk).thumbprint, thumbprint, `keys, ${name}`);
  }
  const { valid, invalid } = file("unfit-keys");
  for (const { about, jwk, thumbprint } of valid) {
    equal(publicKey(jwk).thumbprint, thumbprint, `unfit-keys, ${about}`);
  }
  for (const { why, jwk, code } of invalid) {
    refused(() => publicKey(jwk), code, `unfit-keys, ${why}`);
  }
}

function checkDisplays() {
  for (const { about, document, canonical: text, hash: expected } of displays.valid) {
    equal(canonical(document), text, `display, ${about}`);
    equal(canonical(readJson(text)), text, `display, ${about}, read back`);
    equal(digest(text), expected, `display, ${about}, hash`);
  }
  for (const { why, json, code } of displays.invalid) {
    refused(() => readJson(json), code, `display, ${why}`);
  }
  for (const { about, json, canonical: text } of displays.readable) {
    equal(canonical(readJson(json)), text, `display, ${about}`);
  }
  const names = { appSpace: displays.context.appSpace.guid, account: displays.context.account.guid };
  for (const { about, document, canonical: text } of displays.valid) {
    equal(canonical(shown(text, names)), canonical(document), `display, ${about}, shown`);
  }
  for (const { why, text, code } of displays.unshowable) {
    refused(() => shown(text, names), code, `display, ${why}`);
  }
}

function checkAnswers(name, typ) {
  const { context, valid, invalid } = file(name);
  for (const { about, header, claims, token, display } of valid) {
    const judged = judge(token, typ, serviceOf(context, header.alg));
    const { buttons } = displays.valid.find((each) => each.about === display).document;
    equal(judged.claims, claims, `${name}, ${about}`);
    equal(judged.approved, buttons[claims.button]?.approves === true, `${name}, ${about}, approved`);
  }
  for (const { why, device, token, code } of invalid) {
    refused(() => judge(token, typ, serviceOf(context, device)), code, `${name}, ${why}`);
  }
}

function checkProofs() {
  const { context, valid, invalid } = file("proof");
  for (const vector of valid) {
    const claims = proven(vector, serviceOf(context, vector.header.alg));
    equal(claims, vector.claims, `proof, ${vector.about}`);
  }
  for (const vector of invalid) {
    refused(() => proven(vector, serviceOf(context, "ES256")), vector.code, `proof, ${vector.why}`);
  }
}

function checkBinds() {
  const binds = file("bind");
  const service = (token) => ({ token, appSpace: binds.context.appSpace.guid });
  for (const { about, claims, body } of binds.valid) {
    equal(canonical(bound(body, service(body.token))), canonical(claims), `bind, ${about}`);
  }
  for (const { why, body, code } of binds.invalid) {
    refused(() => bound(body, service(binds.valid[0].body.token)), code, `bind, ${why}`);
  }
  const rotations = file("rotation");
  const rotating = serviceOf(rotations.context, "ES256");
  for (const { about, claims, body } of rotations.valid) {
    equal(canonical(rotated(body, rotating)), canonical(claims), `rotation, ${about}`);
  }
  for (const { why, body, code } of rotations.invalid) {
    refused(() => rotated(body, rotating), code, `rotation, ${why}`);
  }
}

function checkReceipts() {
  const { trusted, valid, invalid } = file("receipt");
  const keys = trusted.keys.map(publicKey);
  for (const { about, token, hash: expected, claims } of valid) {
    equal(receipt(token, keys), { hash: expected, approved: claims.approved }, `receipt, ${about}`);
  }
  for (const { why, token, code } of invalid) {
    refused(() => receipt(token, keys), code, `receipt, ${why}`);
  }
  const sets = file("keyset");
  const pinned = sets.pinned.keys.map(publicKey);
  for (const { about, token, kids } of sets.valid) {
    equal(keyset(token, pinned, sets.taken).keys.map((key) => key.kid), kids, `keyset, ${about}`);
  }
  for (const { why, token, code } of sets.invalid) {
    refused(() => keyset(token, pinned, sets.taken), code, `keyset, ${why}`);
  }
}

function checkPasskeys() {
  const passkeys = file("passkey");
  const { scope } = passkeys;
  const keyOf = (name) => {
    const entry = passkeys.keys.find((each) => each.name === name);
    const { backupEligible } = entry;
    const passkey = { rpIdHash: digest(scope.rpId), origins: scope.origins, backupEligible };
    return { role: "strong", ...passkeyKey(entry.public, passkey) };
  };
  const serviceFor = (name) => {
    const service = serviceOf(passkeys.context, "ES256");
    const [own] = service.keys.filter((key) => key.role === "device");
    return { ...service, keys: [own, keyOf(name)] };
  };
  for (const { name, thumbprint } of passkeys.keys) {
    equal(keyOf(name).thumbprint, thumbprint, `passkey, ${name}`);
  }
  for (const { about, claims, body } of passkeys.binds) {
    const service = { token: body.token, appSpace: passkeys.context.appSpace.guid, scope };
    equal(canonical(bound(body, service)), canonical(claims), `passkey, bind, ${about}`);
    refused(() => bound(body, { ...service, scope: undefined }), "unfit_key", `passkey, no scope`);
  }
  for (const { about, key, header, claims, token, assertion } of passkeys.valid) {
    equal(judge(token, header.typ, serviceFor(key)).claims, claims, `passkey, ${about}`);
    equal(verifyAssertion(readJws(token), keyOf(key)), assertion, `passkey, ${about}, says`);
  }
  for (const { why, key, token, code } of passkeys.invalid) {
    refused(() => judge(token, ANSWER, serviceFor(key)), code, `passkey, ${why}`);
  }
  const keys = file("receipt").trusted.keys.map(publicKey);
  for (const { about, token, hash: expected, claims } of passkeys.receipts) {
    const read = receipt(token, keys);
    equal(read, { hash: expected, approved: claims.approved }, `passkey, receipt, ${about}`);
  }
}

function checkLinks() {
  const links = file("link");
  const values = (vector) => ({
    st: vector.token,
    appSpaceGuid: vector.appSpaceGuid,
    appSpaceName: vector.appSpaceName,
    privakeyId: vector.privakeyId,
    displayName: vector.displayName,
  });
  const given = (vector) =>
    Object.fromEntries(Object.entries(values(vector)).filter(([, value]) => value !== null));
  for (const vector of links.valid) equal(writeLink(values(vector)), vector.link, `link, ${vector.about}`);
  for (const vector of [...links.valid, ...links.read]) {
    equal(readLink(vector.link), given(vector), `link, ${vector.about}, read`);
  }
  for (const { why, link, code } of links.invalid) {
    refused(() => readLink(link), code, `link, ${why}`);
  }
}

function checkHeaders() {
  const { id, timestamp, body, valid, asymmetric } = file("webhook");
  for (const { about, secrets, headers } of valid) {
    const signature = webhookSignature(secrets, id, timestamp, body);
    equal(signature, headers["webhook-signature"] ?? "", `webhook, ${about}`);
  }
  const { key, ...expected } = asymmetric;
  equal(webhookAsymmetric(named[key].private, id, timestamp, body), expected, "webhook, v1a");
  const basic = file("basic");
  const pair = Buffer.from(`${basic.guid}:${basic.secret}`).toString("base64");
  equal(`Basic ${pair}`, basic.header, "basic");
  const cx = file("cx1-hmac");
  const made = (vector) => cx1(cx.secret_text, vector, cx.timestamp_ms, cx.guid);
  for (const vector of cx.valid) equal(made(vector), vector.signature, `cx1, ${vector.uri}`);
  for (const vector of cx.invalid) equal(made(vector) !== vector.signature, true, `cx1, ${vector.why}`);
}

function checkMessages() {
  const { guid, secret, created, valid, invalid } = file("signature");
  for (const { about, nonce, headers, ...message } of valid) {
    const own = headers.slice(0, -3);
    const made = signMessage(secret, { ...message, headers: own }, { guid, created, nonce });
    equal([...own, ...made], headers, `message, ${about}`);
    equal(readMessage(secret, guid, { ...message, headers }, created).nonce, nonce, `message, ${about}, read`);
  }
  for (const { why, receivedAt, code, ...message } of invalid) {
    refused(() => readMessage(secret, guid, message, receivedAt), code, `message, ${why}`);
  }
}

// --- Tokens made here --------------------------------------------------------------------

const random = () => b64url(crypto.randomBytes(16));

/** Make, for each algorithm, what the core is to accept. */
function make() {
  const { context, answeredAt } = file("answer");
  const { document, canonical: text } = displays.valid.find((each) => each.about === "payment");
  const address = { method: "POST", uri: "https://auth.example.com/device/answer" };
  const made = {};
  for (const [alg, device] of Object.entries(context.devices)) {
    const jwk = (role) => named[`${alg.toLowerCase()}-${role}`].private;
    const names = { iss: device, sub: context.account.guid, aud: context.appSpace.guid };
    const common = {
      ...names, challenge: document.challenge, display: digest(text), iat: answeredAt, jti: random(),
    };
    const answer = sign(jwk("strong"), ANSWER, { ...common, button: 0, title: document.buttons[0].title });
    const disown = sign(jwk("device"), DISOWN, { ...common, jti: random() });
    const proof = (body) =>
      sign(jwk("device"), PROOF, {
        ...names, htm: address.method, htu: address.uri, body: digest(body), iat: answeredAt, jti: random(),
      });
    const token = file("bind").valid.find((each) => each.about === alg).body.token;
    const keys = ROLES.map((role) => ({ role, ...publicKey(named[`${alg.toLowerCase()}-${role}`].public) }));
    const claims = bindClaims(token, context.appSpace.guid, keys);
    const bind = {
      token,
      keys: ROLES.map((role) => ({
        role,
        jwk: named[`${alg.toLowerCase()}-${role}`].public,
        proof: sign(jwk(role), BIND, claims),
      })),
    };
    made[alg] = {
      address,
      answer: { token: answer, proof: proof(answer) },
      disown: { token: disown, proof: proof(disown) },
      bind,
    };
  }
  const cx = file("cx1-hmac");
  made.cx1 = cx.valid.map((vector) => cx1Header(cx.secret_text, vector, cx.timestamp_ms, cx.guid));
  const messages = file("signature");
  made.messages = messages.valid.map(({ method, uri, headers, body }) => {
    const own = headers.slice(0, -3);
    const how = { guid: messages.guid, created: messages.created, nonce: random() };
    return [...own, ...signMessage(messages.secret, { method, uri, headers: own, body }, how)];
  });
  return made;
}

if (process.argv.includes("--make")) {
  console.log(JSON.stringify(make()));
} else {
  checkKeys();
  checkDisplays();
  checkAnswers("answer", ANSWER);
  checkAnswers("disown", DISOWN);
  checkProofs();
  checkBinds();
  checkReceipts();
  checkPasskeys();
  checkLinks();
  checkHeaders();
  checkMessages();
  console.log(`${checked} checks`);
}
