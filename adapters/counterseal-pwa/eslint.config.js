// The rules of the packages for npm, whose tools check these sources too.
import { promiseRules, shared } from "../counterseal-js/eslint.config.js";

const STATIC = "src/counterseal_pwa/static/*.js";
const TESTS = "tests/node/*.js";
const NAMES = ["document", "history", "location", "navigator", "self", "window", "Blob", "Event", "Notification"];
const CLASSES = ["CustomEvent", "HTMLElement", "HTMLButtonElement", "IDBFactory", "Node", "caches"];
const globals = Object.fromEntries([...NAMES, ...CLASSES].map((name) => [name, "readonly"]));
const OF_NODE = { localStorage: "readonly", process: "readonly", setImmediate: "readonly" };

export default [
  ...shared,
  promiseRules(import.meta.dirname, [STATIC, TESTS], ["tsconfig.json", "tsconfig.worker.json", "tsconfig.tests.json"]),
  { ignores: ["node_modules/"] },
  // What a view disables while a call runs is its own button.
  { files: [STATIC], languageOptions: { globals }, rules: { "require-atomic-updates": "off" } },
  {
    files: [TESTS],
    languageOptions: { globals: { ...globals, ...OF_NODE } },
    rules: { "require-atomic-updates": "off" },
  },
];
