import { readFileSync } from "node:fs";

import js from "@eslint/js";
import globals from "globals";
import { parser, plugin } from "typescript-eslint";

/** The words that say too little as names, in Python and here. */
const WORDS = new URL("../../tests/unit/test_words.py", import.meta.url);
const lists = readFileSync(WORDS, "utf-8").matchAll(/^(?:PARTICIPLES|WORDS) = """\n([^"]*)"""/gm);
const words = [...lists].flatMap(([, list]) => list.trim().split(/\s+/));
/** A member of outcomes, a document's verb, and a member of the record that the Python client reads too. */
const exceptions = ["kept", "read", "sent"];

const SOURCES = ["wire/*.js", "device/*.js", "origin/*.js"];
const TESTS = ["*/test/*.js", "tests/*.js", "tests/browser/*.js"];

/** The runner of Node's tests waits for the tests. */
const RUNNER = [{ from: "package", package: "node:test", name: "test" }];

/**
 * Return the rules that need types: no promise is forgotten, or taken for its value.
 *
 * Their plugin needs the compiler's programming interface, which TypeScript 7 has not: in
 * package.json, `typescript` is the version before, and `tsc` the compiler that checks the types.
 *
 * @param {string} folder The folder of the projects.
 * @param {string[]} files
 * @param {string[]} projects Their settings for the compiler.
 */
export const promiseRules = (folder, files, projects = ["tsconfig.json"]) => ({
  files,
  plugins: { "@typescript-eslint": plugin },
  languageOptions: {
    parser,
    parserOptions: { project: projects, tsconfigRootDir: folder },
  },
  rules: {
    "@typescript-eslint/await-thenable": "error",
    "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafeCalls: RUNNER }],
    "@typescript-eslint/no-misused-promises": "error",
  },
});

export const shared = [
  { ignores: ["build/"] },
  js.configs.recommended,
  {
    languageOptions: { globals: globals["shared-node-browser"] },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "func-style": ["error", "declaration", { allowArrowFunctions: true }],
      "no-console": "error",
      "no-implicit-coercion": "error",
      "no-promise-executor-return": "error",
      "no-shadow": "error",
      "no-unused-private-class-members": "error",
      "no-unused-vars": ["error", { varsIgnorePattern: "^_", argsIgnorePattern: "^_" }],
      "no-use-before-define": ["error", { functions: false, variables: false }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
      "require-atomic-updates": "error",
    },
  },
  {
    files: SOURCES,
    rules: { "id-denylist": ["error", ...words.filter((word) => !exceptions.includes(word))] },
  },
  { files: ["device/*.js", "tests/browser/*.js"], languageOptions: { globals: globals.browser } },
  {
    files: ["*.js", ...TESTS],
    languageOptions: { globals: globals.node },
    // A test's service is one object, which nobody else changes.
    rules: { "require-atomic-updates": "off" },
  },
];

export default [
  ...shared,
  promiseRules(import.meta.dirname, [...SOURCES, ...TESTS], ["tsconfig.tests.json"]),
];
