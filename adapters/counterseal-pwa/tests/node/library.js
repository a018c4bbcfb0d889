// Where Node finds the device library, which the app has below its own folder: see tests/test_modules.py.

import { registerHooks } from "node:module";

const STATIC = new URL("../../src/counterseal_pwa/static/", import.meta.url).href;
const LIBRARY = new URL("../../../counterseal-js/", import.meta.url).href;
const OF_LIBRARY = /^\.\/(?:device|wire)\//;

registerHooks({
  resolve(specifier, context, nextResolve) {
    const isOfLibrary = context.parentURL?.startsWith(STATIC) && OF_LIBRARY.test(specifier);
    return nextResolve(isOfLibrary ? new URL(specifier, LIBRARY).href : specifier, context);
  },
});
