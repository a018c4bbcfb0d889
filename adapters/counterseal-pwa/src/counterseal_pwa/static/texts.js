/** Texts: all words of the app, in the languages that have a file. */

import { Misuse } from "./device/errors.js";
import { FOLDER } from "./version_folder.js";

/**
 * The languages that have a file, and the direction in which each is written.
 *
 * @type {Readonly<Record<string, "ltr" | "rtl">>}
 */
const DIRECTIONS = { en: "ltr", de: "ltr", fr: "ltr", es: "ltr", it: "ltr" };
const FALLBACK = "en";
const HOUR = 3600;

/** @type {Record<string, string>} */
let texts = {};
let locale = FALLBACK;

/**
 * Load the words of the language that the person prefers, or the English ones if they cannot be had.
 *
 * @returns {Promise<{language: string, direction: "ltr" | "rtl"}>}
 */
export async function loadTexts() {
  let { language } = chooseLocale();
  try {
    readTexts(await fetchTexts(language));
  } catch (error) {
    if (language === FALLBACK) throw error;
    readTexts(await fetchTexts(FALLBACK));
    locale = language = FALLBACK;
  }
  return { language, direction: DIRECTIONS[language] ?? "ltr" };
}

/** @param {string} language */
async function fetchTexts(language) {
  const response = await fetch(addressOfTexts(language));
  if (!response.ok) throw new Misuse("texts_missing", language);
  return response.json();
}

/**
 * Return where the words of a language are, below the app's address.
 *
 * @param {string} language
 */
export const addressOfTexts = (language) => `${FOLDER}texts/${language}.json`;

/**
 * Tell whether this person needs a file of the app: words of other languages they do not.
 *
 * @param {string} address Below the app's.
 */
export const isNeeded = (address) =>
  !address.startsWith(`${FOLDER}texts/`) ||
  [languageOf(preferredLocale()), FALLBACK].map(addressOfTexts).includes(address);

/** Return the tag that the person prefers among those that the app has, whether or not it was loaded. */
export const preferredLocale = () =>
  navigator.languages.find((tag) => Object.hasOwn(DIRECTIONS, languageOf(tag))) ?? FALLBACK;

/** Choose the first language that the person prefers and the app has, or else English. */
export function chooseLocale() {
  locale = preferredLocale();
  return { locale, language: languageOf(locale) };
}

/**
 * Use *words* from now on.
 *
 * @param {Record<string, string>} words
 */
export function readTexts(words) {
  texts = words;
}

/** Return the tag by whose rules moments and numbers are written. */
export const currentLocale = () => locale;

/** Tell whether there are words. */
export const hasTexts = () => Object.keys(texts).length > 0;

/**
 * Return the language of a tag (RFC 5646, 2.2.1).
 *
 * @param {string} tag
 */
const languageOf = (tag) => tag.replace(/-.*/u, "").toLowerCase();

/**
 * Return the text of *key*, with *values* in the place of `{name}`.
 *
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function say(key, values = {}) {
  const text = texts[key];
  if (text === undefined) throw new Misuse("text_missing", key);
  return text.replace(/\{(\w+)\}/gu, (_, name) => String(values[name]));
}

/** @type {Intl.DateTimeFormatOptions} */
const MOMENT = { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };

/**
 * Return a moment of RFC 3339 as people of the language write it, in local time with its zone.
 *
 * @param {string} moment
 */
export const writeMoment = (moment) => new Date(moment).toLocaleString(locale, MOMENT);

/**
 * Return a span: of an hour and more as hours and minutes, otherwise as minutes and seconds.
 *
 * @param {number} milliseconds
 */
export function writeSpan(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  if (seconds >= HOUR) {
    return say("span", { hours: Math.floor(seconds / HOUR), minutes: Math.floor((seconds % HOUR) / 60) });
  }
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
