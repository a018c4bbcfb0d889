"""
Ten attacks on the log-in, over HTTP.

Each attack is as strong as possible: everything is valid except the one thing in question.
The demo fails if an attack is not refused, or refused for another reason than expected.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import attrs

from counterseal_demo.login_demo.person import Begun, Person
from counterseal_http.devices import ServiceRefused


@attrs.frozen(kw_only=True)
class People:
    """
    The users of the provider.

    Attributes:
        person: The user whose device is bound.
        attacker: Another user, who may log in too.
    """

    person: Person
    attacker: Person


@attrs.frozen(kw_only=True)
class Attack:
    """
    One attack.

    Attributes:
        name: Its name in the reports.
        description: What the attacker does, as a sentence for a person.
        attempt: Attacks, and returns the public code that the attacker gets; empty on success.
        expected: The code that must be in the audit log.
    """

    name: str
    description: str
    attempt: Callable[[People], str]
    expected: str


@attrs.frozen(kw_only=True)
class Attempt:
    """
    The result of an attack.

    Attributes:
        public_code: The code that the attacker got; empty if nothing was refused.
        code: The code in the audit log.
    """

    attack: Attack
    public_code: str
    code: str

    @property
    def fault(self) -> str | None:
        """What is wrong with the service, in one line; None if nothing is."""
        if not self.public_code:
            return f"ATTACK SUCCEEDED: {self.attack.name}"
        if self.code != self.attack.expected:
            return f"{self.attack.name}: refused as {self.code}, and not as {self.attack.expected}"
        return None


def attempt(attack: Attack, people: People) -> Attempt:
    """Try one attack."""
    public_code = attack.attempt(people)
    return Attempt(attack=attack, public_code=public_code, code=people.person.world.reason())


def _code_of(call: Callable[[], object]) -> str:
    try:
        call()
    except ServiceRefused as refusal:
        return refusal.word
    return ""


def _caught(people: People) -> str:
    response = people.person.log_in(people.person.begin())
    return _code_of(lambda: people.attacker.finish(response, "a guess"))


def _sent_to_a_victim(people: People) -> str:
    theirs, own = people.attacker.begin(), people.person.begin()
    response = people.person.log_in(theirs)
    # The victim's own app gets it, and has another secret.
    return _code_of(lambda: people.person.finish(response, own.secret))


def _forged_state(people: People) -> str:
    begun = people.attacker.begin()
    response = people.attacker.log_in(begun)
    login = response["state"].partition(".")[0]
    return _code_of(
        lambda: people.attacker.finish(response | {"state": f"{login}.guess"}, begun.secret)
    )


def _swapped_code(people: People) -> str:
    own: Begun = people.attacker.begin()
    response, stolen = people.attacker.log_in(own), people.person.log_in(people.person.begin())
    return _code_of(lambda: people.attacker.finish(response | {"code": stolen["code"]}, own.secret))


def _mixed_up(people: People) -> str:
    begun = people.person.begin()
    response = people.person.log_in(begun) | {"iss": "https://another.example"}
    return _code_of(lambda: people.person.finish(response, begun.secret))


def _twice(people: People) -> str:
    begun = people.attacker.begin()
    response = people.attacker.log_in(begun)
    people.attacker.finish(response, begun.secret)
    return _code_of(lambda: people.attacker.finish(response, begun.secret))


def _elsewhere(people: People) -> str:
    return _code_of(lambda: people.attacker.begin("com.example.attacker:/login"))


def _invited(people: People) -> str:
    response = people.person.world.ask("PUT", "/account/bind", {"accountId": "e-1001"})
    return str(response.get("code", ""))


def _forged_logout(people: People) -> str:
    world = people.person.world
    response = world.provider.logout_token("counterseal", people.person.subject, "a session")
    head, claims, _ = response.split(".")
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(head + "=="))
    bare = json.dumps(header | {"alg": "none"}).encode()
    forged = base64.urlsafe_b64encode(bare).rstrip(b"=").decode()
    return _status(world.log_out(f"{forged}.{claims}."))


def _repeated_logout(people: People) -> str:
    world = people.person.world
    token = world.provider.logout_token("counterseal", people.attacker.subject, "a session")
    world.log_out(token)
    return _status(world.log_out(token))


def _status(status: int) -> str:
    return "" if status < HTTPStatus.BAD_REQUEST else str(status)


ATTACKS = (
    Attack(
        name="redirect caught by another app",
        description=(
            "State and code are intercepted on the way to the app; only the app has the secret."
        ),
        attempt=_caught,
        expected="wrong_token",
    ),
    Attack(
        name="address sent to a victim",
        description="The victim logs in at an address from a log-in that the attacker's app began.",
        attempt=_sent_to_a_victim,
        expected="wrong_token",
    ),
    Attack(
        name="forged state",
        description="The state of a log-in is known, and its secret is guessed.",
        attempt=_forged_state,
        expected="wrong_token",
    ),
    Attack(
        name="injected code",
        description="The code of another person's log-in is sent in the attacker's own.",
        attempt=_swapped_code,
        expected="idp_code_refused",
    ),
    Attack(
        name="mixed-up provider",
        description="The response names another provider as its sender.",
        attempt=_mixed_up,
        expected="idp_response_issuer",
    ),
    Attack(
        name="log-in used twice",
        description="State, code and secret are sent again, all valid.",
        attempt=_twice,
        expected="wrong_state",
    ),
    Attack(
        name="return to another app",
        description="The log-in asks to return to an address that the App Space does not list.",
        attempt=_elsewhere,
        expected="return_forbidden",
    ),
    Attack(
        name="invited without the provider",
        description="The shop invites a device by itself, for an account of its choice.",
        attempt=_invited,
        expected="wrong_kind",
    ),
    Attack(
        name="forged logout",
        description='The logout token is rewritten: "alg": "none", no signature.',
        attempt=_forged_logout,
        expected="idp_token_malformed",
    ),
    Attack(
        name="logout sent again",
        description="A logout token that was accepted is sent once more.",
        attempt=_repeated_logout,
        expected="replayed",
    ),
)
