// The app's English words, for the modules that say something.

import { readFileSync } from "node:fs";
import { readTexts } from "../../src/counterseal_pwa/static/texts.js";

const ENGLISH = new URL("../../src/counterseal_pwa/static/texts/en.json", import.meta.url);
readTexts(JSON.parse(readFileSync(ENGLISH, "utf-8")));
