// C-ue enables passkeys: the calls of `initGroup` in src/api/plugins/webauthn/webauthn.js (commit
// a4d57fcf) with the domain that src/api/authGroup/api.js makes; then the four WebAuthn calls of
// src/api/plugins/challenge/privakey/interface.js (5e580efa) with the domain of
// src/api/plugins/webauthn/api.js (0e3a729e). Its browser is the test, which gets the options and
// returns credentials as `@github/webauthn-json` writes them.

import axios from "axios";

import { administration } from "./administration.mjs";
import { hear, say, settings } from "./party.mjs";

const { base, host, accountId } = settings;
const local = host.includes("localhost");
const webOrigin = local ? `http://${host}` : `https://${host}`;
const domain = local ? "localhost" : host;

const admin = administration(settings);
const origin = await admin.createTenant("Example Platform");
const key = await admin.createKey(origin, "basic");
await admin.addCallback(origin);
const entry = await admin.addPasskeyDomain(origin, webOrigin);
// Passkeys are turned off and on again: the origin is there, and only the domain is sent.
const repeated = await admin.addPasskeyDomain(origin, webOrigin);

const cx = (method, path, data) =>
  axios({
    method,
    url: `${base}/api/${path}`,
    headers: { "Content-Type": "application/json" },
    auth: { username: origin.guid, password: key },
    data,
  });

const bound = await cx("put", "account/webauthn/bind", {
  accountId,
  userInfo: JSON.stringify({ name: "zoe@shop.example", displayName: "zoe@shop.example" }),
  domain,
});
const { registrationOptions, privakeyId } = bound.data;
say({
  origin: origin.guid,
  entries: [entry, repeated],
  registrationOptions,
  privakeyId,
  location: bound.headers.location,
});
const registered = await cx("post", "account/webauthn/register", {
  accountId,
  credential: (await hear()).credential,
});
const { requestGuid, assertionOptions } = (
  await cx("post", "request/webauthn/authenticate", { accountId, domain })
).data;
say({ registered: registered.data, requestGuid, assertionOptions });
const { credential } = await hear();
const finished = await cx("post", "request/webauthn/finishAuthentication", {
  accountId,
  credential,
});
// Somebody sends the same once more.
const replayed = await cx("post", "request/webauthn/finishAuthentication", {
  accountId,
  credential,
}).catch(({ response }) => response);
say({
  loggedIn: finished.data.requestGuid === requestGuid,
  replayed: { status: replayed.status, code: replayed.data.code },
});
process.exit(0);
