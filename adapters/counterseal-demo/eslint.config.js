// The rules of the packages for npm, whose tools check these sources too.
import { promiseRules, shared } from "../counterseal-js/eslint.config.js";

const STATIC = "src/counterseal_demo/web_demo/static/*.js";
const NAMES = ["document", "window", "HTMLElement", "Node"];
const globals = Object.fromEntries(NAMES.map((name) => [name, "readonly"]));

export default [
  ...shared,
  promiseRules(import.meta.dirname, [STATIC]),
  // What a view disables while a call runs is its own button.
  { files: [STATIC], languageOptions: { globals }, rules: { "require-atomic-updates": "off" } },
];
