/** I-JSON (RFC 7493): the strict reader, and the canonical writer (RFC 8785). */

import { InvalidField } from "./errors.js";

const DEPTH_LIMIT = 32;
const EXPONENT_FROM = 1e21;
const NONCHARACTER = /\p{Noncharacter_Code_Point}/u;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/y; // eslint-disable-line no-control-regex -- JSON has none of them
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const SPACE = /[ \t\n\r]*/y;
/** @type {ReadonlyMap<string, unknown>} */
const LITERALS = new Map(Object.entries({ true: true, false: false, null: null }));

/**
 * @param {unknown} value
 * @returns {value is Record<string, any>}
 */
export const isObject = (value) =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/**
 * Tell whether I-JSON can hold *text*: no lone surrogate and no noncharacter.
 *
 * @param {string} text
 * @returns {boolean}
 */
export const isPlain = (text) => text.isWellFormed() && !NONCHARACTER.test(text);

/**
 * Tell whether *number* is finite and, where its canonical form has only digits, exact.
 *
 * @param {number} number
 * @returns {boolean}
 */
const isExact = (number) =>
  Number.isFinite(number) &&
  (!Number.isInteger(number) || Number.isSafeInteger(number) || Math.abs(number) >= EXPONENT_FROM);

/** Reads one text, from its start to its end. */
class Reader {
  /**
   * @param {string} text
   * @param {boolean} integers
   */
  constructor(text, integers) {
    this.text = text;
    this.integers = integers;
    this.at = 0;
  }

  /** @returns {never} */
  fail() {
    throw new InvalidField("json", "not I-JSON");
  }

  /**
   * Return what *pattern* matches here, and go on behind it.
   *
   * @param {RegExp} pattern Sticky.
   * @returns {string}
   */
  match(pattern) {
    pattern.lastIndex = this.at;
    const [text] = pattern.exec(this.text) ?? this.fail();
    this.at += text.length;
    return text;
  }

  /** @param {string} mark */
  expect(mark) {
    if (!this.text.startsWith(mark, this.at)) this.fail();
    this.at += mark.length;
  }

  /** @returns {string} */
  string() {
    const text = JSON.parse(this.match(STRING));
    return isPlain(text) ? text : this.fail();
  }

  /** @returns {unknown} */
  number() {
    const text = this.match(NUMBER);
    const number = Number(text);
    const digitsOnly = /^-?[0-9]+$/.test(text);
    if (!isExact(number) || (digitsOnly && !Number.isSafeInteger(number))) this.fail();
    // An object is no integer, whatever a reader of claims demands.
    return this.integers && !digitsOnly ? Object(number) : number + 0; // and no -0
  }

  /**
   * @param {string} close
   * @param {() => void} item
   */
  items(close, item) {
    this.match(SPACE);
    while (this.text[this.at] !== close) {
      item();
      this.match(SPACE);
      if (this.text[this.at] === close) break;
      this.expect(",");
      this.match(SPACE);
      if (this.text[this.at] === close) this.fail();
    }
    this.expect(close);
  }

  /**
   * @param {number} depth
   * @returns {unknown}
   */
  value(depth) {
    this.match(SPACE);
    const value = this.bareValue(depth);
    this.match(SPACE);
    return value;
  }

  /**
   * @param {number} depth
   * @returns {unknown}
   */
  bareValue(depth) {
    const mark = this.text[this.at];
    if (mark === '"') return this.string();
    if (mark === "{" || mark === "[") {
      if (depth >= DEPTH_LIMIT) this.fail();
      this.at += 1;
      return mark === "{" ? this.object(depth + 1) : this.list(depth + 1);
    }
    for (const [literal, value] of LITERALS) {
      if (this.text.startsWith(literal, this.at)) {
        this.at += literal.length;
        return value;
      }
    }
    return this.number();
  }

  /** @param {number} depth */
  object(depth) {
    /** @type {Map<string, unknown>} */
    const members = new Map();
    this.items("}", () => {
      const name = this.string();
      if (members.has(name)) this.fail();
      this.match(SPACE);
      this.expect(":");
      members.set(name, this.value(depth));
    });
    return Object.fromEntries(members);
  }

  /** @param {number} depth */
  list(depth) {
    /** @type {unknown[]} */
    const items = [];
    this.items("]", () => items.push(this.value(depth)));
    return items;
  }
}

/**
 * Read JSON as `JSON.parse` does, but refuse a member given twice and what I-JSON cannot hold.
 *
 * @param {string} text
 * @param {{integers?: boolean}} [how] `integers`: return a number that is written with a fraction
 *   or an exponent as a Number object, so that it passes for no integer.
 * @returns {any}
 * @throws {InvalidField}
 */
export function readJson(text, { integers = false } = {}) {
  const reader = new Reader(text, integers);
  const value = reader.value(0);
  return reader.at === text.length ? value : reader.fail();
}

/**
 * Return the canonical JSON of *value* (RFC 8785).
 *
 * @param {unknown} value
 * @returns {string}
 * @throws {InvalidField} I-JSON cannot hold it.
 */
export function canonical(value) {
  if (value === null || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "string" && isPlain(value)) return JSON.stringify(value);
  if (typeof value === "number" && isExact(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (isObject(value) && Object.getPrototypeOf(value) === Object.prototype) {
    const members = Object.keys(value)
      .sort()
      .map((name) => `${canonical(name)}:${canonical(value[name])}`);
    return `{${members.join(",")}}`;
  }
  throw new InvalidField("json", "I-JSON cannot hold it");
}

/**
 * Tell whether two JSON values are equal; neither true nor 1.5 is 1.
 *
 * @param {unknown} one
 * @param {unknown} other
 * @returns {boolean}
 */
export function equalJson(one, other) {
  try {
    return canonical(one) === canonical(other);
  } catch {
    return false;
  }
}
