"""Entropy that is the same in every run."""

from __future__ import annotations

import hashlib
import threading
from collections import deque


class ScriptedEntropy:
    """
    Bytes that follow from a seed: SHA-256 over seed, call and block.

    Not for production: the seed tells every secret.

    Args:
        seed: Names the stream.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._calls = 0
        self._script: deque[bytes] = deque()
        self._lock = threading.Lock()

    def play(self, *tokens: bytes) -> None:
        """Return *tokens* from the next calls, before the stream goes on."""
        with self._lock:
            self._script.extend(tokens)

    def token(self, size: int) -> bytes:
        """
        Return the next *size* bytes.

        Raises:
            ValueError: The script holds a token of another size.
        """
        with self._lock:
            if self._script:
                scripted = self._script.popleft()
                if len(scripted) != size:
                    message = f"the script holds {len(scripted)} bytes and {size} are asked for"
                    raise ValueError(message)
                return scripted
            self._calls += 1
            call = self._calls
        blocks = (
            hashlib.sha256(f"{self._seed}/{call}/{block}".encode()).digest()
            for block in range(-(-size // 32))
        )
        return b"".join(blocks)[:size]
