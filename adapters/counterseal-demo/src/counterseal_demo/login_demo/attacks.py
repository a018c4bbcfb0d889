"""
Ten ways to get in that are none, each tried for real over HTTP.

The attacker gets all the help that there is: everything fits but the one thing that is missing.
An attack that is not refused, or refused for another reason than it should be, has failed the demo.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import attrs

from counterseal_demo.device_cli.calls import ServiceRefused
from counterseal_demo.login_demo.person import Begun, Person


@attrs.frozen(kw_only=True)
class People:
    """
    Whom the provider knows.

    Attributes:
        person: Whose device is bound.
        attacker: Somebody else, who may log in as well.
    """

    person: Person
    attacker: Person


@attrs.frozen(kw_only=True)
class Attack:
    """
    One way.

    Attributes:
        name: As the reports name it.
        deed: What the attacker does, for a person.
        attempt: Does it, and returns the word that the attacker is told; nothing if it succeeds.
        expected: The reason that the audit log has to have.
    """

    name: str
    description: str
    attempt: Callable[[People], str]
    expected: str


@attrs.frozen(kw_only=True)
class Attempt:
    """
    What became of an attack.

    Attributes:
        public_code: What the attacker was told; empty if nothing was refused.
        code: The reason in the audit log.
    """

    attack: Attack
    public_code: str
    code: str

    @property
    def fault(self) -> str | None:
        """What is wrong with the service, in a line; None if it refused as it should."""
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
    # The victim's own app gets it, and has a secret of its own.
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
            "State and code are caught on their way to the app, which alone has its secret."
        ),
        attempt=_caught,
        expected="wrong_token",
    ),
    Attack(
        name="address sent to a victim",
        description="The victim logs in at an address that the attacker's app has begun.",
        attempt=_sent_to_a_victim,
        expected="wrong_token",
    ),
    Attack(
        name="forged state",
        description="The name of a log-in is known, and its secret guessed.",
        attempt=_forged_state,
        expected="wrong_token",
    ),
    Attack(
        name="injected code",
        description="The code of another person's log-in is put into one's own.",
        attempt=_swapped_code,
        expected="idp_code_refused",
    ),
    Attack(
        name="mixed-up provider",
        description="The response says that another provider has sent it.",
        attempt=_mixed_up,
        expected="idp_response_issuer",
    ),
    Attack(
        name="log-in used twice",
        description="State, code and secret are sent again, all of them right.",
        attempt=_twice,
        expected="wrong_state",
    ),
    Attack(
        name="return to another app",
        description="The log-in is to end at an address that is not the App Space's.",
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
        description='The provider\'s word of a logout is rewritten: "alg": "none", no signature.',
        attempt=_forged_logout,
        expected="idp_token_malformed",
    ),
    Attack(
        name="logout sent again",
        description="A word of the provider that has counted once is to count again.",
        attempt=_repeated_logout,
        expected="replayed",
    ),
)
