"""
The file in the data folder that remembers the audit log's newest signed head.

An attacker who writes to the store can delete the signed head there, or put an older one in its
place, and cannot write to this file. It is a JSON object:

- `number` and `auditHead`: the signed head with the greatest number, as `audit head` writes it;
- `storeReplacedAt`: when the store was restored or copied, until `counterseal audit renew`.

All processes of a machine that have the folder write the file, one at a time. Where the folder
cannot be written, a process remembers the head for as long as it runs.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

import counterseal as cs
from counterseal.audit.documents import head_line, read_unverified_head, recognized_by
from counterseal.errors import InvalidField
from counterseal.models import MemoryContent, SignedHead
from counterseal.wire.members import format_time, parse_time
from counterseal_keys import private_files

HEAD_NOTE = "audit-head.json"
"""The file in the data folder."""

log = logging.getLogger("counterseal_server")


class FileHeadMemory:
    """
    The file of one data folder.

    Args:
        data: The folder, which has to exist for a write.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._file = data / HEAD_NOTE

    def load(self) -> MemoryContent:
        """
        Return what is remembered.

        Raises:
            InvalidField: The file cannot be read.
        """
        try:
            return _parse(json.loads(self._file.read_bytes()))
        except FileNotFoundError:
            return MemoryContent()
        except Exception as error:
            # Whatever it is, a service that ignored it would sign what has been rewritten.
            problem = (
                f"{self._file} cannot be read: run counterseal audit verify with a head that you"
                " keep, then counterseal audit renew"
            )
            raise InvalidField("data", problem) from error

    def remember(self, head: SignedHead) -> None:
        """
        Remember *head*, unless one with its number or a greater one is remembered.

        Raises:
            InvalidField: The file cannot be read.
            OSError: It cannot be written.
        """
        with private_files.lock(self._data):
            remembered = self.load()
            content = remembered.with_head(head)
            if content is remembered:
                return
            self._write(content)
        if remembered.head is None and head.number > 1:
            log.info(
                "%s remembers no head yet: from now on it is that of the store, %s",
                HEAD_NOTE,
                head_line(recognized_by(head)),
            )

    def renew(self, head: SignedHead) -> None:
        """
        Remember *head* in place of all else, also of a greater number.

        Raises:
            OSError: It cannot be written.
        """
        with private_files.lock(self._data):
            self._write(MemoryContent(head=head))

    def mark_replaced(self, at: datetime) -> None:
        """
        Note that the store was restored or copied: nothing is signed until a renewal.

        Args:
            at: When that was.

        Raises:
            InvalidField: The file cannot be read.
            OSError: It cannot be written.
        """
        with private_files.lock(self._data):
            self._write(attrs.evolve(self.load(), replaced_at=at))

    def forget(self) -> None:
        """
        Delete the file, before a new service is created.

        Raises:
            OSError: It cannot be deleted.
        """
        # Linux refuses on a read-only file system, also where there is no such file.
        if self._file.exists():
            self._file.unlink()

    def _write(self, content: MemoryContent) -> None:
        document: dict[str, Any] = {}
        if content.head is not None:
            document |= {"number": content.head.number, "auditHead": content.head.token}
        if content.replaced_at is not None:
            document["storeReplacedAt"] = format_time(content.replaced_at)
        private_files.write(self._file, f"{json.dumps(document)}\n".encode("ascii"))


def _parse(document: dict[str, Any]) -> MemoryContent:
    head, replaced_at = None, document.get("storeReplacedAt")
    if replaced_at is None or "auditHead" in document:
        head = SignedHead(number=document["number"], token=document["auditHead"])
        read_unverified_head(head.token)
    return MemoryContent(
        head=head, replaced_at=None if replaced_at is None else parse_time(replaced_at)
    )


def head_memory(data: Path) -> cs.HeadMemory:
    """
    Return the memory of the folder *data*; one of this process, if it cannot be written.

    Raises:
        InvalidField: The folder cannot be written, and its file cannot be read.
    """
    memory = FileHeadMemory(data)
    return memory if os.access(data, os.W_OK) else cs.ProcessHeadMemory(memory.load())


def chain_all(chain: cs.AuditChain) -> int:
    """
    Chain all that is recorded, and sign; a running service may do a part of it.

    Returns:
        How many events there were.

    Raises:
        Refused: As `AuditChain.sign`.
    """
    total = 0
    while count := chain.chain():
        total += count
    while not chain.sign():
        pass
    return total
