// C-milo's log-in (2019): each callback is an answer, and one without a button ends the program.

import axios from "axios";

import { basic, hear, receive, say, settings } from "./party.mjs";

const { base, origin, key, callback } = settings;
const server = `${base}/api/`;
const headers = { Authorization: basic(origin, key) };
const TITLES = ["Approve", "Reject"];
let calls = 0;

const party = await receive(new URL(callback).pathname, async (body) => {
  calls += 1;
  const title = TITLES[body.buttonSelected];
  // The sample reads on without looking, in a handler whose errors nobody catches.
  if (title === undefined) process.exit(70);
  return { title, guid: body.guid };
});

async function logIn() {
  const { data } = await axios.post(
    `${server}request/add`,
    {
      accountId: "user-42",
      callback,
      content: "<html><body><p>Are you trying to log in to MILO?</p></body></html>",
      duration: "2m",
      showNotification: true,
    },
    { headers },
  );
  return data.guid;
}

const bound = await axios.put(`${server}account/bind`, { accountId: "user-42" }, { headers });
say({ port: party.port, token: bound.data.sessionToken.guid });
await hear();

// The user does not look at the phone.
say({ guid: await logIn() });
await hear();
say({ calls });

say({ guid: await logIn() });
const { title, guid } = await party.called;
say({ title, guid, calls });
party.close();
process.exit(0);
