"""The contract of `Sealer`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import pytest

from counterseal.errors import SealBroken
from counterseal.ports import Sealer
from counterseal_testing.contracts.leaks import (
    SECRET,
    no_io,
    no_secret_is_logged,
    only_unavailable_leaves,
    skip_without_broken,
)
from counterseal_testing.contracts.race import race, results
from counterseal_testing.contracts.summary import Contract

NewSealer: TypeAlias = Callable[[], Sealer]
"""Makes a sealer."""

PLAIN = SECRET.encode()
CONTEXT = "code of a challenge"


class SealerContract(Contract):
    """What every sealer keeps."""

    @pytest.fixture
    def new_sealer(self) -> NewSealer:
        """
        Return a factory of sealers.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_sealer`: it returns a factory")

    @pytest.fixture
    def broken_sealer(self) -> NewSealer | None:
        """Return a factory of sealers whose key is out of reach, if there can be one."""
        return None

    def test_sealer_1_never_seals_alike(self, new_sealer: NewSealer) -> None:
        """SEALER-1."""
        sealer = new_sealer()

        assert len({sealer.seal(PLAIN, CONTEXT) for _ in range(100)}) == 100

    def test_sealer_2_returns_what_was_sealed(self, new_sealer: NewSealer) -> None:
        """SEALER-2."""
        sealer = new_sealer()
        for plain in (PLAIN, b"", bytes(range(256)) * 40):
            for context in (CONTEXT, "", "Zoë\x00"):
                assert sealer.open(sealer.seal(plain, context), context) == plain

    def test_sealer_2_no_other_context_opens(self, new_sealer: NewSealer) -> None:
        """SEALER-2."""
        sealer = new_sealer()
        sealed = sealer.seal(PLAIN, CONTEXT)
        for context in ("", CONTEXT + " ", CONTEXT.upper(), CONTEXT[:-1]):
            with pytest.raises(SealBroken):
                sealer.open(sealed, context)

    def test_sealer_2_no_changed_bytes_open(self, new_sealer: NewSealer) -> None:
        """SEALER-2."""
        sealer = new_sealer()
        sealed = sealer.seal(PLAIN, CONTEXT)
        flipped = [
            sealed[:index] + bytes([sealed[index] ^ 1]) + sealed[index + 1 :]
            for index in range(len(sealed))
        ]
        cut = [sealed[:length] for length in range(len(sealed))]
        for changed in (*flipped, *cut, sealed + b"\x00", sealed[1:]):
            with pytest.raises(SealBroken):
                sealer.open(changed, CONTEXT)

    def test_sealer_3_tells_nothing(self, new_sealer: NewSealer) -> None:
        """SEALER-3."""
        sealer = new_sealer()
        sealed = sealer.seal(PLAIN * 8, CONTEXT)

        assert not any(PLAIN[index : index + 6] in sealed for index in range(len(PLAIN) - 5))
        zeros = sealer.seal(bytes(4096), CONTEXT)
        assert max(zeros.count(byte) for byte in range(256)) < 256, "a pattern shows through"

    def test_sealer_4_never_waits(self, new_sealer: NewSealer) -> None:
        """SEALER-4: with whatever result; the first call counts, too."""
        first, sealer = new_sealer(), new_sealer()
        # What is imported at first use is not the sealer's key.
        first.open(first.seal(PLAIN, CONTEXT), CONTEXT)

        with no_io():
            sealed = sealer.seal(PLAIN, CONTEXT)
            assert sealer.open(sealed, CONTEXT) == PLAIN
            for _ in range(10):
                sealer.open(sealer.seal(PLAIN, CONTEXT), CONTEXT)
            with pytest.raises(SealBroken):
                sealer.open(sealed, "another")

    def test_all_1_only_unavailable_leaves(self, broken_sealer: NewSealer | None) -> None:
        """ALL-1."""
        if broken_sealer is None:
            skip_without_broken()
            return
        sealer = broken_sealer()
        only_unavailable_leaves(
            {
                "seal": lambda: sealer.seal(PLAIN, CONTEXT),
                "open": lambda: sealer.open(PLAIN, CONTEXT),
            }
        )

    def test_all_2_serves_many_threads_at_once(self, new_sealer: NewSealer) -> None:
        """ALL-2."""
        sealer = new_sealer()

        def call(client: int) -> bool:
            plains = [bytes([client, number]) for number in range(30)]
            sealed = [sealer.seal(plain, CONTEXT) for plain in plains]
            return [sealer.open(one, CONTEXT) for one in sealed] == plains

        assert all(results(race([partial(call, client) for client in range(6)])))

    def test_all_3_logs_no_secret(self, new_sealer: NewSealer) -> None:
        """ALL-3."""
        with no_secret_is_logged():
            sealer = new_sealer()
            sealed = sealer.seal(PLAIN, CONTEXT)
            sealer.open(sealed, CONTEXT)
            with pytest.raises(SealBroken):
                sealer.open(sealed, "another")
