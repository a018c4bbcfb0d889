"""
What a device has shown: a hash for each question, so that it signs what was read and no other.

Showing and answering are two commands, and each fetches the question.
The service could send another one the second time.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from counterseal import read_json
from counterseal.errors import DisplayChanged, InvalidField, MalformedToken
from counterseal.models import Guid
from counterseal.wire.claims import format_time, parse_time
from counterseal_keys import private_files


class DisplayStore:
    """
    A folder with what was shown, a file for each question.

    Args:
        path: It is made when something is kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def demand_same(self, challenge: Guid, display: str) -> None:
        """
        Refuse another document than the one that was shown, if one was.

        Raises:
            DisplayChanged: It is another.
            InvalidField: The file was not written by this software.
            OSError: It cannot be read.
        """
        try:
            stored_display, _ = _load(self._file(challenge))
        except FileNotFoundError:
            return
        if stored_display != _hash(display):
            raise DisplayChanged("another question than was shown")

    def keep(self, challenge: Guid, display: str, *, until: datetime, now: datetime) -> None:
        """
        Remember what is about to be shown, and forget what can be answered no more.

        Raises:
            InvalidField: A file was not written by this software.
            OSError: The folder cannot be written.
        """
        private_files.make_folder(self._path)
        for file in self._path.glob("*.json"):
            if _load(file)[1] <= now:
                file.unlink(missing_ok=True)
        document = {"display": _hash(display), "until": format_time(until)}
        private_files.write(self._file(challenge), json.dumps(document).encode())

    def _file(self, challenge: Guid) -> Path:
        return self._path / f"{challenge}.json"


def _hash(display: str) -> str:
    return hashlib.sha256(display.encode()).hexdigest()


def _load(file: Path) -> tuple[str, datetime]:
    document: Any = read_json(file.read_bytes(), field="shown")
    try:
        return str(document["display"]), parse_time(document["until"])
    except (KeyError, TypeError, MalformedToken):
        raise InvalidField("home", "not written by this software") from None
