// C-milo (2019): JSON, Basic, under /api; buttons are texts of JSON; `sessionToken` may be an object.

import axios from "axios";

import { basic, hear, receive, say, settings, verified } from "./party.mjs";

const { base, origin, key, callback, callbackSecret } = settings;
const server = `${base}/api/`;
const headers = { Authorization: basic(origin, key) };

const party = await receive(new URL(callback).pathname, async (body) => ({
  approved: body.buttonSelected == 0,
  callback: body,
}));

const bound = await axios.put(`${server}account/bind`, { accountId: "user-42" }, { headers });
const token = bound.data.sessionToken;
say({
  port: party.port,
  status: bound.status,
  // What the sample hands to its app.
  privakeyId: bound.data.privakeyId,
  token: token.guid,
  tokenexpiry: token.expiration,
});
await hear();

const added = await axios.post(
  `${server}request/add`,
  {
    accountId: "user-42",
    callback,
    content: "Did you just send yourself a notification?",
    duration: "10m",
    buttons: [
      '{"title": "Approve", "strongAuth": true, "style": "{\\"color\\": \\"green\\"}"}',
      '{"title": "Reject", "strongAuth": false, "style": "{\\"color\\": \\"red\\"}"}',
    ],
  },
  { headers },
);
say({ guid: added.data.guid, status: added.status });
const { headers: sent, text, ...judged } = await party.called;
say({ ...judged, verified: verified(callbackSecret, sent, text) });
await hear();

// Its log-in: HTML, the default buttons, two minutes.
const login = await axios.post(
  `${server}request/add`,
  {
    accountId: "user-42",
    content: "<html><body><p>Are you trying to log in to MILO?</p></body></html>",
    duration: "2m",
    additionalInfo: "{'viewType': 'html', 'format': 'standard'}",
  },
  { headers },
);
say(login.data);
party.close();
process.exit(0);
