"""
Ten forgeries of an answer, which are sent through the use cases.

Each forgery is as strong as possible: if it can, the forger lets the person's own device sign,
and every call has a valid device proof, so that only the rule in question can refuse it.

Each forgery uses a new challenge like the demo's question, changed if the forgery needs it.
The demo fails if a forgery is accepted, or refused for another reason than expected.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs

from counterseal import Refused
from counterseal.challenges.documents.display import display_text
from counterseal.errors import (
    DeadlinePassed,
    DisplayChanged,
    Foreign,
    MalformedToken,
    Replayed,
    StrongKeyMissed,
    WeakKey,
    WrongCode,
    WrongKey,
    WrongState,
)
from counterseal.models import DeviceCall, Question
from counterseal_demo.approval_demo import questions
from counterseal_demo.approval_demo.service import PIN, DemoService, Exchange

SHORT_DURATION = timedelta(seconds=3)
"""Long enough to fetch the question and to sign in, on a busy machine too."""

_DIGIT = re.compile(r"[0-9]")


@attrs.frozen(kw_only=True)
class Forgery:
    """
    One way to forge an answer.

    Attributes:
        name: Its name in the reports.
        description: What the forger does, as a sentence for a person.
        forge: Creates the call that must be refused.
        expected: The error that must be raised.
        kind: Changes the demo's question into one that the forgery needs.
    """

    name: str
    description: str
    forge: Callable[[Exchange], DeviceCall]
    expected: type[Refused]
    kind: Callable[[Question], Question] = lambda question: question


@attrs.frozen(kw_only=True)
class Attempt:
    """
    The result of a forgery.

    Attributes:
        refusal: The error; None if the forgery was accepted.
    """

    forgery: Forgery
    refusal: Refused | None

    @property
    def code(self) -> str | None:
        """The refusal's code; None if the forgery was accepted."""
        return None if self.refusal is None else self.refusal.code

    @property
    def fault(self) -> str | None:
        """What is wrong with the service, in one line; None if nothing is."""
        if self.refusal is None:
            return f"FORGERY ACCEPTED: {self.forgery.name}"
        if not isinstance(self.refusal, self.forgery.expected):
            expected = self.forgery.expected.code
            return f"{self.forgery.name}: refused as {self.code}, and not as {expected}"
        return None


def attempt(service: DemoService, forgery: Forgery, question: Question) -> Attempt:
    """
    Try one forgery on a new challenge, and cancel the challenge.

    Raises:
        Refused: The challenge could not be issued, or an honest step was refused.
    """
    exchange, forged = prepare(service, forgery, question)
    refusal = None
    try:
        service.answers.answer(forged)
    except Refused as met:
        refusal = met
    service.clear(exchange.challenge)
    return Attempt(forgery=forgery, refusal=refusal)


def prepare(
    service: DemoService, forgery: Forgery, question: Question
) -> tuple[Exchange, DeviceCall]:
    """
    Ask a new question, and return it with the forged call, which is not sent yet.

    Raises:
        Refused: The challenge could not be issued, or an honest step was refused.
    """
    # In the next window of the rate limit, so that the person is not asked too often.
    service.clock.move_by(service.policy.ask_window)
    exchange = service.ask(forgery.kind(question))
    return exchange, forgery.forge(exchange)


def _changed_amount(exchange: Exchange) -> DeviceCall:
    document = exchange.document
    changed = {**document, "content": _another(document["content"])}
    token = exchange.service.device.answer(
        display_text(changed), exchange.approving, pin=PIN, code=exchange.code
    )
    return exchange.call(token)


def _swapped_button(exchange: Exchange) -> DeviceCall:
    refusal = exchange.service.device.answer(exchange.challenge.display, exchange.refusing, pin=PIN)
    approving = exchange.approving
    claims: dict[str, Any] = {
        "button": approving,
        "title": exchange.challenge.buttons[approving].title,
    }
    if exchange.code is not None:
        claims["code"] = exchange.code
    return exchange.call(reworded(refusal, **claims))


def _replay(exchange: Exchange) -> DeviceCall:
    captured = exchange.call(exchange.press(exchange.approving))
    exchange.service.answers.answer(captured)
    return captured


def _late(exchange: Exchange) -> DeviceCall:
    token = exchange.press(exchange.approving)
    exchange.service.clock.move_to(exchange.challenge.deadline)
    return exchange.call(token)


def _weak_key(exchange: Exchange) -> DeviceCall:
    strong = next(i for i, button in enumerate(exchange.challenge.buttons) if button.strong)
    token = exchange.service.device.answer(
        exchange.challenge.display, strong, code=exchange.code_for(strong)
    )
    return exchange.call(token)


def _other_device(exchange: Exchange) -> DeviceCall:
    person = exchange.service.device
    impostor = attrs.evolve(exchange.service.neighbour(), bond=person.bond)
    token = impostor.answer(
        exchange.challenge.display,
        exchange.approving,
        pin=PIN,
        code=exchange.code_for(exchange.approving),
    )
    return exchange.call(token)


def _other_tenant(exchange: Exchange) -> DeviceCall:
    person, foreigner = exchange.service.device, exchange.service.foreigner()
    assert person.bond is not None  # noqa: S101 (the stage's devices are bound)
    assert foreigner.bond is not None  # noqa: S101
    liar = attrs.evolve(foreigner, bond=attrs.evolve(person.bond, device=foreigner.bond.device))
    token = liar.answer(
        exchange.challenge.display,
        exchange.approving,
        pin=PIN,
        code=exchange.code_for(exchange.approving),
    )
    return exchange.call(token, device=foreigner)


def _cancelled(exchange: Exchange) -> DeviceCall:
    token = exchange.press(exchange.approving)
    exchange.service.challenges.cancel(exchange.service.party, exchange.challenge.guid)
    return exchange.call(token)


def _wrong_code(exchange: Exchange) -> DeviceCall:
    right = exchange.code or ""
    guess = _another_text(right)
    token = exchange.service.device.answer(
        exchange.challenge.display, exchange.approving, pin=PIN, code=guess
    )
    return exchange.call(token)


def _stripped_algorithm(exchange: Exchange) -> DeviceCall:
    return exchange.call(unsigned(exchange.press(exchange.approving)))


def _with_a_short_deadline(question: Question) -> Question:
    # Where the clock is the system's, the forger really waits.
    return attrs.evolve(question, duration=SHORT_DURATION)


def _with_strong_button(question: Question) -> Question:
    if any(button.strong for button in question.buttons):
        return question
    return questions.own(question.account_id)


def _with_code(question: Question) -> Question:
    return attrs.evolve(question, show_code=True)


def _another(content: dict[str, Any]) -> dict[str, Any]:
    """Change the first amount in the content, or the first text if there is none."""
    pairs = content.get("keys")
    if pairs:
        chosen = next((pair for pair in pairs if _DIGIT.search(pair["value"])), pairs[0])
        forged = [
            {**pair, "value": _another_text(pair["value"])} if pair is chosen else pair
            for pair in pairs
        ]
        return {**content, "keys": forged}
    member = next(name for name in ("text", "html", "title") if name in content)
    return {**content, member: _another_text(content[member])}


def _another_text(text: str) -> str:
    changed, count = _DIGIT.subn(lambda digit: str((int(digit[0]) + 1) % 10), text, count=1)
    return changed if count else f"{text} 1"


FORGERIES = (
    Forgery(
        name="changed amount",
        description="The device shows other content than was asked, and signs that.",
        forge=_changed_amount,
        expected=DisplayChanged,
    ),
    Forgery(
        name="swapped button",
        description="The person refuses; the signed answer is edited into an approval.",
        forge=_swapped_button,
        expected=StrongKeyMissed,
    ),
    Forgery(
        name="replay",
        description="A captured answer that was accepted is sent once more, with its proof.",
        forge=_replay,
        expected=Replayed,
    ),
    Forgery(
        name="late",
        description="An answer that was signed in time arrives at the very deadline.",
        forge=_late,
        expected=DeadlinePassed,
        kind=_with_a_short_deadline,
    ),
    Forgery(
        name="weak key for a strong button",
        description="A strong button is answered without the PIN, with the device key.",
        forge=_weak_key,
        expected=WeakKey,
        kind=_with_strong_button,
    ),
    Forgery(
        name="other device",
        description="Another person's device signs in the name of this device, with its own key.",
        forge=_other_device,
        expected=WrongKey,
    ),
    Forgery(
        name="other tenant",
        description="A device bound by another company, to the same account id, answers.",
        forge=_other_tenant,
        expected=Foreign,
    ),
    Forgery(
        name="cancelled",
        description="The shop cancels its question; then a valid answer arrives.",
        forge=_cancelled,
        expected=WrongState,
    ),
    Forgery(
        name="wrong code",
        description="The person types another matching code than the shop shows.",
        forge=_wrong_code,
        expected=WrongCode,
        kind=_with_code,
    ),
    Forgery(
        name="stripped algorithm",
        description='The answer is rewritten as an unsecured token: "alg": "none", no signature.',
        forge=_stripped_algorithm,
        expected=MalformedToken,
    ),
)


def reworded(token: str, **claims: Any) -> str:
    """Return the token with other *claims*, and with its old header and signature."""
    header, payload, signature = token.split(".")
    return f"{header}.{_encode(_decode(payload) | claims)}.{signature}"


def unsigned(token: str) -> str:
    """Return the token as an unsecured one: algorithm `none`, no signature (RFC 7515, A.5)."""
    header, payload, _ = token.split(".")
    return f"{_encode(_decode(header) | {'alg': 'none'})}.{payload}."


def _decode(part: str) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return members


def _encode(members: dict[str, Any]) -> str:
    data = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
