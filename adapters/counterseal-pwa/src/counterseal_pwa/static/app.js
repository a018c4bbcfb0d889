/** The app: which view is shown, and when it changes. */

import { showBind } from "./bind_view.js";
import { openWallet } from "./browser_wallet.js";
import { announce, byId, element } from "./dom.js";
import { loadService, readFragment, readReturn } from "./links.js";
import { describe } from "./problems.js";
import { keyOf } from "./request_key.js";
import { hasTexts, loadTexts, say } from "./texts.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./device/index.js").Wallet} Wallet */

/**
 * A heading that is not only a text: the page's title, which a browser may store, its parts, and
 * what stands above it.
 *
 * @typedef {{title: string, parts: (Node | string | null)[], above?: HTMLElement}} Heading
 */

/**
 * What the form of a bind link gets: it is shown before anything is loaded that is for accounts.
 *
 * @typedef {object} FormContext
 * @property {Wallet} wallet
 * @property {() => Promise<Session>} openSession
 * @property {(heading: string | Heading, ...children: (Node | null | false)[]) => void} fill Show
 *   content under a heading, and move the focus to it.
 * @property {(address: string) => void} go Show another view, unless this one was left.
 * @property {AbortSignal} signal Aborted when another view comes.
 */

/**
 * What every other view gets, and what it may do.
 *
 * @typedef {FormContext & {session: Session}} ViewContext
 */

/** What all contexts have: see `FormContext`. @typedef {Pick<FormContext, "wallet" | "openSession">} Source */

/** A request's address may name the device of its account as well. */
const ROUTES = /^#\/(request|account|device|login)\/([0-9a-f-]{36})(?:\/([0-9a-f-]{36}))?$/i;
/** Where a brand that is not saved is shown, in a frame of the portal. */
const PREVIEW = "/preview";
let controller = new AbortController();
/** The bind link with which the page was opened: a secret, which leaves the address before anything else. */
let firstLink = readFragment();
/** The address to which an Identity Provider sent the browser back; its code leaves the address as well. */
let firstReturn = readReturn();
/** Whether the first view is shown, and nothing that was opened from it. */
let isAtHome = false;
/** The GUIDs of the requests that wait. @type {readonly string[]} */
let waiting = [];

/**
 * Show the view of the page's address.
 *
 * @param {Source} source
 */
async function route(source) {
  controller.abort();
  controller = new AbortController();
  const { signal } = controller;
  const formContext = contextOf(source, signal);
  const link = firstLink ?? readFragment();
  firstLink = null;
  if (link !== null) {
    await showBind(formContext, link);
    return;
  }
  const context = { ...formContext, session: await source.openSession() };
  if (signal.aborted) return;
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
    showArrivals();
  }
}

/**
 * Show the view of the page's address, or that this failed.
 *
 * @param {Source} source
 */
const follow = (source) => route(source).catch(showFailure);

/** @param {unknown} error */
function showFailure(error) {
  const text = hasTexts() ? describe(error) : "Counterseal cannot start. Reload this page.";
  byId("main").replaceChildren(element("p", { class: "problem", role: "alert" }, text));
}

/**
 * @param {Source} source
 * @param {AbortSignal} signal
 * @returns {FormContext}
 */
const contextOf = (source, signal) => ({
  ...source,
  signal,
  fill(heading, ...children) {
    if (signal.aborted) return;
    isAtHome = false;
    // What was announced was about the view before.
    announce("");
    const { title, parts, above } = typeof heading === "string" ? { title: heading, parts: [heading] } : heading;
    const line = element("h1", { tabindex: -1, ...(above ? { "aria-describedby": above.id } : {}) }, ...parts);
    const shown = children.filter((child) => child instanceof Node);
    byId("main").replaceChildren(...(above ? [above] : []), line, ...shown);
    document.title = `${title} · Counterseal`;
    line.focus({ preventScroll: true });
    window.scrollTo(0, 0);
    showArrivals();
  },
  go(address) {
    // A view that was left takes nobody away from the one that they read.
    if (signal.aborted) return;
    if (window.location.hash === address) void follow(source);
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

/**
 * Return what opens the session: once, and again only where that has failed.
 *
 * @param {Wallet} wallet
 * @param {Promise<ServiceWorkerRegistration | undefined>} registration
 * @returns {() => Promise<Session>}
 */
function sessionOpener(wallet, registration) {
  /** @type {Session | undefined} */
  let started;
  /** @type {Promise<Session> | undefined} */
  let opening;
  const open = async () => {
    const { Session } = await import("./session.js");
    started ??= new Session(wallet, registration);
    const session = started;
    await session.start();
    const show = () => showConnection(session);
    session.addEventListener("connection", show);
    window.addEventListener("online", show);
    window.addEventListener("offline", show);
    show();
    announceArrivals(session);
    return session;
  };
  return () => {
    opening ??= open().catch((error) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
}

/** Say that a tab with an older version of the app has to be closed first. */
function showBlocked() {
  const line = byId("connection");
  line.hidden = false;
  line.textContent = say("blocked");
}

/** Show that requests wait, where neither a list of them nor one of them is shown. */
function showArrivals() {
  const line = byId("arrivals");
  const [, , guid = ""] = ROUTES.exec(window.location.hash) ?? [];
  const isShown = isAtHome || waiting.includes(guid) || byId("main").querySelector("a.open") !== null;
  line.hidden = isShown || waiting.length === 0;
  if (!line.hidden) line.replaceChildren(element("a", { href: "#/" }, say("arrived")));
}

/** @param {Session} session */
function announceArrivals(session) {
  let known = new Set();
  const look = () => {
    const keys = session.lists.all.map((request) => keyOf(request, request));
    if (keys.some((key) => !known.has(key))) announce(say("arrived"));
    known = new Set(keys);
    waiting = session.lists.all.map(({ guid }) => guid);
    showArrivals();
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
  const [{ language, direction }] = await Promise.all([loadTexts(), loadService()]);
  document.documentElement.lang = language;
  document.documentElement.dir = direction;
  if (window.location.pathname.endsWith(PREVIEW)) {
    const { startPreview } = await import("./preview_view.js");
    startPreview(contextOf(/** @type {Source} */ ({}), controller.signal));
    return;
  }
  showConnection();
  /** @type {(shown: undefined) => void} */
  let startWorker = () => undefined;
  const firstView = new Promise((/** @type {(shown: undefined) => void} */ resolve) => {
    startWorker = resolve;
  });
  // Its files are as large as the page's, which must not wait for them.
  const registration = firstView
    .then(() => import("./worker_registration.js"))
    .then(({ registerWorker }) => registerWorker({ open: openView, isIdle }))
    .catch(() => undefined);
  const wallet = await openWallet(showBlocked);
  showConnection();
  const source = { wallet, openSession: sessionOpener(wallet, registration) };
  window.addEventListener("hashchange", () => void follow(source));
  await follow(source);
  // What the next view needs. If it is not there, a form that is shown stays, and the view asks again.
  const session = await source.openSession().catch(() => undefined);
  startWorker(undefined);
  await session?.refreshNotifications();
}

start().catch(showFailure);
