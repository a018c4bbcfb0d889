"""The steps of the demo: one question until its receipt, then every forgery."""

from __future__ import annotations

import attrs

from counterseal import Receipt
from counterseal.errors import InvalidField
from counterseal.memory import CollectingSender
from counterseal.models import Algorithm, Callback, Challenge, Delivery, Question
from counterseal_demo.approval_demo import forgeries
from counterseal_demo.approval_demo.forgeries import Attempt
from counterseal_demo.approval_demo.service import DemoService, Exchange, set_up


@attrs.frozen(kw_only=True)
class Story:
    """
    The results of all steps.

    Attributes:
        exchange: The challenge, as the device fetched it.
        button: The index of the pressed button.
        answer: The signed answer, a compact JWS.
        ended: The challenge after the answer was accepted.
        receipt: The receipt as the device checked it against the keys it pinned.
        token: The receipt's text.
        callback: The callback after its first attempt; None if there is none.
        delivery: The HTTP request that would have been sent.
    """

    service: DemoService
    exchange: Exchange
    button: int
    answer: str
    ended: Challenge
    receipt: Receipt
    token: str
    callback: Callback | None
    delivery: Delivery | None
    attempts: tuple[Attempt, ...]


def play(question: Question, *, button: int | None, algorithm: Algorithm) -> Story:
    """
    Ask, answer, verify, call back; then try every forgery.

    Args:
        question: The question.
        button: The index of the button to press; None is the first one that approves.
        algorithm: The algorithm of the device's keys.

    Raises:
        InvalidField: A member is outside the policy, or there is no such button.
        Refused: The honest answer was refused.
    """
    service = set_up(question, algorithm)
    exchange = service.ask(question)
    pressed = _pressed(exchange, button)
    answer = exchange.press(pressed)
    ended = service.answers.answer(exchange.call(answer))
    assert ended.outcome is not None  # noqa: S101 (it was answered; for the type checker)
    assert ended.outcome.receipt is not None  # noqa: S101
    sender = service.ports.sender
    assert isinstance(sender, CollectingSender)  # noqa: S101 (of `memory_ports`; for the type checker)
    callback = next((service.callbacks.attempt(guid) for guid in service.callbacks.due()), None)
    return Story(
        service=service,
        exchange=exchange,
        button=pressed,
        answer=answer,
        ended=ended,
        receipt=service.device.check(ended.outcome.receipt),
        token=ended.outcome.receipt,
        callback=callback,
        delivery=sender.deliveries[-1] if callback else None,
        attempts=tuple(
            forgeries.attempt(service, forgery, question) for forgery in forgeries.FORGERIES
        ),
    )


def _pressed(exchange: Exchange, button: int | None) -> int:
    if button is None:
        return exchange.approving
    last = len(exchange.challenge.buttons) - 1
    if not 0 <= button <= last:
        raise InvalidField("answer", f"no such button; this challenge has 0 to {last}")
    return button
