"""The words on a terminal: the language of a person, and the same texts in each."""

import ast
import json
import re
from pathlib import Path

import pytest

from counterseal_server.words import LANGUAGES, choose_language, load_words

ADAPTERS = Path(__file__).parents[2]
PACKAGES = {
    name: ADAPTERS / name.replace("_", "-") / "src" / name
    for name in ("counterseal_demo", "counterseal_server")
}
BRACES = re.compile(r"\{\w+\}")


def texts_of(package, language):
    return json.loads((PACKAGES[package] / "texts" / f"{language}.json").read_text("utf-8"))


def names_in(package):
    """Return the texts of the literals that the package's modules have."""
    sources = [path.read_text("utf-8") for path in PACKAGES[package].rglob("*.py")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    return {node.value for node in nodes if isinstance(node, ast.Constant)}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_language_has_the_same_texts_and_places(package):
    files = {path.stem for path in (PACKAGES[package] / "texts").iterdir()}
    assert files == {*LANGUAGES}
    english = texts_of(package, "en")
    for language in LANGUAGES:
        texts = texts_of(package, language)
        assert list(texts) == list(english)
        for name, text in texts.items():
            assert sorted(BRACES.findall(text)) == sorted(BRACES.findall(english[name])), name
            assert text.strip(), name
    assert english.keys() <= names_in(package)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_labels_of_one_question_are_the_same(language):
    texts = texts_of("counterseal_server", language)
    labels = ("account_at", "asked_by", "account", "transaction", "ip_address", "place", "browser")
    labels += ("additional", "action", "digest", "usable_until", "document", "answer_before")
    assert len({texts[label] for label in labels}) == len(labels)
    for one, other in (("strong", "weak"), ("approves", "refuses"), ("agent_says", "origin_says")):
        assert texts[one] != texts[other]


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "de"}, "de"),
        ({"LANG": "es_ES@euro"}, "es"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "nl_NL.UTF-8"}, "en"),
        ({"LANG": "fr_FR", "LC_MESSAGES": "it_IT"}, "it"),
        ({"LANG": "fr_FR", "LC_MESSAGES": "it_IT", "LC_ALL": "C"}, "en"),
        ({"LANG": "fr_FR", "LC_MESSAGES": "", "LC_ALL": ""}, "fr"),
        ({"LANG": "fr_FR", "LC_TIME": "de_DE"}, "fr"),
        ({"LANG": "frr_DE"}, "en"),
    ],
)
def test_the_first_variable_with_a_value_decides(environment, language):
    assert choose_language(environment) == language


def test_a_text_has_its_values():
    words = load_words("counterseal_demo", "it")
    assert words.say("bound", device="7") == "collegato: dispositivo 7"
    with pytest.raises(KeyError):
        words.say("bound")
    with pytest.raises(KeyError):
        words.say("no such text")
