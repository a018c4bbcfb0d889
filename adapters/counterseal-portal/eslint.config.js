// The rules of the packages for npm, whose tools check these sources too.
import { promiseRules, shared } from "../counterseal-js/eslint.config.js";

const STATIC = "src/counterseal_portal/static/*.js";
const NAMES = ["document", "navigator", "location", "window", "createImageBitmap", "btoa", "atob", "fetch"];
const CLASSES = ["Blob", "HTMLButtonElement", "HTMLElement", "HTMLFormElement", "HTMLInputElement", "DOMException"];
const globals = Object.fromEntries([...NAMES, ...CLASSES].map((name) => [name, "readonly"]));

export default [
  ...shared,
  promiseRules(import.meta.dirname, [STATIC]),
  { files: [STATIC], languageOptions: { globals } },
];
