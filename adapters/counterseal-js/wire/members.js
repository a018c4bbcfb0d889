/** Members: reads the JSON objects of replies, and names the member that is wrong. */

import { isGuid, isMoment } from "./claims.js";
import { InvalidField } from "./errors.js";
import { isObject } from "./ijson.js";

/** Reads one object; unknown members are left alone, since a newer service may have more. */
export class Members {
  /**
   * @param {unknown} document
   * @param {string} [name]
   */
  constructor(document, name = "reply") {
    if (!isObject(document)) throw new InvalidField(name, "not an object");
    /** @readonly */
    this.document = document;
  }

  /**
   * @template T
   * @param {string} name
   * @param {(value: any) => value is T} fits
   * @returns {T}
   */
  read(name, fits) {
    const value = this.document[name];
    if (!fits(value)) throw new InvalidField(name, "missing, or of another type");
    return value;
  }

  /**
   * @template T
   * @param {string} name
   * @param {(value: any) => value is T} fits
   * @returns {T | null}
   */
  readOrNull(name, fits) {
    return (this.document[name] ?? null) === null ? null : this.read(name, fits);
  }

  /** @param {string} name */
  guid(name) {
    return this.read(name, isGuid);
  }

  /** @param {string} name */
  moment(name) {
    return this.read(name, isMoment);
  }

  /** @param {string} name */
  text(name) {
    return this.read(name, isText);
  }

  /** @param {string} name */
  textOrNull(name) {
    return this.readOrNull(name, isAnyText);
  }

  /** @param {string} name */
  flag(name) {
    return this.read(name, isFlag);
  }

  /** @param {string} name */
  count(name) {
    return this.read(name, isCount);
  }

  /**
   * @template T
   * @param {string} name
   * @param {(members: Members) => T} reader
   * @returns {T[]}
   */
  objects(name, reader) {
    const items = this.read(name, isList);
    return items.map((item, index) => reader(new Members(item, `${name}[${index}]`)));
  }

  /**
   * @template {string} T
   * @param {string} name
   * @param {readonly T[]} choices
   * @returns {T}
   */
  choice(name, choices) {
    /**
     * @param {unknown} value
     * @returns {value is T}
     */
    const isChoice = (value) => choices.some((each) => each === value);
    return this.read(name, isChoice);
  }
}

/**
 * Tell whether *value* is a text that is not empty.
 *
 * @param {unknown} value
 * @returns {value is string}
 */
const isText = (value) => typeof value === "string" && value !== "";

/**
 * @param {unknown} value
 * @returns {value is string}
 */
export const isAnyText = (value) => typeof value === "string";

/**
 * @param {unknown} value
 * @returns {value is boolean}
 */
export const isFlag = (value) => typeof value === "boolean";

/**
 * @param {unknown} value
 * @returns {value is number}
 */
export const isCount = (value) => Number.isSafeInteger(value) && Number(value) >= 0;

/**
 * @param {unknown} value
 * @returns {value is unknown[]}
 */
const isList = (value) => Array.isArray(value);
