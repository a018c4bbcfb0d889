/** The view of a request that is open no more: which one it was, and how it ended. */

import { element, foreign } from "./dom.js";
import { homeLink } from "./home_link.js";
import { summaryOf } from "./summaries.js";
import { say, writeMoment } from "./texts.js";

/** @typedef {import("./app.js").ViewContext} ViewContext */
/** @typedef {import("./device/index.js").Account} Account */
/** @typedef {import("./device/index.js").Display} Display */
/** @typedef {import("./device/index.js").EndedRequest} EndedRequest */

/**
 * @param {ViewContext} context
 * @param {readonly Account[]} accounts Those whose request it may be.
 * @param {string} guid
 * @param {{display?: Display, isExpired?: boolean}} [known] What it asked, if that is known; whether its
 *   time is over, which the service may not have noted.
 */
export async function showEnding(context, accounts, guid, { display, isExpired = false } = {}) {
  const ended = await findEnded(accounts, guid);
  const kind = ended ? kindOf(ended) : isExpired ? "expired" : "unknown";
  context.fill(
    say(`ended.${kind}`),
    display ? aboutOf(display) : null,
    element("p", {}, say(`ended.${kind}.about`)),
    ended && element("p", { class: "quiet" }, writeMoment(ended.endedAt)),
    homeLink(),
  );
}

/**
 * Return which request it was.
 *
 * @param {Display} display
 */
export const aboutOf = (display) =>
  element(
    "p",
    { class: "text about" },
    element("strong", {}, foreign(display.origin.name)),
    "\n",
    foreign(summaryOf(display), { lines: true, written: display.action !== undefined }),
  );

/**
 * Return how a request ended, as far as a service says it.
 *
 * @param {readonly Account[]} accounts
 * @param {string} guid
 * @returns {Promise<EndedRequest | null>}
 */
async function findEnded(accounts, guid) {
  const lists = await Promise.all(accounts.map((account) => account.ended().catch(() => [])));
  return lists.flat().find((request) => request.guid === guid) ?? null;
}

/**
 * Return the key of how a request ended.
 *
 * @param {EndedRequest} ended
 */
export function kindOf({ answeredHere, approved, state }) {
  if (state === "CANCELLED") return "withdrawn";
  if (state === "EXPIRED") return "expired";
  if (state === "FAILED") return "failed";
  if (state === "DISOWNED") return answeredHere ? "disowned_here" : "disowned";
  if (approved) return answeredHere ? "approved_here" : "approved";
  return answeredHere ? "refused_here" : "refused";
}
