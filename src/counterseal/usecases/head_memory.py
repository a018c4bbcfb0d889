"""
What remembers the audit log's newest signed head, where writing to the store does not change it.

`AuditChain` compares the stored head with it (`counterseal.rules.remembered_heads`). Without a
memory of your own, an `AuditChain` remembers the head for as long as it lives.
"""

from __future__ import annotations

import threading
from typing import Protocol

from counterseal.models import MemoryContent, SignedHead


class HeadMemory(Protocol):
    """
    Remembers a signed head outside of the store.

    Its methods may be called from many threads and processes at once. They raise what the memory's
    own system raises: then nothing is signed.
    """

    def load(self) -> MemoryContent:
        """
        Return what is remembered.

        Raises:
            InvalidField: It cannot be read.
        """

    def remember(self, head: SignedHead) -> None:
        """Remember *head*, unless one with its number or a greater one is remembered."""

    def renew(self, head: SignedHead) -> None:
        """Remember *head* in place of all else, also of a greater number."""


class ProcessHeadMemory:
    """
    A memory that ends with its process: a deletion across a restart is not found.

    Args:
        content: What it begins with.
    """

    def __init__(self, content: MemoryContent | None = None) -> None:
        self._content = MemoryContent() if content is None else content
        self._lock = threading.Lock()

    def load(self) -> MemoryContent:
        """Return what is remembered."""
        return self._content

    def remember(self, head: SignedHead) -> None:
        """Remember *head*, unless one with its number or a greater one is remembered."""
        with self._lock:
            self._content = self._content.with_head(head)

    def renew(self, head: SignedHead) -> None:
        """Remember *head* in place of all else, also of a greater number."""
        with self._lock:
            self._content = MemoryContent(head=head)
