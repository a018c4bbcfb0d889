/** The page: loads the state of the demo again and again, and shows what has changed. */

import { byId } from "/app/dom.js";
import { CallFailed, loadSetting, loadState } from "./calls.js";
import { callbackCard, receiptCard } from "./evidence_view.js";
import { ForgeriesView } from "./forgeries_view.js";
import { machineCard } from "./machines_view.js";
import { ShopView } from "./shop_view.js";

/**
 * @typedef {import("./calls.js").MachineName} MachineName
 * @typedef {import("./calls.js").Setting} Setting
 * @typedef {import("./calls.js").State} State
 */

const EVERY = 400;
const APP = "/app/";
/** Where the web app keeps its accounts. */
const DATABASE = "counterseal";

/** @type {Record<string, string>} */
const PROBLEMS = {
  "": "The demo does not answer. Was it stopped? Start it again, and load this page anew.",
  request_too_often: "The service refused to ask: you were asked too often. Wait a minute, and try again.",
};

const phone = /** @type {HTMLIFrameElement} */ (byId("phone"));

/** @param {unknown} error */
function complain(error) {
  const code = error instanceof CallFailed ? error.code : String(error);
  const problem = byId("problem");
  problem.textContent = PROBLEMS[code] ?? `That did not work: ${code}`;
  problem.hidden = false;
}

/**
 * Delete what a phone of an earlier demo at this address has left, and nothing of other programs
 * that were at it.
 */
async function forgetPhones() {
  await new Promise((resolve) => {
    const deletion = window.indexedDB.deleteDatabase(DATABASE);
    for (const event of ["success", "error", "blocked"]) deletion.addEventListener(event, resolve);
  });
}

/**
 * Return a function that shows what has changed since its last call.
 *
 * @param {Setting} setting
 */
function shower(setting) {
  /** @type {Map<string, string>} */
  const known = new Map();
  /** @type {(id: string, value: unknown, make: () => Element) => void} */
  const replace = (id, value, make) => {
    const text = JSON.stringify(value);
    if (known.get(id) === text) return;
    known.set(id, text);
    byId(id).replaceWith(make());
  };
  return (/** @type {State} */ state) => {
    for (const name of /** @type {MachineName[]} */ (["binding", "challenge", "callback"])) {
      const machine = state.machines[name];
      replace(`machine-${name}`, machine, () => machineCard(name, setting.charts[name], machine));
    }
    replace("callback", state.callback, () => callbackCard(state.callback));
    replace("receipt", state.verdict, () => receiptCard(state.verdict));
  };
}

async function start() {
  const [setting, first] = await Promise.all([loadSetting(), loadState()]);
  if (first.machines.binding.moves.at(-1)?.state !== "ACTIVE") await forgetPhones();
  phone.src = APP;
  const none = { guid: null, moves: [] };
  byId("machines").replaceChildren(
    ...(/** @type {MachineName[]} */ (["binding", "challenge", "callback"])).map((name) =>
      machineCard(name, setting.charts[name], none),
    ),
  );
  byId("evidence").replaceChildren(callbackCard(null), receiptCard(null));
  const show = shower(setting);
  const refresh = async () => {
    const state = await loadState();
    shop.show(state);
    show(state);
  };
  /** @type {(work: () => Promise<void>) => Promise<void>} */
  const attempt = async (work) => {
    byId("problem").hidden = true;
    try {
      await work();
      await refresh();
    } catch (error) {
      complain(error);
    }
  };
  const shop = new ShopView(
    setting,
    (link) => {
      phone.src = link;
      phone.focus();
    },
    attempt,
  );
  new ForgeriesView(setting.forgeries, attempt);
  let isLost = false;
  for (;;) {
    try {
      await refresh();
      if (isLost) byId("problem").hidden = true;
      isLost = false;
    } catch (error) {
      isLost = true;
      complain(error);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, EVERY);
    });
  }
}

start().catch(complain);
