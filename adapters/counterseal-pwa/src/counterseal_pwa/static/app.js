/** The app: which view is shown, and when it changes. */

import { showBind } from "./bind_view.js";
import { announce, byId, element } from "./dom.js";
import { loadService, readFragment, readReturn } from "./links.js";
import { describe } from "./problems.js";
import { keyOf } from "./request_key.js";
import { Session } from "./session.js";
import { hasTexts, loadTexts, say } from "./texts.js";
import { registerWorker } from "./worker_registration.js";

/**
 * What a view gets, and what it may do.
 *
 * @typedef {object} ViewContext
 * @property {Session} session
 * @property {(title: string, ...children: (Node | null | false)[]) => void} fill Show content under
 *   a heading, and move the focus to it.
 * @property {(address: string) => void} go Show another view, unless this one was left.
 * @property {AbortSignal} signal Aborted when another view comes.
 */

/** A request's address may name the device of its account as well. */
const ROUTES = /^#\/(request|account|device|login)\/([0-9a-f-]{36})(?:\/([0-9a-f-]{36}))?$/i;
let controller = new AbortController();
/** The bind link with which the page was opened: a secret, which leaves the address before anything else. */
let firstLink = readFragment();
/** The address to which an Identity Provider sent the browser back; its code leaves the address as well. */
let firstReturn = readReturn();
/** Whether the first view is shown, and nothing that was opened from it. */
let isAtHome = false;

/**
 * Show the view of the page's address.
 *
 * @param {Session} session
 */
async function route(session) {
  controller.abort();
  controller = new AbortController();
  const context = contextOf(session, controller.signal);
  const link = firstLink ?? readFragment();
  firstLink = null;
  if (link !== null) {
    await showBind(context, link);
    return;
  }
  const returned = firstReturn;
  firstReturn = null;
  if (returned !== null) {
    const { finishLogin } = await import("./login_view.js");
    await finishLogin(context, returned);
    return;
  }
  const [, view, guid = "", device] = ROUTES.exec(window.location.hash) ?? [];
  if (view === "request") await (await import("./request_view.js")).showRequest(context, guid, device);
  else if (view === "account") await (await import("./account_view.js")).showAccount(context, guid);
  else if (view === "device") await (await import("./new_device_view.js")).showNewDevice(context, guid);
  else if (view === "login") (await import("./login_view.js")).showLogin(context, guid);
  else {
    await (await import("./home_view.js")).showHome(context);
    isAtHome = true;
  }
}

/**
 * Show the view of the page's address, or that this failed.
 *
 * @param {Session} session
 */
const follow = (session) => route(session).catch(showFailure);

/** @param {unknown} error */
function showFailure(error) {
  const text = hasTexts() ? describe(error) : "Counterseal cannot start. Reload this page.";
  byId("main").replaceChildren(element("p", { class: "problem", role: "alert" }, text));
}

/**
 * @param {Session} session
 * @param {AbortSignal} signal
 * @returns {ViewContext}
 */
const contextOf = (session, signal) => ({
  session,
  signal,
  fill(title, ...children) {
    if (signal.aborted) return;
    isAtHome = false;
    // What was announced was about the view before.
    announce("");
    const heading = element("h1", { tabindex: -1 }, title);
    const shown = children.filter((child) => child instanceof Node);
    byId("main").replaceChildren(heading, ...shown);
    document.title = `${title} · Counterseal`;
    heading.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  },
  go(address) {
    // A view that was left takes nobody away from the one that they read.
    if (signal.aborted) return;
    if (window.location.hash === address) void follow(session);
    else window.location.hash = address;
  },
});

/** @param {Session} [session] */
function showConnection(session) {
  const line = byId("connection");
  const connection = !navigator.onLine ? say("offline") : session?.lists.isUnreached ? say("unreached") : "";
  const text = session?.isOutdated ? say("problem.store_outdated") : connection;
  line.hidden = text === "";
  line.textContent = text;
}

/** Say that a tab with an older version of the app has to be closed first. */
function showBlocked() {
  const line = byId("connection");
  line.hidden = false;
  line.textContent = say("blocked");
}

/** @param {Session} session */
function announceArrivals(session) {
  let known = new Set();
  const look = () => {
    const keys = session.lists.all.map((request) => keyOf(request, request));
    if (keys.some((key) => !known.has(key))) announce(say("arrived"));
    known = new Set(keys);
  };
  look();
  session.addEventListener("requests", look);
  session.addEventListener("newdevices", () => {
    if (session.waitingDevices.all.length > 0) announce(say("decide.waits"));
  });
}

/** @param {string} address */
function openView(address) {
  if (address.startsWith("#/")) window.location.hash = address;
}

/** Whether nothing is lost if the page is loaded again. */
function isIdle() {
  const inputs = [...byId("main").querySelectorAll("input")];
  const isOpen = document.querySelector("dialog[open]") !== null;
  return isAtHome && !isOpen && inputs.every(({ value }) => value === "");
}

async function start() {
  const [language] = await Promise.all([loadTexts(), loadService()]);
  document.documentElement.lang = language;
  showConnection();
  /** @type {(shown: undefined) => void} */
  let startWorker = () => undefined;
  const firstView = new Promise((/** @type {(shown: undefined) => void} */ resolve) => {
    startWorker = resolve;
  });
  // Its files are as large as the page's, which must not wait for them.
  const registration = firstView.then(() => registerWorker({ open: openView, isIdle }));
  const session = await Session.open(registration, showBlocked);
  const show = () => showConnection(session);
  session.addEventListener("connection", show);
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
  show();
  window.addEventListener("hashchange", () => void follow(session));
  await follow(session);
  announceArrivals(session);
  startWorker(undefined);
  await session.refreshNotifications();
}

start().catch(showFailure);
