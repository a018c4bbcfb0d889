import assert from "node:assert/strict";
import { test } from "node:test";

import { readVectors } from "../../wire/test/vectors.js";
import { COMMON_LABELS, PAYEE_LABELS, splitActionRows } from "../action_rows.js";

const { commonRows, valid: vectors } = readVectors("action");

test("the labels of the last rows are those that the service writes, in their order", () => {
  assert.deepEqual(COMMON_LABELS, commonRows);
  for (const [language, labels] of Object.entries(COMMON_LABELS)) {
    assert.deepEqual(Object.keys(labels), Object.keys(commonRows[language]));
  }
});

test("the rows of an agent's claims and of the end are told apart in every rendering", () => {
  const languages = new Set();
  for (const { about, action, content } of vectors.slice()) {
    const { language = "en", validUntil } = action;
    const display = { action: { language, validUntil }, content };
    const { rows, claims, end } = splitActionRows(display);
    const expected = ["agent", "run", "purpose"].filter((claim) => claim in action);
    assert.deepEqual(
      claims,
      expected.map((claim) => ({ claim, key: commonRows[language][claim], value: action[claim] })),
      about,
    );
    assert.equal(end?.key, commonRows[language].validUntil, about);
    assert.deepEqual([...rows, ...claims, end].map(({ key, value }) => ({ key, value })), content.keys);
    if (expected.length === 3) languages.add(language);
  }
  assert.deepEqual([...languages].sort(), Object.keys(commonRows).sort());
});

test("an end that says another moment, and labels of another language, are ordinary rows", () => {
  const [{ action, content }] = vectors.slice();
  const display = { action: { language: "en", validUntil: "2026-03-01T12:12:01.000Z" }, content };
  assert.deepEqual(splitActionRows(display), { rows: content.keys, claims: [], end: null });
  for (const language of ["nl", "constructor"]) {
    const other = { action: { language, validUntil: action.validUntil }, content };
    assert.deepEqual(splitActionRows(other).claims, []);
  }
});

test("the label of the payee is the one that the service writes, in each language", () => {
  const languages = new Set();
  for (const { about, action, content } of vectors.slice()) {
    const { language = "en", type } = action;
    if (type !== "payment" || !Object.hasOwn(PAYEE_LABELS, language)) continue;
    languages.add(language);
    const row = content.keys.find(({ key }) => key === PAYEE_LABELS[language]);
    assert.ok(row, about);
  }
  assert.deepEqual([...languages].sort(), Object.keys(PAYEE_LABELS).sort());
});
