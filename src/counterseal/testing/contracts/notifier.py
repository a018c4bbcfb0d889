"""The contract of `Notifier`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import ClassVar, TypeAlias

import pytest

from counterseal.models import AddressKind, Bell, PushAddress
from counterseal.ports import Notifier
from counterseal.testing.contracts.clauses import needs
from counterseal.testing.contracts.leaving import (
    SECRET,
    no_secret_is_logged,
    only_unavailable_leaves,
    without_broken,
)
from counterseal.testing.contracts.race import race, results
from counterseal.testing.contracts.specimens import Specimens

NewNotifier: TypeAlias = Callable[[], Notifier]
"""Makes a notifier that has pushed nothing."""

TITLE, BODY = f"title {SECRET}", f"body {SECRET}"


class NotifierContract:
    """
    What every notifier keeps.

    Attributes:
        kind: Of the addresses that it rings at.
        shows_what_it_sends: Whether `sent` knows what left.
        learns_of_death: Whether `dead_address` makes an address that will never work again.
    """

    kind: ClassVar[AddressKind] = AddressKind.RELAY
    shows_what_it_sends: ClassVar[bool] = False
    learns_of_death: ClassVar[bool] = False

    @pytest.fixture
    def new_notifier(self) -> NewNotifier:
        """
        Return a factory of notifiers.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_notifier`: it returns a factory")

    @pytest.fixture
    def broken_notifier(self) -> NewNotifier | None:
        """Return a factory of notifiers whose push service does not answer, if there can be one."""
        return None

    def address(self, notifier: Notifier, number: int) -> PushAddress:  # noqa: ARG002 (for authors)
        """Make a living address; one for each number."""
        return PushAddress(kind=self.kind, value=f"address-{number}-{SECRET}")

    def dead_address(self, notifier: Notifier) -> PushAddress:
        """
        Make an address that *notifier* will learn never to work again.

        Raises:
            NotImplementedError: `learns_of_death` is true, and the author did not say how.
        """
        raise NotImplementedError

    def sent(self, notifier: Notifier) -> Sequence[Mapping[str, object]]:
        """
        Return the payload of each message so far, less what the transport itself needs.

        Raises:
            NotImplementedError: `shows_what_it_sends` is true, and the author did not say how.
        """
        raise NotImplementedError

    def test_notifier_1_is_asked_again_without_complaint(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-1."""
        notifier, bell = new_notifier(), _bell()
        address = self.address(notifier, 1)
        for addresses in ((address,), (address,), (address, address), ()):
            notifier.push(addresses, bell)

    def test_notifier_2_sends_what_the_bell_holds(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-2."""
        needs(self, "shows_what_it_sends", "NOTIFIER-2")
        notifier = new_notifier()
        bells = [_bell(), _bell(title="", body="")]
        addresses = tuple(self.address(notifier, number) for number in range(2))
        for bell in bells:
            notifier.push(addresses, bell)

        texts: set[str] = {text for bell in bells for text in (bell.challenge, bell.account)}
        texts |= {TITLE, BODY, "", *(address.value for address in addresses)}
        for payload in self.sent(notifier):
            alien = [leaf for leaf in _leaves(payload) if leaf not in texts]
            assert not alien, f"sent, and not in the bell: {alien}"

    def test_notifier_3_names_only_the_dead(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-3."""
        notifier = new_notifier()
        living = tuple(self.address(notifier, number) for number in range(3))

        assert notifier.push(living, _bell()).dead == (), "the living are called dead"

    def test_notifier_3_names_the_dead_that_it_was_given(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-3."""
        needs(self, "learns_of_death", "NOTIFIER-3")
        notifier = new_notifier()
        living, dead = self.address(notifier, 1), self.dead_address(notifier)

        assert notifier.push((living, dead), _bell()).dead == (dead,)
        assert notifier.push((living,), _bell()).dead == ()

    def test_all_1_only_unavailable_leaves(self, broken_notifier: NewNotifier | None) -> None:
        """ALL-1."""
        if broken_notifier is None:
            without_broken()
            return
        notifier = broken_notifier()
        address = self.address(notifier, 1)
        only_unavailable_leaves({"push": lambda: notifier.push((address,), _bell())})

    def test_all_2_serves_many_threads_at_once(self, new_notifier: NewNotifier) -> None:
        """ALL-2."""
        notifier = new_notifier()
        addresses = tuple(self.address(notifier, number) for number in range(2))

        results(race([partial(notifier.push, addresses, _bell())] * 6))

    def test_all_3_logs_no_secret(self, new_notifier: NewNotifier) -> None:
        """ALL-3."""
        with no_secret_is_logged():
            notifier = new_notifier()
            notifier.push((self.address(notifier, 1),), _bell())


def _bell(title: str = TITLE, body: str = BODY) -> Bell:
    made = Specimens()
    return Bell(
        challenge=made.guid(),
        account=made.guid(),
        title=title,
        body=body,
        life=timedelta(minutes=5),
    )


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str | bytes):
        yield value if isinstance(value, str) else value.decode("utf-8", "replace")
