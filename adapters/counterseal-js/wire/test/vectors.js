// The vectors of the wire, in tests/vectors, or in the folder that VECTORS names.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { ROLES } from "../enrolment.js";
import { readPublicKey } from "../keys.js";

const FOLDER = process.env.VECTORS
  ? pathToFileURL(`${process.env.VECTORS}/`)
  : new URL("../../../../tests/vectors/", import.meta.url);

/** Return the content of one file. */
export const readVectors = (name) =>
  JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"));

/** The keys of the vectors, by their names. */
export const KEYS = Object.fromEntries(readVectors("keys").keys.map((key) => [key.name, key]));

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
