"""Words: what a device on a terminal says to the person who is asked, in five languages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

import attrs

LANGUAGES = ("en", "de", "fr", "es", "it")
"""Those that have a file in the folder `texts` of each package with such words."""

FALLBACK = "en"


@attrs.frozen
class Words:
    """The words of one package, in one language."""

    _texts: Mapping[str, str]

    def say(self, name: str, /, **values: object) -> str:
        """Return the text *name*, with *values* in the place of `{value}`."""
        return self._texts[name].format(**values)


def read_locale(environment: Mapping[str, str]) -> str:
    """
    Return the tag of the language of messages that *environment* asks for, such as `de-AT`.

    The first of LC_ALL, LC_MESSAGES and LANG that has a value decides (POSIX.1-2024, 8.2); it may
    name no language, such as `C`.
    """
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return re.split("[.@]", locale, maxsplit=1)[0].replace("_", "-")


def choose_language(environment: Mapping[str, str]) -> str:
    """Return the language that *environment* asks for; English if there are no words in it."""
    language = read_locale(environment).lower().partition("-")[0]
    return language if language in LANGUAGES else FALLBACK


@cache
def load_words(package: str, language: str) -> Words:
    """
    Return the words of *package* in *language*.

    Raises:
        FileNotFoundError: The package has no words in the language.
    """
    file = resources.files(package) / "texts" / f"{language}.json"
    return Words(json.loads(file.read_text("utf-8")))
