"""The contract of `Signer`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar, TypeAlias

import pytest

from counterseal.errors import SignerUnavailable, WrongSignature
from counterseal.keys.jws import verify_bytes
from counterseal.models import PublicKey
from counterseal.ports import Signer
from counterseal_testing.contracts.clauses import needs
from counterseal_testing.contracts.leaks import (
    SECRET,
    no_secret_is_logged,
    only_unavailable_leaves,
    skip_without_broken,
)
from counterseal_testing.contracts.race import race, results
from counterseal_testing.contracts.summary import Contract

NewSigner: TypeAlias = Callable[[], Signer]
"""Makes a signer."""

DATA = b"header.claims"


class SignerContract(Contract):
    """
    What every signer keeps.

    Attributes:
        can_rotate: Whether `rotate` makes a new key.
    """

    can_rotate: ClassVar[bool] = False

    @pytest.fixture
    def new_signer(self) -> NewSigner:
        """
        Return a factory of signers.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_signer`: it returns a factory")

    @pytest.fixture
    def broken_signer(self) -> NewSigner | None:
        """Return a factory of signers whose keys are out of reach, if there can be one."""
        return None

    def rotate(self, signer: Signer) -> None:
        """
        Let *signer* have a new key that signs from now on.

        Raises:
            NotImplementedError: `can_rotate` is true, and the author did not say how.
        """
        raise NotImplementedError

    def test_signer_1_the_first_key_signs(self, new_signer: NewSigner) -> None:
        """SIGNER-1."""
        signer = new_signer()
        first, *others = signer.jwks()

        assert signed(signer, first, DATA), "the first key of `jwks` does not sign"
        assert len({key.kid for key in (first, *others)}) == 1 + len(others)
        assert signer.jwks()[0] == first

    def test_signer_1_the_old_key_stays_in_the_list(self, new_signer: NewSigner) -> None:
        """SIGNER-1."""
        needs(self, "can_rotate", "SIGNER-1")
        signer = new_signer()
        (old, *_) = signer.jwks()
        signature = signer.sign(old.kid, DATA)

        self.rotate(signer)

        new, *others = signer.jwks()
        assert new != old
        assert old in others
        assert signed(signer, new, DATA)
        verify_bytes(signature, DATA, others[others.index(old)])

    def test_signer_2_signs_as_jws_carries_it(self, new_signer: NewSigner) -> None:
        """SIGNER-2."""
        signer = new_signer()
        first = signer.jwks()[0]
        for data in (b"", DATA, bytes(range(256)) * 64):
            assert signed(signer, first, data), "the signature is not as JWS carries it"
        with pytest.raises(WrongSignature):
            verify_bytes(signer.sign(first.kid, DATA), DATA + b".", first)

    def test_signer_3_an_unknown_key_signs_nothing(self, new_signer: NewSigner) -> None:
        """SIGNER-3."""
        signer = new_signer()
        for kid in ("", "unknown", signer.jwks()[0].kid + " "):
            with pytest.raises(SignerUnavailable):
                signer.sign(kid, DATA)

    def test_all_1_only_unavailable_leaves(self, broken_signer: NewSigner | None) -> None:
        """ALL-1."""
        if broken_signer is None:
            skip_without_broken()
            return
        signer = broken_signer()
        only_unavailable_leaves({"jwks": signer.jwks, "sign": lambda: signer.sign("kid", DATA)})

    def test_all_2_serves_many_threads_at_once(self, new_signer: NewSigner) -> None:
        """ALL-2."""
        signer = new_signer()

        def call(client: int) -> bool:
            first = signer.jwks()[0]
            return all(signed(signer, first, bytes([client, number])) for number in range(10))

        assert all(results(race([partial(call, client) for client in range(6)])))

    def test_all_3_logs_no_secret(self, new_signer: NewSigner) -> None:
        """ALL-3: what is signed holds what a person was asked."""
        with no_secret_is_logged():
            signer = new_signer()
            signer.sign(signer.jwks()[0].kid, SECRET.encode())


def signed(signer: Signer, key: PublicKey, data: bytes) -> bool:
    """Tell whether *signer* signs *data* so that it holds under *key*."""
    try:
        verify_bytes(signer.sign(key.kid, data), data, key)
    except (WrongSignature, SignerUnavailable):
        return False
    return True
