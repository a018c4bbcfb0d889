// Texts: which language a person gets, and what becomes of one that cannot be loaded.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { afterEach, test } from "node:test";

import { installBrowser } from "./fake_browser.js";

const { navigator } = installBrowser();
const { chooseLocale, currentLocale, loadTexts, say } = await import("../../src/counterseal_pwa/static/texts.js");

const FILES = new URL("../../src/counterseal_pwa/static/texts/", import.meta.url);
const HAD = readdirSync(FILES).map((name) => name.replace(".json", "")).sort();
const { fetch } = globalThis;

afterEach(() => {
  globalThis.fetch = fetch;
});

/** Answer with the name of the language as its only text, or with what *broken* says of it. */
function serveTexts(broken = {}) {
  const asked = [];
  globalThis.fetch = async (address) => {
    const [, language] = /texts\/(\w+)\.json$/.exec(address);
    asked.push(language);
    return broken[language]?.() ?? Response.json({ cancel: language });
  };
  return asked;
}

function choose(...languages) {
  navigator.languages = languages;
  return chooseLocale();
}

test("each language that has a file is chosen, in any spelling of its tag, and no other", () => {
  assert.deepEqual(HAD, ["de", "en", "es", "fr", "it"]);
  for (const language of HAD) {
    for (const tag of [language, `${language}-CH`, language.toUpperCase(), `${language}-Latn-CH`]) {
      assert.deepEqual(choose("nl", tag, "en"), { locale: tag, language });
    }
  }
});

test("what the app has not falls to what the person prefers next, and then to English", () => {
  assert.equal(choose("nl-NL", "it-CH", "fr").language, "it");
  // Languages whose tags begin as others: Slave, Northern Frisian, Estonian's macrolanguage.
  for (const tag of ["den", "frr", "est", "constructor"]) {
    assert.equal(choose(tag, "es-ES").language, "es");
    assert.deepEqual(choose(tag), { locale: "en", language: "en" });
  }
  assert.equal(choose().language, "en");
});

test("the page learns the language and its direction", async () => {
  navigator.languages = ["fr-CA", "en"];
  const asked = serveTexts();
  assert.deepEqual(await loadTexts(), { language: "fr", direction: "ltr" });
  assert.deepEqual(asked, ["fr"]);
  assert.equal(say("cancel"), "fr");
  assert.equal(currentLocale(), "fr-CA");
});

const BROKEN = {
  "that cannot be reached": () => {
    throw new TypeError("Failed to fetch");
  },
  "that is not there": () => Response.json({ cancel: "Not Found" }, { status: 404 }),
  "that is cut": () => new Response('{"cancel": "An'),
};
for (const [how, reply] of Object.entries(BROKEN)) {
  test(`in place of a file ${how} come the English words, and its moments and numbers`, async () => {
    navigator.languages = ["fr-CA"];
    const asked = serveTexts({ fr: reply });
    assert.deepEqual(await loadTexts(), { language: "en", direction: "ltr" });
    assert.deepEqual(asked, ["fr", "en"]);
    assert.equal(say("cancel"), "en");
    assert.equal(currentLocale(), "en");
  });

  test(`without the English words a file ${how} fails the start`, async () => {
    navigator.languages = ["en"];
    const asked = serveTexts({ en: reply });
    await assert.rejects(loadTexts());
    assert.deepEqual(asked, ["en"]);
  });
}
