"""The story: one question from its origin to the receipt, then every forgery."""

from __future__ import annotations

import attrs

from counterseal import Receipt
from counterseal.errors import InvalidField
from counterseal.models import Algorithm, Callback, Challenge, Delivery, Question
from counterseal_demo.approval_demo import forgeries
from counterseal_demo.approval_demo.forgeries import Attempt
from counterseal_demo.approval_demo.stage import Scene, Stage, set_up


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

    stage: Stage
    scene: Scene
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
    stage = set_up(question, algorithm)
    scene = stage.ask(question)
    pressed = _pressed(scene, button)
    answer = scene.press(pressed)
    ended = stage.answers.answer(scene.call(answer))
    assert ended.outcome is not None  # noqa: S101 (it was answered; for the type checker)
    assert ended.outcome.receipt is not None  # noqa: S101
    callback = next((stage.callbacks.attempt(guid) for guid in stage.callbacks.due()), None)
    return Story(
        stage=stage,
        scene=scene,
        button=pressed,
        answer=answer,
        ended=ended,
        receipt=stage.device.check(ended.outcome.receipt),
        token=ended.outcome.receipt,
        callback=callback,
        delivery=stage.sender.deliveries[-1] if callback else None,
        attempts=tuple(
            forgeries.attempt(stage, forgery, question) for forgery in forgeries.FORGERIES
        ),
    )


def _pressed(scene: Scene, button: int | None) -> int:
    if button is None:
        return scene.approving
    last = len(scene.challenge.buttons) - 1
    if not 0 <= button <= last:
        raise InvalidField("answer", f"no such button; this challenge has 0 to {last}")
    return button
