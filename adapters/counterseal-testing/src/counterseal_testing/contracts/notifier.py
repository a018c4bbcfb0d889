"""The contract of `Notifier`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import ClassVar, TypeAlias

import pytest

from counterseal.challenges.documents.messages import push_data
from counterseal.errors import InvalidField, NotifierUnavailable
from counterseal.models import (
    AddressKind,
    Occasion,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
)
from counterseal.ports import Notifier
from counterseal_testing.contracts.clauses import needs
from counterseal_testing.contracts.leaks import (
    SECRET,
    no_secret_is_logged,
    only_unavailable_leaves,
    skip_without_broken,
)
from counterseal_testing.contracts.race import LATE, comes_back, race, results
from counterseal_testing.contracts.record_factory import RecordFactory
from counterseal_testing.contracts.summary import Contract

NewNotifier: TypeAlias = Callable[[], Notifier]
"""Makes a notifier that has pushed nothing."""

TITLE, BODY = f"title {SECRET}", f"body {SECRET}"

TIMEOUT = timedelta(milliseconds=200)
"""Of a message that no push service takes."""

AMPLE = timedelta(seconds=20)
"""Of one that is taken, however slow the machine is and however many run at once."""

DELIVERED = PushOutcome(result=PushResult.DELIVERED)
MISCONFIGURED = PushOutcome(result=PushResult.MISCONFIGURED)


class NotifierContract(Contract):
    """
    What every notifier fulfils.

    Attributes:
        kind: Of the addresses that it pushes to.
        shows_what_it_sends: Whether `payloads` returns what left.
        has_dead_addresses: Whether `dead_address` makes an address that will never work again.
        has_malformed_addresses: Whether `malformed_address` makes one that is none.
        has_busy_addresses: Whether `busy_address` makes one whose push service asks for a delay.
        can_hang: Whether `hang` lets the push service never answer.
        allowed_delay: How much later than its timeout a notifier may return, on a busy machine.
    """

    kind: ClassVar[AddressKind] = AddressKind.RELAY
    shows_what_it_sends: ClassVar[bool] = False
    has_dead_addresses: ClassVar[bool] = False
    has_malformed_addresses: ClassVar[bool] = False
    has_busy_addresses: ClassVar[bool] = False
    can_hang: ClassVar[bool] = False
    allowed_delay: ClassVar[timedelta] = LATE

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
            NotImplementedError: `has_dead_addresses` is true, and the author did not say how.
        """
        raise NotImplementedError

    def malformed_address(self, notifier: Notifier) -> PushAddress:
        """
        Make an address that *notifier* can tell to be none by its text alone.

        Raises:
            NotImplementedError: `has_malformed_addresses` is true, and the author did not say how.
        """
        raise NotImplementedError

    def busy_address(self, notifier: Notifier) -> PushAddress:
        """
        Make an address whose push service asks to be left alone for an hour.

        Raises:
            NotImplementedError: `has_busy_addresses` is true, and the author did not say how.
        """
        raise NotImplementedError

    def hang(self, notifier: Notifier) -> None:
        """
        Let the push service take requests and never answer.

        Raises:
            NotImplementedError: `can_hang` is true, and the author did not say how.
        """
        raise NotImplementedError

    def payloads(self, notifier: Notifier) -> Sequence[Mapping[str, object]]:
        """
        Return the payload of each message so far, less what the transport itself needs.

        Raises:
            NotImplementedError: `shows_what_it_sends` is true, and the author did not say how.
        """
        raise NotImplementedError

    def test_notifier_1_knows_its_kinds(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-1."""
        notifier = new_notifier()
        kinds = notifier.kinds()
        assert self.kind in kinds, "it does not push to the kind that it is for"

        notifier.push((self.address(notifier, 1),), _message())
        assert notifier.kinds() == new_notifier().kinds() == kinds

    def test_notifier_2_is_asked_again_without_complaint(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-2."""
        notifier, message = new_notifier(), _message()
        address = self.address(notifier, 1)
        for addresses in ((address,), (address,), (address, address), ()):
            notifier.push(addresses, message)

    @pytest.mark.parametrize("occasion", list(Occasion))
    def test_notifier_3_sends_what_the_message_says(
        self, new_notifier: NewNotifier, occasion: Occasion
    ) -> None:
        """NOTIFIER-3."""
        needs(self, "shows_what_it_sends", "NOTIFIER-3")
        notifier = new_notifier()
        message = _message(occasion=occasion)
        addresses = tuple(self.address(notifier, number) for number in range(2))
        notifier.push(addresses, message)

        texts: set[str] = {message.guid, message.collapse_key, TITLE, BODY}
        texts |= set(push_data(message).values())
        texts |= {address.value for address in addresses}
        for payload in self.payloads(notifier):
            alien = [leaf for leaf in _texts(payload) if leaf not in texts]
            assert not alien, f"sent, and not in the message: {alien}"

    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_notifier_4_tells_of_each(self, new_notifier: NewNotifier, count: int) -> None:
        """NOTIFIER-4."""
        notifier = new_notifier()
        living = tuple(self.address(notifier, number) for number in range(count))

        assert notifier.push(living, _message()) == (DELIVERED,) * count

    def test_notifier_4_knows_its_own_kinds_only(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-4."""
        notifier = new_notifier()
        living = self.address(notifier, 1)
        for kind in sorted(frozenset(AddressKind) - notifier.kinds(), key=lambda one: one.value):
            foreign = PushAddress(kind=kind, value="somewhere else")

            assert notifier.push((foreign, living), _message()) == (MISCONFIGURED, DELIVERED)

    def test_notifier_5_names_only_the_dead(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-5."""
        notifier = new_notifier()
        living = tuple(self.address(notifier, number) for number in range(3))

        for outcome in notifier.push(living, _message()):
            assert outcome.result is not PushResult.GONE, "the living are called dead"

    def test_notifier_5_names_the_dead_and_pushes_to_others(
        self, new_notifier: NewNotifier
    ) -> None:
        """NOTIFIER-5."""
        needs(self, "has_dead_addresses", "NOTIFIER-5")
        notifier = new_notifier()
        living, dead = self.address(notifier, 1), self.dead_address(notifier)

        gone_outcome = PushOutcome(result=PushResult.GONE)
        assert notifier.push((living, dead), _message()) == (DELIVERED, gone_outcome)
        assert notifier.push((dead, living), _message()) == (gone_outcome, DELIVERED)
        assert notifier.push((living,), _message()) == (DELIVERED,)

    def test_notifier_6_sends_once(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-6."""
        needs(self, "shows_what_it_sends", "NOTIFIER-6")
        notifier = new_notifier()
        addresses = tuple(self.address(notifier, number) for number in range(3))
        notifier.push(addresses, _message())

        assert len(self.payloads(notifier)) <= len(addresses), "more messages than addresses"

    def test_notifier_6_does_not_wait_itself(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-6: it says how long to wait."""
        needs(self, "has_busy_addresses", "NOTIFIER-6")
        notifier = new_notifier()
        living, busy = self.address(notifier, 1), self.busy_address(notifier)

        later = PushOutcome(result=PushResult.LATER, after=timedelta(hours=1))
        attempt = partial(notifier.push, (busy, living), _message())
        assert comes_back(attempt, within=AMPLE), "it waits itself"
        assert notifier.push((busy, living), _message()) == (later, DELIVERED)

    def test_notifier_7_returns_in_time(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-7."""
        notifier = new_notifier()
        addresses = tuple(self.address(notifier, number) for number in range(3))
        if self.can_hang:
            self.hang(notifier)

        attempt = partial(self._outcomes, notifier, addresses, _message(timeout=TIMEOUT))
        assert comes_back(attempt, within=TIMEOUT + self.allowed_delay), (
            "no return after the timeout"
        )

    def test_notifier_7_says_later_of_what_it_does_not_know(
        self, new_notifier: NewNotifier
    ) -> None:
        """NOTIFIER-7."""
        needs(self, "can_hang", "NOTIFIER-7")
        notifier = new_notifier()
        address = self.address(notifier, 1)
        self.hang(notifier)

        (outcome,) = self._outcomes(notifier, (address,), _message(timeout=TIMEOUT))
        assert outcome.result is PushResult.LATER

    def test_notifier_8_accepts_what_it_delivers_to(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-8."""
        notifier = new_notifier()
        address = self.address(notifier, 1)
        notifier.require_sendable(address)

        assert notifier.push((address,), _message()) == (DELIVERED,)

    def test_notifier_8_asks_nobody(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-8."""
        needs(self, "can_hang", "NOTIFIER-8")
        notifier = new_notifier()
        address = self.address(notifier, 1)
        self.hang(notifier)

        check = partial(notifier.require_sendable, address)
        assert comes_back(check, within=self.allowed_delay), "it waits for somebody"
        check()

    def test_notifier_8_sends_nothing_to_check(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-8."""
        needs(self, "shows_what_it_sends", "NOTIFIER-8")
        notifier = new_notifier()
        notifier.require_sendable(self.address(notifier, 1))

        assert not self.payloads(notifier), "it sent something to check an address"

    def test_notifier_9_refuses_what_is_no_address(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-9: and names what is malformed, without the address."""
        needs(self, "has_malformed_addresses", "NOTIFIER-9")
        notifier = new_notifier()
        malformed = self.malformed_address(notifier)

        with pytest.raises(InvalidField) as caught:
            notifier.require_sendable(malformed)
        assert caught.value.field.partition(".")[0] == "value", "it names another field"
        assert malformed.value not in str(caught.value), "the error contains the address"

    def test_notifier_9_forgets_what_it_refuses(self, new_notifier: NewNotifier) -> None:
        """NOTIFIER-9."""
        needs(self, "has_malformed_addresses", "NOTIFIER-9")
        notifier = new_notifier()
        living, malformed = self.address(notifier, 1), self.malformed_address(notifier)

        gone_outcome = PushOutcome(result=PushResult.GONE)
        assert notifier.push((malformed, living), _message()) == (gone_outcome, DELIVERED)

    def test_all_1_only_unavailable_leaves(self, broken_notifier: NewNotifier | None) -> None:
        """ALL-1."""
        if broken_notifier is None:
            skip_without_broken()
            return
        notifier = broken_notifier()
        address = self.address(notifier, 1)
        only_unavailable_leaves({"push": lambda: notifier.push((address,), _message())})

    def test_all_2_serves_many_threads_at_once(self, new_notifier: NewNotifier) -> None:
        """ALL-2."""
        notifier = new_notifier()
        addresses = tuple(self.address(notifier, number) for number in range(2))

        results(race([partial(notifier.push, addresses, _message())] * 6))

    def test_all_3_logs_no_secret(self, new_notifier: NewNotifier) -> None:
        """ALL-3."""
        with no_secret_is_logged():
            notifier = new_notifier()
            notifier.push((self.address(notifier, 1),), _message())

    def _outcomes(
        self, notifier: Notifier, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> tuple[PushOutcome, ...]:
        try:
            return notifier.push(addresses, message)
        except NotifierUnavailable:
            return (PushOutcome(result=PushResult.LATER),) * len(addresses)


def _message(occasion: Occasion = Occasion.CHALLENGE, timeout: timedelta = AMPLE) -> PushMessage:
    factory = RecordFactory()
    return PushMessage(
        guid=factory.guid(),
        occasion=occasion,
        subject=factory.guid(),
        account=factory.guid(),
        title=TITLE,
        body=BODY,
        life=timedelta(minutes=5),
        timeout=timeout,
    )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str | bytes):
        yield value if isinstance(value, str) else value.decode("utf-8", "replace")
