// C-ue (2022 to 2024) and a user without a device: 404 is "nothing to revoke", and no log-in.

import axios from "axios";
import qs from "qs";

import { basic, hear, say, settings } from "./party.mjs";

const { base, origin, key } = settings;
const headers = {
  Authorization: basic(origin, key),
  "Content-Type": "application/x-www-form-urlencoded",
};
const cx = (method, path, document) =>
  axios({ method, url: `${base}/api/${path}`, data: qs.stringify(document), headers });

async function devices() {
  const { data } = await axios.get(`${base}/api/device/getAll`, {
    params: { accountId: "user-42" },
    headers: { Authorization: headers.Authorization },
    validateStatus: (status) => status === 200 || status === 404,
  });
  return Array.isArray(data) ? data : [];
}

async function ask() {
  const question = { accountId: "user-42", duration: "5m", content: { title: "Log in?" } };
  try {
    const { status } = await cx("post", "request/add", question);
    return { status };
  } catch (error) {
    return { status: error.response.status, code: error.response.data.code };
  }
}

const unknown = { devices: await devices(), asked: await ask() };
const bound = (await cx("put", "account/bind", { accountId: "user-42" })).data;
const unbound = { asked: await ask() };
say({ unknown, unbound, token: bound.sessionToken });
await hear();
say({ devices: await devices(), asked: await ask() });
process.exit(0);
