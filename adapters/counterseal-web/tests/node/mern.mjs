// C-mern (2021 to 2023): JSON, Basic, without /api; a weak first button, a template, a link.

import axios from "axios";

import { basic, hear, receive, say, settings, verified } from "./party.mjs";

const { base, origin, key, callback, callbackSecret, accountId } = settings;
const cx = axios.create({
  baseURL: `${base}/`,
  headers: { Authorization: basic(origin, key), "Content-Type": "application/json" },
});

const party = await receive(new URL(callback).pathname, async (body) => ({
  approved: body.buttonSelected == 0,
  callback: body,
}));

async function bind() {
  const { data } = await cx.put("account/bind", { accountId });
  const { sessionToken, appSpaceGuid, appSpaceName, privakeyId } = data;
  const link = encodeURI(
    `authwallet://st=${sessionToken}&appSpaceGuid=${appSpaceGuid}&appSpaceName=${appSpaceName}`,
  );
  return { token: sessionToken, link, privakeyId };
}

// The user registers, loses the link, and registers again: each time with a fresh token.
const first = await bind();
const again = await bind();
say({ port: party.port, ...again, fresh: first.token !== again.token });
await hear();

const added = await cx.post("request/add", {
  accountId,
  callback,
  content: {
    title: "Sample Request",
    keys: [{ key: "This is a key", value: "This is a value" }],
  },
  duration: "5m",
  showNotification: true,
  additionalInfo: "{'viewType': 'html', 'format': 'standard'}",
  buttons: [
    { title: "Neat!", strongAuth: false, style: '{"color": "blue"}' },
    { title: "Okay...", strongAuth: true, style: '{"color": "orange"}' },
  ],
});
say({ guid: added.data.guid, status: added.status });
const { headers, text, ...judged } = await party.called;
say({ ...judged, verified: verified(callbackSecret, headers, text) });
party.close();
process.exit(0);
