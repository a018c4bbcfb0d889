// C-ue with passkeys: the four WebAuthn calls, by Basic and forms with brackets. Its browser is the
// test, which gets the options and returns credentials as `@github/webauthn-json` writes them.

import axios from "axios";
import qs from "qs";

import { basic, hear, say, settings } from "./party.mjs";

const { base, origin, key, accountId, domain } = settings;
const headers = {
  Authorization: basic(origin, key),
  "Content-Type": "application/x-www-form-urlencoded",
};
const cx = (method, path, document) =>
  axios({ method, url: `${base}/api/${path}`, data: qs.stringify(document), headers });

const bound = await cx("put", "account/webauthn/bind", {
  accountId,
  userInfo: JSON.stringify({ name: "zoe@shop.example", displayName: "Zöe" }),
  domain,
});
const { registrationOptions, privakeyId } = bound.data;
say({ registrationOptions, privakeyId, location: bound.headers.location });
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
