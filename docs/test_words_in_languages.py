"""Words in five languages: each text uses the word that the page has for the term."""

import json
import re
from pathlib import Path

import pytest

from counterseal.actions import COMMON_TEXTS, STANDARD_ACTIONS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "words-in-five-languages.md"
FOLDERS = (
    "adapters/counterseal-pwa/src/counterseal_pwa/static/texts",
    "adapters/counterseal-server/src/counterseal_server/texts",
    "adapters/counterseal-demo/src/counterseal_demo/texts",
)
LANGUAGES = ("de", "fr", "es", "it")
NOUNS = (
    *("account", "app", "browser", "code", "computer", "device", "document", "key", "link"),
    *("page", "passkey", "payment", "phone", "PIN", "question", "receipt", "request", "service"),
    *("signature", "site", "tab", "tool"),
)
"""Terms that have one word wherever a text has them: no verbs, and no word of two senses."""

LEAST_TERMS, LEAST_TEXTS = 60, 400

_PLACE = re.compile(r"\{\w+\}")


def plain(text):
    """Return *text* in lower case, without places, and without a colon at its end."""
    return _PLACE.sub("", text).lower().rstrip(":\u00a0 ").replace("\u2019", "'")


def read_terms():
    """Return the words of each language by English term, in lower case, without what is in ()."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    terms = {}
    for line in lines[1:]:
        english, *cells = [plain(cell.strip()) for cell in line.strip("|").split("|")]
        term = re.sub(r" \(.*\)", "", english)
        for language, cell in zip(LANGUAGES, cells, strict=True):
            terms.setdefault(term, {}).setdefault(language, []).extend(cell.split(", "))
    return terms


def read_texts():
    """Return the texts of each language by English text and place."""
    tables = [
        {path.stem: json.loads(path.read_text("utf-8")) for path in (ROOT / folder).iterdir()}
        for folder in FOLDERS
    ]
    tables += [COMMON_TEXTS, *(kind.texts for kind in STANDARD_ACTIONS)]
    for number, table in enumerate(tables):
        for name, english in table["en"].items():
            yield f"{number}:{name}", english, {each: table[each][name] for each in LANGUAGES}


TERMS = read_terms()
TEXTS = list(read_texts())


def stem(word):
    """Return *word* without the vowel in which nouns are inflected."""
    return re.sub("[aeio]$", "", word)


def test_there_are_enough_terms_and_texts():
    assert len(TERMS) >= LEAST_TERMS
    assert len(TEXTS) >= LEAST_TEXTS
    assert all(len(words) == len(LANGUAGES) for words in TERMS.values())
    assert {noun.lower() for noun in NOUNS} <= TERMS.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_that_is_a_term_is_the_word_of_the_page(language):
    others = {
        place: texts[language]
        for place, english, texts in TEXTS
        if plain(english) in TERMS and plain(texts[language]) not in TERMS[plain(english)][language]
    }
    assert others == {}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("noun", NOUNS)
def test_a_text_with_a_term_has_the_word_of_the_page(noun, language):
    stems = [stem(word) for word in TERMS[noun.lower()][language]]
    named = re.compile(rf"\b{noun}s?\b", re.IGNORECASE)
    others = {
        place: texts[language]
        for place, english, texts in TEXTS
        if named.search(_PLACE.sub("", english))
        and not any(each in plain(texts[language]) for each in stems)
    }
    assert others == {}
