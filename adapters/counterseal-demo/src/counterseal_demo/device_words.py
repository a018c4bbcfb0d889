"""The words of the device commands, in the language of the terminal."""

from __future__ import annotations

import os

from counterseal_server.words import choose_language, load_words


def language() -> str:
    """Return the language of the terminal."""
    return choose_language(os.environ)


def say(name: str, /, **values: object) -> str:
    """Return the text *name* in the language of the terminal, with *values* in its places."""
    return load_words("counterseal_demo", language()).say(name, **values)
