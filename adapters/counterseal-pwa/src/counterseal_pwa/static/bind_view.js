/** The view that binds this browser to an account. */

import { makesPasskeys } from "./browser_wallet.js";
import { InvalidField, ServiceRefused, Unavailable } from "./device/index.js";
import { element, foreign, isolate } from "./dom.js";
import { homeLink } from "./home_link.js";
import { brandOf, EXACT, idAmong, ownerOf } from "./identity.js";
import { describeLink, readOwn, serviceAddress } from "./links.js";
import { pressing } from "./pressing.js";
import { describe } from "./problems.js";
import { say } from "./texts.js";

/** @typedef {import("./app.js").FormContext} FormContext */
/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Invitation} Invitation */

/** Names of browsers by what their user agents have; of several, the first. */
const BROWSERS = [
  ["Edg", "Edge"],
  ["OPR/", "Opera"],
  ["SamsungBrowser", "Samsung Internet"],
  ["Firefox", "Firefox"],
  ["FxiOS", "Firefox"],
  ["CriOS", "Chrome"],
  ["Chrome", "Chrome"],
  ["Safari", "Safari"],
];

/** Return what the person may call this device: the kind of machine, and the browser. */
function deviceName() {
  const { userAgent } = navigator;
  const [, browser = say("bind.browser")] = BROWSERS.find(([mark = ""]) => userAgent.includes(mark)) ?? [];
  return say(/Mobi|Android/.test(userAgent) ? "bind.phone" : "bind.computer", { browser });
}

const NAME_LIMIT = 64;

/**
 * What a device is bound by: a link, or a log-in, which knows the person's devices.
 *
 * @typedef {object} Offer
 * @property {string} link The bind link, or the session token.
 * @property {string | undefined} [displayName]
 * @property {HTMLElement} [replacement] The choice of the device that the new one replaces.
 * @property {HTMLElement | null} [warning] What the person has to confirm before.
 */

/**
 * @param {FormContext} context
 * @param {string} link
 */
export async function showBind(context, link) {
  let displayName;
  try {
    ({ displayName } = readOwn(link));
  } catch (error) {
    showProblem(context, describeLink(error), homeLink());
    return;
  }
  await showOffer(context, { link, displayName });
}

/**
 * Ask the service whose link or log-in it is, and show that before the person agrees.
 *
 * @param {FormContext} context
 * @param {Offer} offer
 */
export async function showOffer(context, offer) {
  context.fill(say("bind.title"), element("p", { role: "status" }, say("bind.loading")));
  try {
    const where = { url: serviceAddress(), link: offer.link };
    const { wallet } = context;
    const invitation = await wallet.readInvitation(where);
    const lookalikes = await wallet.lookalikes({ ...where, invitation });
    await fillBind(context, { ...offer, warning: await warningOf(invitation, lookalikes) }, invitation);
  } catch (error) {
    const isUnreached = error instanceof Unavailable;
    const next = isUnreached ? retry(() => void showOffer(context, offer)) : homeLink();
    const isOther = error instanceof InvalidField;
    const text = isUnreached ? say("bind.unreached") : isOther ? say("bind.malformed") : describe(error);
    showProblem(context, text, next);
  }
}

/**
 * @param {FormContext} context
 * @param {string} problem
 * @param {Node} next
 */
function showProblem(context, problem, next) {
  context.fill(say("bind.title"), element("p", { class: "problem", role: "alert" }, problem), next);
}

/** @param {() => void} click */
const retry = (click) => element("button", { type: "button", class: "main", click }, say("bind.retry"));

/**
 * @param {FormContext} context
 * @param {Offer} offer
 * @param {Invitation} invitation
 */
async function fillBind(context, { link, displayName, replacement, warning }, invitation) {
  const { accountName, appSpaceName, rpId } = invitation;
  const accounts = await context.wallet.accounts();
  const id = idAmong({ ...invitation, url: serviceAddress() }, accounts);
  const name = element("input", { id: "name", maxlength: NAME_LIMIT, autocomplete: "off", required: true });
  name.value = deviceName();
  const choice = (await makesPasskeys(rpId)) ? strongKeyChoice() : null;
  const status = element("p", { class: "problem", role: "alert" });
  const button = element("button", { class: "main" }, say("bind.button"));
  const form = element(
    "form",
    { class: "card form" },
    element(
      "dl",
      { class: "pairs" },
      element("dt", {}, say("bind.to")),
      element("dd", {}, brandOf(invitation, appSpaceName), ownerOf(invitation)),
      ...accountRow(accountName, displayName, id),
      element("dt", {}, say("bind.service")),
      element("dd", {}, serviceAddress()),
    ),
    warning,
    element("label", { for: "name" }, say("bind.name")),
    name,
    replacement,
    choice ?? element("p", { class: "quiet" }, say("bind.pin.next")),
    element("p", { class: "quiet" }, say("bind.keys")),
    status,
    button,
  );
  const bind = async () => {
    await navigator.storage?.persist?.();
    const fields = new FormData(form);
    const strongKey = String(fields.get("key") ?? "pin");
    const replaces = String(fields.get("replaces") ?? "") || undefined;
    const options = { url: serviceAddress(), link, invitation, strongKey, replaces };
    const account = await context.wallet.bind({ ...options, name: name.value.trim() });
    if (account.comparison === null) await showAdded(context, account);
    else context.go(`#/account/${account.device}`);
  };
  const fail = (/** @type {unknown} */ error) => {
    const isFull = error instanceof ServiceRefused && error.problem === "too_many_bindings";
    return isFull && replacement ? say("bind.full") : describe(error);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void pressing(button, status, bind, { fail });
  });
  const about = say("bind.about", { name: isolate(appSpaceName) });
  context.fill(say("bind.title"), element("p", {}, about), form);
}

/**
 * Return the warning of App Spaces that look alike; null if there are none.
 *
 * @param {Invitation} invitation
 * @param {Awaited<ReturnType<import("./device/index.js").Wallet["lookalikes"]>>} lookalikes
 */
async function warningOf(invitation, lookalikes) {
  if (lookalikes.length === 0) return null;
  const { lookalikeWarning } = await import("./lookalike_warning.js");
  return lookalikeWarning(invitation, serviceAddress(), lookalikes);
}

/**
 * Show that the account is added, and what waits there.
 *
 * @param {FormContext} context
 * @param {Account} account
 */
async function showAdded(context, account) {
  try {
    await (await import("./bound_view.js")).showBound(context, account);
  } catch {
    // The service has accepted the bind, even if the view cannot be loaded now.
    const about = say("bound.about", { name: isolate(account.appSpaceName) });
    context.fill(say("bound.title"), element("p", {}, about), homeLink());
  }
}

/**
 * Return the row of the account: as the service says, or else as the link does.
 *
 * @param {string | null} accountName
 * @param {string | undefined} displayName
 * @param {HTMLElement | null} id
 */
function accountRow(accountName, displayName, id) {
  const name = accountName ?? displayName;
  if (name === undefined) return [];
  const label = say(accountName === null ? "bind.account.link" : "bind.account");
  return [element("dt", {}, label), element("dd", { class: "owner" }, foreign(name, EXACT), id)];
}

/** Return the choice between a passkey and a PIN. */
const strongKeyChoice = () =>
  element(
    "fieldset",
    {},
    element("legend", {}, say("bind.choice")),
    ...["passkey", "pin"].map((kind) =>
      element(
        "label",
        { class: "choice" },
        element("input", { type: "radio", name: "key", value: kind, checked: kind === "passkey" }),
        element("span", {}, say(`bind.${kind}`)),
      ),
    ),
  );
