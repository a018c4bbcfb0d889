/** The warning before an account is added whose App Space looks like that of another account. */

import { element, foreign, isolate } from "./dom.js";
import { nameOf, ownerOf } from "./identity.js";
import { say } from "./texts.js";

/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Invitation} Invitation */
/** @typedef {import("./device/index.js").Lookalike<Account>} Lookalike */

/**
 * Return the warning, which says what differs; its box has to be ticked before the form is sent.
 *
 * @param {Invitation} invitation What is about to be added.
 * @param {string} service The address of its service.
 * @param {readonly Lookalike[]} lookalikes One or more.
 */
export const lookalikeWarning = (invitation, service, lookalikes) =>
  element(
    "div",
    { class: "notice", role: "group", "aria-labelledby": "lookalike" },
    element("h2", { id: "lookalike" }, say("lookalike.title")),
    element("p", {}, say("lookalike.about")),
    element(
      "dl",
      { class: "pairs" },
      element("dt", {}, say("lookalike.new")),
      element("dd", { class: "owner" }, ...linesOf(invitation, service)),
      ...lookalikes.flatMap(({ existing }) => [
        element("dt", {}, say("lookalike.existing")),
        element("dd", { class: "owner" }, ...linesOf(existing, existing.url), nameOf(existing)),
      ]),
    ),
    hasVerified([invitation, ...lookalikes.map(({ existing }) => existing)])
      ? null
      : element("p", {}, say("lookalike.neither")),
    element(
      "label",
      { class: "choice" },
      element("input", { type: "checkbox", name: "different", required: true }),
      element("span", {}, say("lookalike.confirm")),
    ),
  );

/**
 * @param {Invitation | Account} identity
 * @param {string} service
 */
const linesOf = (identity, service) => [
  element("strong", {}, foreign(identity.appSpaceName)),
  ownerOf(identity),
  element("span", {}, say("lookalike.service", { host: isolate(new URL(service).host) })),
];

/** @param {readonly (Invitation | Account)[]} identities */
const hasVerified = (identities) => identities.some(({ verifiedName }) => verifiedName !== null);
