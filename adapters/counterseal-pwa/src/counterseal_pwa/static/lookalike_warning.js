/** The warning before an account is added whose App Space looks like that of another account. */

import { element, foreign, isolate } from "./dom.js";
import { say } from "./texts.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/lookalikes.js").AppSpaceIdentity} AppSpaceIdentity */
/** @typedef {import("./device/lookalikes.js").Lookalike<Account>} Lookalike */

/**
 * Return the warning, which says what differs; its box has to be ticked before the form is sent.
 *
 * @param {AppSpaceIdentity} identity What is about to be added.
 * @param {readonly Lookalike[]} lookalikes One or more.
 */
export const lookalikeWarning = (identity, lookalikes) =>
  element(
    "div",
    { class: "notice", role: "group", "aria-labelledby": "lookalike" },
    element("h2", { id: "lookalike" }, say("lookalike.title")),
    element("p", {}, say("lookalike.about")),
    element(
      "dl",
      { class: "pairs" },
      element("dt", {}, say("lookalike.new")),
      element("dd", {}, ...linesOf(identity, lookalikes.map(({ name }) => name))),
      ...lookalikes.flatMap(({ existing, existingName }) => [
        element("dt", {}, say("lookalike.existing")),
        element("dd", {}, ...linesOf(existing, [existingName]), accountOf(existing)),
      ]),
    ),
    isVerified(identity, lookalikes) ? null : element("p", {}, say("lookalike.neither")),
    element(
      "label",
      { class: "choice" },
      element("input", { type: "checkbox", name: "different", required: true }),
      element("span", {}, say("lookalike.confirm")),
    ),
  );

/**
 * Return the lines of an App Space: its own name first, then those that are alike.
 *
 * @param {AppSpaceIdentity} identity
 * @param {readonly string[]} names
 */
const linesOf = ({ appSpaceName, url, verifiedName }, names) => [
  ...[...new Set([appSpaceName, ...names])].map((name) => element("strong", { class: "line" }, foreign(name))),
  lineOf(verifiedName ? say("lookalike.verified", { name: isolate(verifiedName) }) : say("lookalike.unverified")),
  lineOf(say("lookalike.service", { host: isolate(new URL(url).host) })),
];

/** @param {Account} account */
const accountOf = ({ accountName, appSpaceName }) =>
  accountName === appSpaceName ? null : lineOf(foreign(accountName));

/**
 * Tell whether the service has verified one of them.
 *
 * @param {AppSpaceIdentity} identity
 * @param {readonly Lookalike[]} lookalikes
 */
const isVerified = (identity, lookalikes) =>
  [identity, ...lookalikes.map(({ existing }) => existing)].some(hasVerifiedName);

/** @param {AppSpaceIdentity} identity */
const hasVerifiedName = ({ verifiedName }) => Boolean(verifiedName);

/** @param {Node | string} content */
const lineOf = (content) => element("span", { class: "line" }, content);
