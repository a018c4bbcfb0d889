// What the tests need of Node, in a browser: its test runner, some of its assertions, and files.

globalThis.process = { env: {} };

/** @type {[string, () => unknown][]} */
const tests = [];
const before = [];

export const test = (name, body) => tests.push([name, body]);
export const beforeEach = (body) => before.push(body);

/** Run what was registered, and return the failures by the names of the tests. */
export async function run() {
  const failures = {};
  addEventListener("unhandledrejection", ({ reason }) => {
    failures[`unhandled rejection ${Object.keys(failures).length}`] = String(reason?.stack ?? reason);
  });
  for (const [name, body] of tests) {
    try {
      for (const each of before) await each();
      await body();
    } catch (error) {
      // In Firefox a stack has no message.
      failures[name] = `${error}\n${error?.stack ?? ""}`;
    }
  }
  return { count: tests.length, failures };
}

const plain = (value) =>
  JSON.stringify(value, (_, each) => {
    if (typeof each === "bigint") return `${each}n`;
    const isRecord = each !== null && typeof each === "object" && !Array.isArray(each);
    return isRecord ? Object.fromEntries(Object.entries(each).sort()) : each;
  });

function demand(condition, message, actual) {
  if (!condition) throw new Error(`${message ?? "not as expected"}: ${plain(actual)}`);
}

const fits = (error, expected) => {
  if (typeof expected === "function") {
    return expected.prototype instanceof Error ? error instanceof expected : expected(error);
  }
  return Object.entries(expected).every(([name, value]) =>
    value instanceof RegExp ? value.test(error[name]) : error[name] === value,
  );
};

const assert = {
  ok: (value, message) => demand(value, message),
  equal: (actual, expected, message) => demand(Object.is(actual, expected), message, actual),
  notEqual: (actual, other, message) => demand(!Object.is(actual, other), message, actual),
  deepEqual: (actual, expected, message) =>
    demand(plain(actual) === plain(expected), message, actual),
  notDeepEqual: (actual, other, message) => demand(plain(actual) !== plain(other), message, actual),
  match: (actual, pattern, message) => demand(pattern.test(actual), message, actual),
  throws(call, expected, message) {
    try {
      call();
    } catch (error) {
      return demand(fits(error, expected), message, error.message);
    }
    return demand(false, message ?? "nothing was thrown");
  },
  async rejects(call, expected, message) {
    try {
      await (typeof call === "function" ? call() : call);
    } catch (error) {
      return demand(fits(error, expected), message, error.message);
    }
    return demand(false, message ?? "nothing was thrown");
  },
};
export default assert;

/** Read a file that the server of the tests has. */
export function readFileSync(url) {
  const request = new XMLHttpRequest();
  request.open("GET", url, false);
  request.send();
  if (request.status !== 200) throw new Error(`${request.status} ${url}`);
  return request.responseText;
}

export const pathToFileURL = (path) => new URL(path, location.href);
