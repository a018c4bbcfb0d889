"""The story: one question from its origin to the receipt, then every forgery."""

from __future__ import annotations

import attrs

from counterseal import Receipt
from counterseal.errors import InvalidField
from counterseal.models import Algorithm, Callback, Challenge, Delivery, Question
from counterseal_demo.approval_demo import forgeries
from counterseal_demo.approval_demo.forgeries import Attempt
from counterseal_demo.approval_demo.service import DemoService, Exchange, set_up


@attrs.frozen(kw_only=True)
class Story:
    """
    What happened.

    Attributes:
        scene: The question as the device read it.
        button: Index of the button that was pressed.
        answer: What the device signed, a compact JWS.
        ended: The challenge once the answer was accepted.
        receipt: The receipt as the device checked it against the keys it pinned.
        token: The receipt's text.
        callback: The callback after its first attempt; None if none was asked for.
        delivery: What would have been sent.
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
        question: What is asked.
        button: Index of the button that the person presses; None presses the first that approves.
        algorithm: Of the device's keys.

    Raises:
        InvalidField: The question does not fit, or has no such button; the error names it.
        Refused: The honest answer was refused.
    """
    service = set_up(question, algorithm)
    exchange = service.ask(question)
    pressed = _pressed(exchange, button)
    answer = exchange.press(pressed)
    ended = service.answers.answer(exchange.call(answer))
    assert ended.outcome is not None  # noqa: S101 (it was answered; for the type checker)
    assert ended.outcome.receipt is not None  # noqa: S101
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
        delivery=service.sender.deliveries[-1] if callback else None,
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
