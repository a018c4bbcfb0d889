"""The contract of `CallbackSender`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import ClassVar, TypeAlias

import pytest

from counterseal.errors import CallbackUncallable, SenderUnavailable
from counterseal.models import Delivery
from counterseal.ports import CallbackSender
from counterseal_testing.contracts.clauses import needs
from counterseal_testing.contracts.leaks import (
    SECRET,
    no_secret_is_logged,
    only_unavailable_leaves,
    skip_without_broken,
)
from counterseal_testing.contracts.race import LATE, comes_back, race, results
from counterseal_testing.contracts.summary import Contract

NewSender: TypeAlias = Callable[[], CallbackSender]
"""Makes a sender whose receiver has received nothing."""

TIMEOUT = timedelta(milliseconds=200)
"""Of a delivery that nobody answers."""

AMPLE = timedelta(seconds=20)
"""Of one that arrives, however slow the machine is and however many run at once."""


class CallbackSenderContract(Contract):
    """
    What every sender fulfils.

    Attributes:
        url: Where a receiver listens, or seems to.
        forbidden: Addresses that the configuration of the sender does not allow.
        shows_attempts: Whether `attempts` knows what reached a receiver.
        can_script: Whether `script` sets what the receiver answers.
        can_hang: Whether `hang` lets the receiver never answer.
        can_answer_slowly: Whether `answer_slowly` lets the receiver answer, and never end.
        allowed_delay: How much later than its timeout a sender may return, on a busy machine.
    """

    url: ClassVar[str] = "https://shop.example/done"
    forbidden: ClassVar[tuple[str, ...]] = ()
    shows_attempts: ClassVar[bool] = False
    can_script: ClassVar[bool] = False
    can_hang: ClassVar[bool] = False
    can_answer_slowly: ClassVar[bool] = False
    allowed_delay: ClassVar[timedelta] = LATE

    @pytest.fixture
    def new_sender(self) -> NewSender:
        """
        Return a factory of senders.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_sender`: it returns a factory")

    @pytest.fixture
    def broken_sender(self) -> NewSender | None:
        """Return a factory of senders that can attempt nothing, if there can be one."""
        return None

    def attempts(self, sender: CallbackSender) -> Sequence[Delivery]:
        """
        Return the requests that reached a receiver, in order; their timeout does not matter.

        Raises:
            NotImplementedError: `shows_attempts` is true, and the author did not say how.
        """
        raise NotImplementedError

    def script(self, sender: CallbackSender, status: int, location: str | None = None) -> None:
        """
        Let the receiver answer the next request with *status*, and a `Location` perhaps.

        Raises:
            NotImplementedError: `can_script` is true, and the author did not say how.
        """
        raise NotImplementedError

    def hang(self, sender: CallbackSender) -> None:
        """
        Let the receiver take the next request and never answer.

        Raises:
            NotImplementedError: `can_hang` is true, and the author did not say how.
        """
        raise NotImplementedError

    def answer_slowly(self, sender: CallbackSender) -> None:
        """
        Let the receiver begin to answer the next request, and send a byte now and then.

        Raises:
            NotImplementedError: `can_answer_slowly` is true, and the author did not say how.
        """
        raise NotImplementedError

    def test_sender_1_sends_once(self, new_sender: NewSender) -> None:
        """SENDER-1."""
        needs(self, "shows_attempts", "SENDER-1")
        sender = new_sender()
        for number in range(1, 4):
            sender.send(self._delivery())

            assert len(self.attempts(sender)) == number

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 408, 429, 500, 503])
    def test_sender_1_tries_nothing_again_by_itself(
        self, new_sender: NewSender, status: int
    ) -> None:
        """SENDER-1: neither there nor at the address of a redirect."""
        needs(self, "can_script", "SENDER-1")
        sender = new_sender()
        self.script(sender, status, self.url + "/elsewhere" if status < 400 else None)

        outcome = sender.send(self._delivery())

        assert outcome.status == status, "the answer is not what came back"
        assert len(self.attempts(sender)) == 1, "one attempt is one request"

    def test_sender_2_returns_in_time(self, new_sender: NewSender) -> None:
        """SENDER-2."""
        sender = new_sender()
        if self.can_hang:
            self.hang(sender)

        self._comes_back(sender)

    def test_sender_2_returns_in_time_though_something_comes(self, new_sender: NewSender) -> None:
        """SENDER-2: a limit on each read is none on the attempt."""
        needs(self, "can_answer_slowly", "SENDER-2")
        sender = new_sender()
        self.answer_slowly(sender)

        self._comes_back(sender)

    def test_sender_3_reaches_no_forbidden_address(self, new_sender: NewSender) -> None:
        """SENDER-3."""
        needs(self, "forbidden", "SENDER-3")
        sender = new_sender()
        for url in self.forbidden:
            try:
                outcome = sender.send(self._delivery(url))
            except SenderUnavailable:
                pass
            else:
                assert outcome.status is None, f"{url} has answered"
            assert len(self.attempts(sender)) == 0, f"{url} was reached"

    def test_sender_4_sends_what_it_is_given(self, new_sender: NewSender) -> None:
        """SENDER-4: a signature is over these very bytes."""
        needs(self, "shows_attempts", "SENDER-4")
        sender = new_sender()
        delivery = self._delivery()
        sender.send(delivery)
        (attempt,) = self.attempts(sender)

        assert (attempt.url, attempt.body) == (delivery.url, delivery.body)
        headers = {name.lower(): value for name, value in attempt.headers}
        for name, value in delivery.headers:
            assert headers.get(name.lower()) == value, f"{name} is not as it was given"

    @pytest.mark.parametrize("status", [200, 204, 400, 404, 410, 500])
    def test_sender_4_returns_what_came_back(self, new_sender: NewSender, status: int) -> None:
        """SENDER-4."""
        needs(self, "can_script", "SENDER-4")
        sender = new_sender()
        self.script(sender, status)

        assert sender.send(self._delivery()).status == status

    def test_sender_5_refuses_no_address_that_it_sends_to(self, new_sender: NewSender) -> None:
        """SENDER-5."""
        sender = new_sender()
        try:
            sender.require_callable(self.url)
        except CallbackUncallable as error:
            raise AssertionError(f"{self.url} is refused: {error}") from error

    def test_sender_5_refuses_what_it_will_never_send_to(self, new_sender: NewSender) -> None:
        """SENDER-5: with a reason, and neither more nor less than `send` says."""
        needs(self, "forbidden", "SENDER-5")
        sender = new_sender()
        for url in self.forbidden:
            reason: str | None = None
            try:
                sender.require_callable(url)
            except CallbackUncallable as error:
                reason = error.reason
            outcome = sender.send(self._delivery(url))
            final = outcome.status is None and outcome.final

            assert final == (reason is not None), f"{url} is refused at one of the two only"
            assert reason != "", f"{url} is refused without a reason"
            assert url not in (reason or ""), "a reason tells what the address is"

    @pytest.mark.parametrize("status", [200, 400, 503])
    def test_sender_6_what_was_answered_was_sent(self, new_sender: NewSender, status: int) -> None:
        """SENDER-6."""
        needs(self, "can_script", "SENDER-6")
        sender = new_sender()
        self.script(sender, status)

        assert sender.send(self._delivery()).may_have_arrived

    def test_sender_6_what_nobody_answers_was_sent(self, new_sender: NewSender) -> None:
        """SENDER-6: the receiver may have acted on it."""
        needs(self, "can_hang", "SENDER-6")
        sender = new_sender()
        self.hang(sender)

        assert sender.send(self._delivery(timeout=TIMEOUT)).may_have_arrived

    def test_all_1_only_unavailable_leaves(self, broken_sender: NewSender | None) -> None:
        """ALL-1."""
        if broken_sender is None:
            skip_without_broken()
            return
        sender = broken_sender()
        only_unavailable_leaves({"send": lambda: sender.send(self._delivery())})

    def test_all_2_serves_many_threads_at_once(self, new_sender: NewSender) -> None:
        """ALL-2."""
        sender = new_sender()

        outcomes = results(race([partial(sender.send, self._delivery())] * 6))

        if self.shows_attempts:
            assert len(self.attempts(sender)) == len(outcomes)

    def test_all_3_logs_no_secret(self, new_sender: NewSender) -> None:
        """ALL-3."""
        with no_secret_is_logged():
            new_sender().send(self._delivery(f"{self.url}?{SECRET}"))

    def _comes_back(self, sender: CallbackSender) -> None:
        attempt = partial(sender.send, self._delivery(timeout=TIMEOUT))
        assert comes_back(attempt, within=TIMEOUT + self.allowed_delay), (
            "no return after the timeout"
        )

    def _delivery(self, url: str | None = None, *, timeout: timedelta = AMPLE) -> Delivery:
        return Delivery(
            url=url or self.url,
            headers=(
                ("content-type", "application/json"),
                ("webhook-id", "an-id"),
                ("webhook-timestamp", "1893456000"),
                ("webhook-signature", f"v1,{SECRET}"),
            ),
            body=b'{ "not" :"normalized",  "e": 1.0e2 }\n' + SECRET.encode(),
            timeout=timeout,
        )
