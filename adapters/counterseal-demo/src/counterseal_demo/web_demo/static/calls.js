/** Calls of the demo's own server. */

/**
 * @typedef {{key: string, value: string}} Pair
 * @typedef {{source: string, event: string, target: string}} Row
 * @typedef {{states: string[], finished: string[], rows: Row[]}} Chart
 * @typedef {{name: string, description: string}} Forgery
 * @typedef {"binding" | "challenge" | "callback"} MachineName
 * @typedef {{order: {title: string, pairs: Pair[]}, charts: Record<MachineName, Chart>, forgeries: Forgery[]}} Setting
 * @typedef {{state: string, event: string, at: string}} Move
 * @typedef {{guid: string | null, moves: Move[]}} Machine
 * @typedef {{headers: Record<string, string>, body: string, problem: string}} Callback
 * @typedef {object} Receipt
 * @property {string} state
 * @property {string | null} button
 * @property {string} role
 * @property {string} algorithm
 * @property {string} at
 * @property {number} number
 * @property {string} hash
 * @property {string} issuer
 * @property {string} token
 * @typedef {{outcome: string, receipt: Receipt | null}} Verdict
 * @typedef {object} State
 * @property {Record<MachineName, Machine>} machines
 * @property {{code: string, expiresAt: string} | null} question
 * @property {Callback | null} callback
 * @property {Verdict | null} verdict
 * @typedef {{status: number, phrase: string, code: string, reason: string, refused: boolean}} SentForgery
 */

const CALLS = "/demo/calls/";

/** The demo's server did not do what it was called for. */
export class CallFailed extends Error {
  /** @param {string} code Of the service, or empty if there was no reply. */
  constructor(code) {
    super(code);
    /** @readonly */
    this.code = code;
  }
}

/** @returns {Promise<Setting>} */
export const loadSetting = () => call("setting", "GET");

/** @returns {Promise<State>} */
export const loadState = () => call("state", "GET");

/** @returns {Promise<{link: string, code: string[]}>} */
export const connect = () => call("connect", "POST");

/** @returns {Promise<unknown>} */
export const pay = () => call("pay", "POST");

/** @returns {Promise<unknown>} */
export const cancel = () => call("cancel", "POST");

/**
 * @param {number} number Counted from 0.
 * @returns {Promise<SentForgery>}
 */
export const sendForgery = (number) => call(`forgeries/${number}`, "POST");

/**
 * @param {string} name
 * @param {"GET" | "POST"} method
 * @returns {Promise<any>}
 * @throws {CallFailed}
 */
async function call(name, method) {
  let response;
  try {
    response = await fetch(CALLS + name, { method });
  } catch {
    throw new CallFailed("");
  }
  const document = await response.json().catch(() => ({}));
  if (!response.ok) throw new CallFailed(String(document.code ?? response.status));
  return document;
}
