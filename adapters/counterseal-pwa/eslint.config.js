// The rules of the packages for npm, whose tools check these sources too.
import { promiseRules, shared } from "../counterseal-js/eslint.config.js";

const STATIC = "src/counterseal_pwa/static/*.js";
const NAMES = ["document", "history", "location", "navigator", "self", "window", "Blob", "Event", "Notification"];
const CLASSES = ["CustomEvent", "HTMLElement", "HTMLButtonElement", "IDBFactory", "Node", "caches"];
const globals = Object.fromEntries([...NAMES, ...CLASSES].map((name) => [name, "readonly"]));

export default [
  ...shared,
  promiseRules(import.meta.dirname, [STATIC], ["tsconfig.json", "tsconfig.worker.json"]),
  { ignores: ["node_modules/"] },
  // What a view disables while a call runs is its own button.
  { files: [STATIC], languageOptions: { globals }, rules: { "require-atomic-updates": "off" } },
];
