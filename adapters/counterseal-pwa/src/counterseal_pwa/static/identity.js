/** Identity: whose an account is, and which one; as the service says, and not the link. */

import { readColours } from "./colours.js";
import { element, foreign } from "./dom.js";
import { say } from "./texts.js";

/** @typedef {import("./device/index.js").Account} Account */

/** How ids and names of accounts are written: two that differ by a space alone look different. */
export const EXACT = { exact: true };

/**
 * Return how an operator of the service has verified a company; no tenant can choose that.
 *
 * @param {{verifiedName: string | null}} account
 */
export const verificationOf = ({ verifiedName }) =>
  verifiedName === null
    ? element("span", { class: "unverified" }, say("company.unverified"))
    : element("span", { class: "verified" }, say("company.verified"), " ", foreign(verifiedName));

/**
 * Return whose an account is. What the company calls itself has a line of its own, where it cannot
 * be taken for what an operator has verified.
 *
 * @param {{companyName: string | null, verifiedName: string | null}} account
 */
export const ownerOf = ({ companyName, verifiedName }) =>
  element(
    "span",
    { class: "owner" },
    verificationOf({ verifiedName }),
    companyName !== null && element("span", { class: "quiet" }, say("company.name"), " ", foreign(companyName)),
  );

/**
 * Return what an account is called; null where nobody says it.
 *
 * @param {Account} account
 */
export function nameOf({ accountName, appSpaceName, isNamedByLink }) {
  if (accountName === appSpaceName) return null;
  return element("span", {}, isNamedByLink && `${say("account.link")} `, foreign(accountName, EXACT));
}

/**
 * Return the id of an account, where *accounts* has another one of the same App Space.
 *
 * @param {{device?: string, url: string, appSpace: string, accountId: string | null}} account
 * @param {readonly Account[]} accounts
 */
export function idAmong({ device, url, appSpace, accountId }, accounts) {
  const isShared = accounts.some(
    (other) => other.device !== device && other.url === url && other.appSpace === appSpace,
  );
  if (!isShared || accountId === null) return null;
  return element("span", { class: "quiet account-id" }, say("account.id"), " ", foreign(accountId, EXACT));
}

/**
 * Return whose an account is, and which, for a view in which the person decides about it.
 *
 * @param {Account} account
 * @param {readonly Account[]} accounts All of this browser.
 */
export const identityOf = (account, accounts) =>
  element(
    "div",
    { class: "identity" },
    element("p", {}, brandOf(account, account.appSpaceName), ownerOf(account)),
    element(
      "p",
      {},
      nameOf(account),
      " ",
      idAmong(account, accounts),
      " ",
      element("span", { class: "quiet" }, account.url),
    ),
  );

/**
 * Return the name of an App Space as its service says that it looks.
 *
 * @param {{color: string | null, logo: string | null}} account
 * @param {string} name
 */
export function brandOf({ color, logo }, name) {
  const label = element("strong", { class: "space" });
  const colours = color === null ? null : readColours(JSON.stringify({ color }));
  if (colours) {
    label.style.backgroundColor = colours.background;
    label.style.borderColor = colours.background;
    label.style.color = colours.text;
  }
  label.append(logoOf({ logo }) ?? "", foreign(name));
  return label;
}

/**
 * Return the logo of an App Space; null if it has none. The name beside it says the same, and stays
 * if there is no connection.
 *
 * @param {{logo: string | null}} account
 */
export function logoOf({ logo }) {
  if (logo === null) return null;
  const image = element("img", { src: logo, alt: "", width: 28, height: 28 });
  image.addEventListener("error", () => image.remove());
  return image;
}
