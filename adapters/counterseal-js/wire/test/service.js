// The service's side of the wire, written from docs/reference/wire.md: what it demands of a
// device's tokens and bodies. No program needs it but the service; the vectors check it too.

import { ANSWER, demandAnswer } from "../answer.js";
import { digest, utf8 } from "../bytes.js";
import { demandShape, isGuid } from "../claims.js";
import { CONFIRM } from "../confirmation.js";
import {
  BIND,
  bindClaims,
  ENDORSE,
  PROOF,
  ROLES,
  ROTATE,
  rotationClaims,
} from "../enrolment.js";
import { demand, refuse } from "../errors.js";
import { canonical, isObject, readJson } from "../ijson.js";
import { readToken, verifyToken } from "../jws.js";
import { readPublicKey } from "../keys.js";
import { readAssertion } from "../passkeys.js";

const STATUSES = { add: "ACTIVE", move: "ACTIVE", refuse: "REVOKED" };
const KINDS_OF_ADDRESS = ["fcm_token", "fcm_fid", "webpush", "apns", "relay"];

/** Check an answer or a disown as the service does once the call's own proof holds. */
export async function checkAnswer(text, typ, service) {
  const token = readToken(text);
  demand(token.header.typ === typ, "wrong_type");
  const claims = demandAnswer(token.claims, typ);
  const isAnswer = typ === ANSWER;
  const own = service.keys.find(({ role }) => role === "device");
  if (isAnswer) demand(claims.button >= 0, "malformed_token");
  const challenge = service.challenges[claims.challenge] ?? refuse("not_found");
  demand(claims.iss === service.device, "wrong_device");
  demand(claims.sub === service.account && claims.aud === service.appSpace, "wrong_audience");
  demand((claims.deviceKey ?? own.thumbprint) === own.thumbprint, "wrong_device");
  demand(claims.display === (await digest(challenge.canonical)), "display_changed");
  const key = service.keys.find(({ kid }) => kid === token.header.kid);
  const display = readJson(challenge.canonical);
  let button = { approves: false };
  if (isAnswer) {
    button = display.buttons[claims.button] ?? refuse("button_changed");
    demand(button.title === claims.title, "button_changed");
    demand(!(button.approves && claims.reason !== undefined), "invalid_field");
    demand(!(button.strong && key && key.role !== "strong"), "weak_key");
    const alone = key?.passkey?.backupEligible && claims.deviceKey === undefined;
    demand(!(button.strong && alone), "weak_key");
  }
  try {
    await verifyToken(token, key, typ);
  } catch (error) {
    const missed = error.code === "wrong_signature" && key?.role === "strong";
    refuse(missed ? "strong_key_missed" : error.code);
  }
  if (isAnswer && button.approves && display.code) {
    demand(claims.code !== undefined, "code_missing");
    demand(claims.code === service.code, "wrong_code");
  }
  return { claims, approved: button.approves };
}

/**
 * Check what a device has decided on the new one that waits, *service.waiting*, as the service does
 * once the call's own proof holds.
 */
export async function checkConfirmation(text, service) {
  const token = readToken(text);
  const shape = { iss: "guid", sub: "guid", aud: "guid", binding: "guid", device: "list" };
  const rest = { strong: "list", choice: "text", iat: "integer", jti: "id" };
  const claims = demandShape(token.claims, { ...shape, ...rest }, { deviceKey: "text" });
  demand(Object.hasOwn(STATUSES, claims.choice), "malformed_token");
  const { waiting } = service;
  demand(claims.binding === waiting.device, "not_found");
  demand(claims.iss === service.device, "wrong_device");
  demand(claims.sub === service.account && claims.aud === service.appSpace, "wrong_audience");
  for (const role of ROLES) {
    const own = waiting.keys.filter((key) => key.role === role);
    const thumbprints = own.map(({ thumbprint }) => thumbprint).sort();
    demand(canonical(claims[role]) === canonical(thumbprints), "keys_changed");
  }
  const key = service.keys.find(({ kid }) => kid === token.header.kid);
  demand(!key || key.role === "strong", "weak_key");
  try {
    await verifyToken(token, key, CONFIRM);
  } catch (error) {
    refuse(error.code === "wrong_signature" ? "strong_key_missed" : error.code);
  }
  const own = service.keys.find(({ role }) => role === "device");
  demand((claims.deviceKey ?? own.thumbprint) === own.thumbprint, "wrong_device");
  return { claims, status: STATUSES[claims.choice] };
}

/** Return a comparison code in its one spelling, however a person typed it. */
export function typedCode(text) {
  const code = text.toUpperCase().replaceAll(/[- ]/g, "").replaceAll("O", "0");
  const plain = code.replaceAll(/[IL]/g, "1");
  return `${plain.slice(0, 5)}-${plain.slice(5)}`;
}

/** Check the proof of a device's call. */
export async function checkProof(request, service) {
  const token = readToken(request.token);
  const claims = demandShape(token.claims, {
    iss: "guid",
    sub: "guid",
    aud: "guid",
    htm: "text",
    htu: "text",
    body: "text",
    iat: "integer",
    jti: "id",
  });
  const known = claims.iss === service.device && claims.sub === service.account;
  demand(known && claims.aud === service.appSpace, "wrong_device");
  demand(claims.htm === request.method && claims.htu === request.uri, "wrong_request");
  demand(claims.body === (await digest(request.body)), "wrong_request");
  const age = request.receivedAt - claims.iat;
  demand(age >= -60 && age <= 300, "stale_proof");
  return verifyToken(
    token,
    service.keys.find(({ role }) => role === "device"),
    PROOF,
  );
}

/** Read the key of an offer, which may be a passkey where the App Space has a *scope* for them. */
export async function readOfferedKey({ role, jwk, proof, credentialId }, scope) {
  if (credentialId === undefined) return readPublicKey(jwk);
  demand(role === "strong" && scope, "unfit_key");
  const { backupEligible } = readAssertion(readToken(proof).signature);
  const rpIdHash = await digest(scope.rpId);
  return readPublicKey(jwk, { rpIdHash, origins: scope.origins, backupEligible });
}

async function readOffers(body, known, scope) {
  demand(isObject(body) && Array.isArray(body.keys), "invalid_field");
  for (const name of Object.keys(body)) demand(known.includes(name), "invalid_field");
  const offers = [];
  for (const offer of body.keys) {
    const { role, jwk: _, proof, endorsement, credentialId: __, ...unknown } = offer;
    demand(Object.keys(unknown).length === 0 && ROLES.includes(role), "invalid_field");
    const key = await readOfferedKey(offer, scope);
    offers.push({ role, endorsement, ...key, token: readToken(proof) });
  }
  return offers;
}

const APP = /^[!-~](?:[ -~]{0,62}[!-~])?$/;
const MEMBERS_OF_BIND = [
  ...["token", "keys", "name", "addresses", "replaces"],
  ...["platform", "appVersion", "language"],
];
const MEMBERS_OF_UPDATE = ["name", "addresses", "platform", "appVersion", "language"];
const LANGUAGE = /^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$/;

function demandComplete(keys) {
  const strong = keys.filter(({ role }) => role === "strong").length;
  demand(keys.length - strong === 1 && strong >= 1 && strong <= 4, "keys_incomplete");
  for (const name of ["kid", "thumbprint"]) {
    demand(new Set(keys.map((key) => key[name])).size === keys.length, "keys_incomplete");
  }
}

/** Demand that *token* is by *key*, of kind *typ*, and has exactly the claims *expected*. */
async function demandClaims(token, key, typ, expected, code) {
  try {
    demand(canonical(await verifyToken(token, key, typ)) === canonical(expected), code);
  } catch {
    refuse(code);
  }
}

function demandName({ name = "A phone", addresses = [], platform = "x", appVersion = "1", language = "en" }) {
  const isTag = typeof language === "string" && language.length <= 35 && LANGUAGE.test(language);
  demand(isTag, "invalid_field");
  for (const text of [platform, appVersion]) demand(APP.test(text), "invalid_field");
  demand(typeof name === "string" && name !== "" && utf8(name).length <= 256, "invalid_field");
  demand(Array.isArray(addresses) && addresses.length <= 5, "invalid_field");
  for (const address of addresses) {
    demand(isObject(address) && KINDS_OF_ADDRESS.includes(address.kind), "invalid_field");
    const { value } = address;
    demand(Object.keys(address).length === 2 && typeof value === "string", "invalid_field");
    demand(value !== "" && utf8(value).length <= 2048, "invalid_field");
  }
}

/** Check the body that completes a bind, by a log-in of a person who has *service.bound* already. */
export async function checkBind(body, service) {
  const keys = await readOffers(body, MEMBERS_OF_BIND, service.scope);
  demandName(body);
  const { replaces } = body;
  demand(replaces === undefined || isGuid(replaces), "invalid_field");
  demand(body.token === service.token, "wrong_token");
  demandComplete(keys);
  const expected = await bindClaims(body.token, service.appSpace, keys, replaces);
  for (const key of keys) await demandClaims(key.token, key, BIND, expected, "not_possessed");
  demand(replaces === undefined || service.bound.includes(replaces), "not_found");
  return expected;
}

/** Check the body by which a device changes what it says of itself. */
export function checkUpdate(body) {
  demand(isObject(body), "invalid_field");
  for (const name of Object.keys(body)) demand(MEMBERS_OF_UPDATE.includes(name), "invalid_field");
  demandName(body);
}

/** Check the body that replaces keys. */
export async function checkRotation(body, service) {
  const keys = await readOffers(body, ["keys"], service.scope);
  const roles = keys.map(({ role }) => role);
  const endorsements = keys.map((key) => readToken(key.endorsement ?? refuse("not_endorsed")));
  demand(keys.length > 0, "keys_incomplete");
  demandComplete([...service.keys.filter(({ role }) => !roles.includes(role)), ...keys]);
  for (const { kid, alg, thumbprint } of keys) {
    const old = service.keys.find((each) => each.kid === kid);
    demand(!old || (old.alg === alg && old.thumbprint === thumbprint), "keys_incomplete");
  }
  const expected = rotationClaims(service.device, service.appSpace, keys);
  for (const key of keys) await demandClaims(key.token, key, ROTATE, expected, "not_possessed");
  for (const [index, { role }] of keys.entries()) {
    const token = endorsements[index];
    const old = service.keys.find((each) => each.kid === token.header.kid && each.role === role);
    demand(old, "not_endorsed");
    const missed = role === "strong" && !(await isSignedBy(token, old, ENDORSE));
    const code = missed ? "strong_key_missed" : "not_endorsed";
    await demandClaims(token, old, ENDORSE, expected, code);
  }
  return expected;
}

/** Tell whether *token* has the signature of *key*, whatever else is wrong with it. */
async function isSignedBy(token, key, typ) {
  try {
    await verifyToken(token, key, typ);
  } catch (error) {
    return error.code !== "wrong_signature";
  }
  return true;
}
