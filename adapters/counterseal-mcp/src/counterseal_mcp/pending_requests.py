"""What the server has asked: an approval is compared with it before it is used."""

from __future__ import annotations

import os
import tempfile
from collections import OrderedDict
from datetime import datetime
from pathlib import Path
from threading import Lock

from counterseal import Unavailable
from counterseal.errors import InvalidField
from counterseal.models import Guid
from counterseal_client import PendingRequest

LIMIT = 10_000
"""Pending requests that are stored at once; the oldest ones are removed first."""

SUFFIX = ".json"


class StateUnavailable(Unavailable, code="state_unavailable"):
    """The folder of pending requests cannot be read or written."""


class PendingRequests:
    """
    The pending requests of one server, in memory or in a folder; threads may share it.

    Requests of others are not among them, so an agent uses no approval that another program of the
    same origin has asked for.
    Those whose approval can no longer be used are removed when others are added.

    Args:
        folder: Where they are stored, each in a file that only its owner can read; None stores
            them in memory. Processes may share it.
        limit: How many are stored at once.

    Raises:
        StateUnavailable: *folder* cannot be made.
    """

    def __init__(self, folder: Path | None = None, *, limit: int = LIMIT) -> None:
        self._folder = folder
        self._limit = limit
        self._requests: OrderedDict[Guid, PendingRequest] = OrderedDict()
        self._lock = Lock()
        if folder is not None:
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.chmod(0o700)
            except OSError as error:
                raise StateUnavailable(f"{folder}: {error.strerror}") from None

    def add(self, pending_request: PendingRequest, now: datetime) -> None:
        """
        Store a pending request.

        Raises:
            StateUnavailable: It cannot be written.
        """
        if self._folder is not None:
            try:
                _remove_older(self._folder, now, self._limit)
                _write(self._folder / f"{pending_request.guid}{SUFFIX}", pending_request)
            except OSError as error:
                raise StateUnavailable(f"{self._folder}: {error.strerror}") from None
            return
        with self._lock:
            for guid in [each.guid for each in self._requests.values() if _over(each, now)]:
                del self._requests[guid]
            self._requests[pending_request.guid] = pending_request
            while len(self._requests) > self._limit:
                self._requests.popitem(last=False)

    def load(self, guid: Guid) -> PendingRequest | None:
        """
        Return a pending request; None if this server has none of that GUID.

        Raises:
            StateUnavailable: It cannot be read.
        """
        if self._folder is None:
            with self._lock:
                return self._requests.get(guid)
        try:
            return PendingRequest.load((self._folder / f"{guid}{SUFFIX}").read_text())
        except FileNotFoundError:
            return None
        except (OSError, InvalidField) as error:
            raise StateUnavailable(f"{self._folder}: {type(error).__name__}") from None


def _over(pending_request: PendingRequest, now: datetime) -> bool:
    """Tell whether no approval of it can be used any more."""
    end = pending_request.valid_until or pending_request.expires_at
    return now >= max(end, pending_request.expires_at)


def _write(path: Path, pending_request: PendingRequest) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")  # with mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(pending_request.dump())
        end = max(
            pending_request.valid_until or pending_request.expires_at, pending_request.expires_at
        )
        os.utime(name, (end.timestamp(), end.timestamp()))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _remove_older(folder: Path, now: datetime, limit: int) -> None:
    """Remove the files whose time, the end of their approval, has passed, and some over *limit*."""
    ends = {}
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            ends[path] = path.stat().st_mtime
        except FileNotFoundError:
            continue  # another process has removed it
    ordered = sorted(ends, key=lambda path: ends[path])
    for position, path in enumerate(ordered):
        if ends[path] <= now.timestamp() or position <= len(ordered) - limit:
            path.unlink(missing_ok=True)
