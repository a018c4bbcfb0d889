/** Log-ins: a person is known by the App Space's Identity Provider, and gets a session token. */

import { BadReply, Refused } from "../wire/errors.js";
import { isAnyText, Members } from "../wire/members.js";

/**
 * A log-in that has begun, as plain data: keep it until the person comes back, where only this
 * app can read it, since `secret` is what nobody else has.
 *
 * @typedef {object} Login
 * @property {string} appSpace The App Space's GUID.
 * @property {string} url Where the person logs in; open it in a browser.
 * @property {string} state Which log-in the address says to which the person comes back.
 * @property {string} secret
 * @property {string} expiresAt
 */

/**
 * A device that the person has, suspended ones included.
 *
 * @typedef {object} OwnDevice
 * @property {string} device Its GUID.
 * @property {string} name As its person has called it; may be empty.
 * @property {string} boundAt
 */

/**
 * What a log-in comes to.
 *
 * @typedef {object} LoggedIn
 * @property {string} link The session token, with which `Wallet.bind` binds one device.
 * @property {string} appSpaceName
 * @property {OwnDevice[]} devices Oldest first; none where the service lets none be replaced.
 */

/** @typedef {import("./service.js").Service} Service */

/**
 * Begin a log-in.
 *
 * @param {Service} service
 * @param {{appSpace: string, redirectUri: string}} where `redirectUri`: the app's own address, one
 *   of the App Space's `returns`; empty if the provider sends people to the app itself.
 * @returns {Promise<Login>}
 */
export async function startLogin(service, { appSpace, redirectUri }) {
  const body = JSON.stringify({ appSpaceGuid: appSpace, redirectUri });
  const call = { method: "POST", path: "/device/login/redirect", body };
  const { url, secret, expiresAt } = await service.plain(call, readRedirect);
  const page = URL.canParse(url) ? new URL(url) : undefined;
  const state = page?.searchParams.get("state");
  if (!page || !/^https?:$/.test(page.protocol) || !state) {
    throw new BadReply("a log-in that is at no address for a browser");
  }
  return { appSpace, url, state, secret, expiresAt };
}

/**
 * Finish a log-in, which counts once.
 *
 * @param {Service} service
 * @param {Login} login
 * @param {string} returned The address to which the person came back, with its query.
 * @returns {Promise<LoggedIn>}
 * @throws {Refused} `wrong_login`: the address is of another log-in; `login_refused`: the provider
 *   lets nobody in.
 */
export async function finishLogin(service, login, returned) {
  const query = URL.canParse(returned) ? new URL(returned).searchParams : new URLSearchParams();
  if (only(query, "state") !== login.state) throw new Refused("wrong_login");
  const code = only(query, "code");
  if (!code) throw new Refused("login_refused", only(query, "error"));
  const { state, secret } = login;
  const body = JSON.stringify({ state, code, iss: only(query, "iss"), secret });
  const call = { method: "POST", path: "/device/login/authenticate", body };
  const { appSpace, ...loggedIn } = await service.plain(call, readLoggedIn);
  if (appSpace !== login.appSpace) throw new BadReply("a session token of another App Space");
  return loggedIn;
}

/**
 * @param {URLSearchParams} query
 * @param {string} name
 */
function only(query, name) {
  const values = query.getAll(name);
  return values.length === 1 ? values[0] : undefined;
}

/** @param {unknown} document */
function readRedirect(document) {
  const members = new Members(document);
  return {
    url: members.text("url"),
    secret: members.text("secret"),
    expiresAt: members.moment("expiresAt"),
  };
}

/** @param {unknown} document */
function readLoggedIn(document) {
  const members = new Members(document);
  return {
    link: members.text("sessionToken"),
    appSpace: members.guid("appSpaceGuid"),
    appSpaceName: members.text("appSpaceName"),
    devices: members.objects("devices", (device) => ({
      device: device.guid("device"),
      name: device.read("name", isAnyText),
      boundAt: device.moment("boundAt"),
    })),
  };
}
