// C-ue (2022 to 2024): sets itself up by the admin calls, signed with CX1; then Basic and forms
// with brackets; believes no callback that the service does not confirm.

import axios from "axios";
import qs from "qs";

import { administration } from "./administration.mjs";
import { basic, hear, receive, say, settings, verified } from "./party.mjs";

const { base, superId, superKey, host } = settings;
const GROUP = "g-1";
const CALLBACK = `/api/${GROUP}/mfa/callback`;

const admin = administration({ base, superId, superKey, host });
const origin = await admin.createTenant("Example & Platform", {
  logo: `https://${host}/logo.png`,
});
// It asked for `hmac` first, and changed to `basic`.
await admin.createKey(origin, "hmac");
const key = await admin.createKey(origin, "basic");
await admin.addCallback(origin);
const domain = await admin.addPasskeyDomain(origin, `https://${host}`);

const headers = {
  Authorization: basic(origin.guid, key),
  "Content-Type": "application/x-www-form-urlencoded",
};
const cx = (method, path, document) =>
  axios({ method, url: `${base}/api/${path}`, data: qs.stringify(document), headers });

async function asked(requestGuid) {
  const { data } = await axios.get(`${base}/api/request/getRequest`, {
    params: { requestGuid },
    headers: { Authorization: headers.Authorization },
  });
  return data;
}

async function devices() {
  const { data } = await axios.get(`${base}/api/device/getAll`, {
    params: { accountId: "user-42" },
    headers: { Authorization: headers.Authorization },
    validateStatus: (status) => status === 200 || status === 404,
  });
  return Array.isArray(data) ? data : [];
}

const party = await receive(CALLBACK, async (callback) => {
  const requeried = await asked(callback.guid);
  const agrees = ["guid", "transactionId", "buttonSelected"].every(
    (name) => callback[name] === requeried[name],
  );
  return { approved: agrees && requeried.buttonSelected === 0, agrees, callback, requeried };
});

const before = await devices();
const bound = (await cx("put", "account/bind", { accountId: "user-42" })).data;
say({
  port: party.port,
  origin: origin.guid,
  domain,
  before,
  token: bound.sessionToken,
  appSpaceGuid: bound.appSpaceGuid,
  link:
    `authwallet://st=${bound.sessionToken}&appSpaceGuid=${bound.appSpaceGuid}` +
    `&appSpaceName=${bound.appSpaceName}&privakeyId=${bound.privakeyId}&displayName=Zoe`,
});
const { callbackSecret } = await hear();

const transactionId = JSON.stringify({
  uid: "u1",
  accountId: "user-42",
  event: "login",
  cb: `https://${host}/done`,
});
const added = await cx("post", "request/add", {
  accountId: "user-42",
  duration: "5m",
  additionalInfo: { template: true },
  transactionId,
  notificationTitle: "Validation Requested",
  notificationBody: "Validation Requested",
  callback: `https://${host}${CALLBACK}`,
  showCode: true,
  showNotification: true,
  content: { title: "Validation Requested", keys: [{ key: "Example Platform", value: "Zöe" }] },
  buttons: [
    { title: "Approve", strongAuth: true, style: JSON.stringify({ color: "#16C656" }) },
    { title: "Decline", strongAuth: false, style: JSON.stringify({ color: "#FF6600" }) },
  ],
});
say({ guid: added.data.guid, transactionId: added.data.transactionId, sent: transactionId });
const { headers: came, text, ...judged } = await party.called;
say({ ...judged, verified: verified(callbackSecret, came, text) });
await hear();

// The user lost the device: all are revoked, as JSON this time.
for (const { guid } of await devices()) {
  await axios.patch(
    `${base}/api/device/revoke`,
    { deviceGuid: guid },
    { headers: { Authorization: headers.Authorization } },
  );
}
say({ devices: await devices() });
party.close();
process.exit(0);
