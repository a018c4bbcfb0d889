/** Action rows: what an agent says about itself, and the end of an approval, apart from the action. */

/** @typedef {import("../wire/display.js").Display} Display */
/** @typedef {{key: string, value: string}} Row */
/** @typedef {"agent" | "run" | "purpose"} Claim */

/**
 * The labels of the rows with which every action ends, in their order, by language.
 *
 * The service writes them; `commonRows` of the vectors `action.json` has the same.
 *
 * @type {Readonly<Record<string, Readonly<Record<Claim | "validUntil", string>>>>}
 */
export const COMMON_LABELS = {
  de: { agent: "Agent", run: "Lauf", purpose: "Zweck", validUntil: "Gültig bis" },
  en: { agent: "Agent", run: "Run", purpose: "Purpose", validUntil: "Valid until" },
  es: { agent: "Agente", run: "Ejecución", purpose: "Motivo", validUntil: "Válido hasta" },
  fr: { agent: "Agent", run: "Exécution", purpose: "Motif", validUntil: "Valable jusqu'au" },
  it: { agent: "Agente", run: "Esecuzione", purpose: "Motivo", validUntil: "Valido fino al" },
};
/**
 * The label of a payment's row that says who is paid, by language.
 *
 * @type {Readonly<Record<string, string>>}
 */
export const PAYEE_LABELS = {
  an: "Beneficiario",
  ch: "Bénéficiaire",
  sh: "Payee",
};
/** @type {readonly Claim[]} */
const CLAIMS = ["agent", "run", "purpose"];

/**
 * Return the rows of an action by what they are; their order stays.
 *
 * @param {Pick<Display, "action" | "content">} display
 * @returns {{rows: Row[], claims: (Row & {claim: Claim})[], end: Row | null}} `claims`: what the agent
 *   says, where the labels are those of the action's language; `end`: the row of `validUntil`, if it
 *   says the same. Without it, every row is one of `rows`.
 */
export function splitActionRows({ action, content }) {
  const rows = "keys" in content ? [...content.keys] : [];
  const moment = action ? writeMoment(action.validUntil) : "";
  const end = rows.at(-1)?.value === moment ? (rows.pop() ?? null) : null;
  const { language = "" } = action ?? {};
  const labels = Object.hasOwn(COMMON_LABELS, language) ? COMMON_LABELS[language] : undefined;
  /** @type {(Row & {claim: Claim})[]} */
  const claims = [];
  for (const claim of CLAIMS.toReversed()) {
    const row = end && labels && rows.at(-1)?.key === labels[claim] && rows.pop();
    if (row) claims.unshift({ claim, ...row });
  }
  return { rows, claims, end };
}

/**
 * Return a moment as the service writes it in a row.
 *
 * @param {string} moment
 */
const writeMoment = (moment) => `${moment.slice(0, 10)} ${moment.slice(11, 19)} UTC`;
