"""Secrecy: what must never be readable in a record, an audit event or an error."""

from __future__ import annotations

import re

CANARY = "canary"
"""Part of every secret that a test may choose; found in a text, it tells on the core."""


class Secrecy:
    """
    Every secret of a history.

    Attributes:
        codes: Matching codes; six digits alone may be part of something else.
    """

    def __init__(self) -> None:
        self._secrets = [CANARY]
        self.codes: set[str] = set()

    def keep(self, *secrets: str) -> None:
        """Look for *secrets*, too, from now on."""
        self._secrets.extend(secrets)

    def holds(self, *texts: str) -> None:
        """
        Look for every secret in *texts*.

        Raises:
            AssertionError: One is there.
        """
        for text in texts:
            for secret in self._secrets:
                assert secret not in text, "a secret in a text"
            for code in self.codes:
                alone = code in text and re.search(rf"(?<![\w-]){code}(?![\w-])", text)
                assert not alone, "a matching code in a text"
