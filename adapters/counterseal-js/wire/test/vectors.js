// The vectors of the wire, in tests/vectors, or in the folder that VECTORS names.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { ROLES } from "../enrolment.js";
import { readPublicKey } from "../keys.js";

const FOLDER = process.env.VECTORS
  ? pathToFileURL(`${process.env.VECTORS}/`)
  : new URL("../../../../tests/vectors/", import.meta.url);

/** A list of vectors, which notes those that a test has read. */
class Vectors extends Array {
  read = new Set();

  *[Symbol.iterator]() {
    for (let at = 0; at < this.length; at += 1) {
      this.read.add(at);
      yield this[at];
    }
  }
}

const documents = new Map();

/** Return the content of one file. */
export function readVectors(name) {
  if (!documents.has(name)) {
    const document = JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"));
    for (const [member, value] of Object.entries(document)) {
      if (Array.isArray(value)) document[member] = Vectors.from(value);
    }
    documents.set(name, document);
  }
  return documents.get(name);
}

/** Return how many vectors of a file the tests have read, and how many there are. */
function countLists(name, lists) {
  const all = Object.entries(readVectors(name)).filter(([, value]) => value instanceof Vectors);
  const counted = all.filter(([member]) => lists === undefined || lists.includes(member));
  const sum = (count) => counted.reduce((total, [, vectors]) => total + count(vectors), 0);
  return [sum((vectors) => vectors.read.size), sum((vectors) => vectors.length)];
}

let count = 0;

/** How many vectors this program has passed. */
export const passed = () => count;

/**
 * Demand that the tests have read every vector.
 *
 * @param {Record<string, string[] | undefined>} files The lists of each file; all, if undefined.
 * @param {{diagnostic(text: string): void}} [context] Of the test.
 */
export function demandAllRead(files, context) {
  for (const [name, lists] of Object.entries(files)) {
    const [read, total] = countLists(name, lists);
    if (read !== total) throw new Error(`${name}: ${read} of ${total} vectors`);
    count += total;
  }
  context?.diagnostic(`vectors: ${count}`);
}

/** The keys of the vectors, by their names. */
export const KEYS = Object.fromEntries(
  Array.from(readVectors("keys").keys.slice(), (key) => [key.name, key]),
);

const displays = readVectors("display");

/** Return the service as the vectors have it, with the keys of the device of one algorithm. */
export async function serviceWith(context, alg) {
  const keys = ROLES.map(async (role) => ({
    role,
    ...(await readPublicKey(KEYS[`${alg.toLowerCase()}-${role}`].public)),
  }));
  return {
    device: context.devices[alg],
    account: context.account.guid,
    appSpace: context.appSpace.guid,
    keys: await Promise.all(keys),
    challenges: Object.fromEntries(
      displays.valid.map((each) => [each.document.challenge, each]),
    ),
    code: readVectors("answer").matchingCode,
  };
}
