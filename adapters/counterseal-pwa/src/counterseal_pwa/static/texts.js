/** Texts: all words of the app, in the languages that have a file. */

import { Misuse } from "./device/errors.js";
import { FOLDER } from "./version_folder.js";

const LANGUAGES = ["en", "de"];
const HOUR = 3600;

/** @type {Record<string, string>} */
let texts = {};
let locale = "en";

/** Load the words of the language that the person prefers; return its tag. */
export async function loadTexts() {
  const { language } = chooseLocale();
  readTexts(await (await fetch(addressOfTexts(language))).json());
  return language;
}

/**
 * Return where the words of a language are, below the app's address.
 *
 * @param {string} language
 */
export const addressOfTexts = (language) => `${FOLDER}texts/${language}.json`;

/** Choose the first language that the person prefers and the app has. */
export function chooseLocale() {
  const known = navigator.languages.find((tag) => LANGUAGES.includes(languageOf(tag)));
  locale = known ?? "en";
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

/** @param {string} tag */
const languageOf = (tag) => tag.slice(0, 2).toLowerCase();

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
