"""
The hash of each question that was shown, so that the device signs only what the person read.

Showing and answering are two commands, and each fetches the question.
The service could send another question the second time.
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
from counterseal.wire.members import format_time, parse_time
from counterseal_keys import private_files


class DisplayStore:
    """
    A folder with one file for each question that was shown.

    Args:
        path: The folder, which is created when it is needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def demand_same(self, challenge: Guid, display: str) -> None:
        """
        Refuse a document that differs from the one that was shown, if one was.

        Raises:
            DisplayChanged: It differs.
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
        Store the hash of a document before it is shown, and delete those that are expired.

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
