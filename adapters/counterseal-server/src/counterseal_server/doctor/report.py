"""Reports: the findings as lines and as JSON, without secrets."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from counterseal_server.doctor.checks import Result, count_states
from counterseal_server.doctor.finding import State
from counterseal_server.settings import Settings

MASK = "***"
SHORTEST = 4
"""Characters; a shorter secret would be replaced in ordinary words."""


def report_lines(results: Iterable[Result], settings: Settings) -> Iterator[str]:
    """Yield one line for each finding: state, check, what is so, what to do."""
    for result in results:
        for finding in result.findings:
            advice = "" if finding.advice is None else f" -> {finding.advice}"
            line = f"{finding.state.value:<7}  {result.check}: {finding.message}{advice}"
            yield without_secrets(line, settings)


def report_document(results: Sequence[Result], settings: Settings) -> dict[str, Any]:
    """Return the findings as a JSON object, whose members and codes stay in later releases."""
    counts = count_states(results)
    worst = next(state for state in reversed(State) if counts[state.value] or state is State.OK)
    return {
        "version": importlib.metadata.version("counterseal-server"),
        "state": worst.value,
        "counts": counts,
        "findings": [
            {
                "check": result.check,
                "code": finding.code,
                "state": finding.state.value,
                "message": without_secrets(finding.message, settings),
                "advice": None
                if finding.advice is None
                else without_secrets(finding.advice, settings),
            }
            for result in results
            for finding in result.findings
        ],
    }


def without_secrets(text: str, settings: Settings) -> str:
    """Replace each secret of the settings in *text*: an error of another library may quote it."""
    for secret in _secrets(settings):
        text = text.replace(secret, MASK)
    return text


def _secrets(settings: Settings) -> list[str]:
    texts = [settings.master_key, settings.webpush_key, settings.relay_secret, settings.relay_url]
    parts = [part for text in texts if text for part in (text, *text.replace(",", " ").split())]
    for url in filter(None, (settings.store, settings.relay_url)):
        # A password that is not percent-encoded may end anywhere in the text.
        password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
        parts += [password, unquote(password), url, _query(url)]
    return sorted({part for part in parts if len(part) >= SHORTEST}, key=len, reverse=True)


def _query(url: str) -> str:
    try:
        return urlsplit(url).query
    except ValueError:
        return ""
