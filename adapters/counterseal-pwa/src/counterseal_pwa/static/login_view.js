/** The views of a log-in at the site's Identity Provider, which takes the place of a bind link. */

import { showOffer } from "./bind_view.js";
import { element, foreign } from "./dom.js";
import { APP, serviceAddress } from "./links.js";
import { pressing } from "./pressing.js";
import { describe } from "./problems.js";
import { say, writeMoment } from "./texts.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Login} Login */

/** Where the log-in is kept while the person is at the provider: of this tab, and of no other. */
const KEPT = "counterseal-login";

/**
 * Show where a log-in begins.
 *
 * @param {ViewContext} context
 * @param {string} appSpace The GUID of the site's App Space.
 */
export function showLogin(context, appSpace) {
  const status = element("p", { class: "problem", role: "alert" });
  const button = element("button", { class: "main" }, say("login.button"));
  const form = element(
    "form",
    { class: "card form" },
    element("dl", { class: "pairs" }, element("dt", {}, say("bind.service")), element("dd", {}, serviceAddress())),
    status,
    button,
  );
  const begin = async () => {
    const where = { url: serviceAddress(), appSpace, redirectUri: `${APP}/` };
    const login = await context.session.wallet.startLogin(where);
    window.sessionStorage.setItem(KEPT, JSON.stringify(login));
    window.location.assign(login.url);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void pressing(button, status, begin);
  });
  context.fill(say("login.title"), element("p", {}, say("login.about")), form);
}

/**
 * Finish the log-in from which the person came back, and show the form that binds.
 *
 * @param {ViewContext} context
 * @param {string} returned The address to which the browser came back.
 */
export async function finishLogin(context, returned) {
  context.fill(say("login.finishing"));
  const login = takeLogin();
  if (login === null) {
    showFailure(context, say("login.unknown"));
    return;
  }
  try {
    const where = { url: serviceAddress(), login, returned };
    const { link, devices } = await context.session.wallet.finishLogin(where);
    const replacement = devices.length > 0 ? { replacement: replacementChoice(devices) } : {};
    await showOffer(context, { link, ...replacement });
  } catch (error) {
    showFailure(context, describe(error), login.appSpace);
  }
}

/**
 * Return the log-in that this tab has begun, and forget it: it counts once.
 *
 * @returns {Login | null}
 */
function takeLogin() {
  const text = window.sessionStorage.getItem(KEPT);
  window.sessionStorage.removeItem(KEPT);
  return text === null ? null : JSON.parse(text);
}

/**
 * Return the choice of the device whose place the new one takes; none is the first choice.
 *
 * @param {import("./device/index.js").OwnDevice[]} devices
 */
const replacementChoice = (devices) =>
  element(
    "fieldset",
    {},
    element("legend", {}, say("replace.title")),
    element("p", { class: "quiet" }, say("replace.about")),
    choiceOf("", say("replace.none")),
    ...devices.map(({ device, name, boundAt }) =>
      choiceOf(
        device,
        say("replace.device"),
        " ",
        name === "" ? say("replace.unnamed") : foreign(name),
        element("span", { class: "quiet" }, say("replace.since"), " ", writeMoment(boundAt)),
      ),
    ),
  );

/**
 * @param {string} device Empty for none.
 * @param {...(Node | string)} words
 */
const choiceOf = (device, ...words) =>
  element(
    "label",
    { class: "choice" },
    element("input", { type: "radio", name: "replaces", value: device, checked: device === "" }),
    element("span", {}, ...words),
  );

/**
 * @param {ViewContext} context
 * @param {string} problem
 * @param {string} [appSpace]
 */
function showFailure(context, problem, appSpace) {
  const again = () => showLogin(context, /** @type {string} */ (appSpace));
  context.fill(
    say("login.failed"),
    element("p", { class: "problem", role: "alert" }, problem),
    appSpace !== undefined && element("p", {}, element("button", { class: "main", click: again }, say("login.again"))),
    element("p", { class: "centred" }, element("a", { href: "#/" }, say("home.go"))),
  );
}
