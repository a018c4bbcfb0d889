"""Strategies: what the rules of a history draw."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, multiple
from hypothesis.strategies import SearchStrategy

from counterseal import Invitation
from counterseal.models import Role
from counterseal_testing.histories import actors
from counterseal_testing.histories.answers import WAYS
from counterseal_testing.histories.ceremonies import AUTHENTICATION, REGISTRATION
from counterseal_testing.histories.challenges import QuestionDraft
from counterseal_testing.histories.new_devices import CHOICES, DECISIONS

CHALLENGES: Bundle[str] = Bundle("challenges")
INVITATIONS: Bundle[tuple[str, Invitation]] = Bundle("invitations")

PHONES = st.sampled_from(tuple(actors.PHONES))
HONEST = st.sampled_from(
    [name for name, setup in actors.PHONES.items() if not actors.PEOPLE[setup.owner].attacker]
)
ATTACKERS = st.sampled_from(["burner", "badge"])
PEOPLE = st.sampled_from(tuple(actors.PEOPLE))
MEMBERS = st.sampled_from(["lena", "mallory at the club"])
ORIGINS = st.sampled_from(tuple(actors.ORIGINS))
BROWSERS = st.sampled_from(tuple(actors.BROWSERS))
CEREMONIES = st.sampled_from([REGISTRATION, AUTHENTICATION])
TOWN = st.sampled_from(["shop", "shop", "shop", "post"])
"""The origins that know the users of browsers, most often the one that began."""
ASKABLE = st.sampled_from(actors.ASKABLE)
DRAFTS = st.builds(
    QuestionDraft,
    content=st.sampled_from(actors.CONTENTS),
    buttons=st.sampled_from(actors.BUTTONS),
    life=st.sampled_from([None, 120, 30, 5]),
    code=st.booleans(),
    callback=st.sampled_from([True, True, False]),
    context=st.sampled_from([None, None, actors.CONTEXT]),
)
KEYS = st.sampled_from([None, None, "one", "two"])
PICK = st.integers(0, 5)
ROLES = st.sampled_from([frozenset(Role), frozenset({Role.DEVICE}), frozenset({Role.STRONG})])
WAY = st.sampled_from(WAYS)
PINS = st.sampled_from([None, actors.PIN, actors.WRONG_PIN])
STATUSES = st.sampled_from([204, 200, 500, 500, 503, 302, 410])
STEP = st.tuples(
    st.sampled_from([*CHOICES, "compare"]),
    st.sampled_from(["right", "right", "right", *DECISIONS]),
)
"""What is decided on a new device, and how."""
NEW_PHONES = st.sampled_from(["tablet", "tablet", "stick"])
PASSKEY_PHONES = st.sampled_from(["tablet", "watch"])
ENDINGS = ("answer", "cancel", "expire", "disown")
ENDING = st.sampled_from(ENDINGS)
ON_THE_EDGE = st.sampled_from([-1, 0, 1])


def some(count: int) -> SearchStrategy[int]:
    """Choose one of *count*."""
    return st.integers(0, count - 1)


def new(challenge: str | None) -> MultipleResults[str]:
    """Put a challenge, if there is one, into its bundle."""
    return multiple() if challenge is None else multiple(challenge)
