"""The policy: no unsound one can be made, and every setting says why."""

import math
import re
from datetime import timedelta
from enum import Enum
from typing import get_origin, get_type_hints

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal._setting import Direction, setting
from counterseal.errors import PolicyUnsound
from counterseal.models import Algorithm, Clients
from counterseal.policy import PROFILES, STANDARD, STRICT, Policy

FIELDS = {field.name: field for field in attrs.fields(Policy)}
KINDS = get_type_hints(Policy)
COUNTS = [name for name, kind in KINDS.items() if kind is int]
SPANS = [name for name, kind in KINDS.items() if kind is timedelta]

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

NIST, ASVS = "NIST SP 800-63B-4", "OWASP ASVS 5.0"
QUOTED = {
    "challenge_life_limit": (10 * MINUTE, 10 * MINUTE, f"{NIST}, 3.1.3"),
    "action_life_limit": (10 * MINUTE, 10 * MINUTE, f"{NIST}, 3.1.3"),
    "session_token_life": (5 * MINUTE, 10 * MINUTE, f"{NIST}, 4.1.2"),
    "portal_link_life": (HOUR, DAY, f"{NIST}, 4.2.1"),
    "portal_session_idle": (15 * MINUTE, 15 * MINUTE, f"{NIST}, 2.3.3; {ASVS}, 7.3.1"),
    "portal_session_life": (8 * HOUR, 12 * HOUR, f"{NIST}, 2.3.3; {ASVS}, 7.3.2"),
    "step_up_life": (5 * MINUTE, 15 * MINUTE, f"{ASVS}, 7.5.3"),
    "portal_sessions_limit": (10, 10, f"{ASVS}, 7.1.2"),
    "code_limit_account": (10, 100, f"{NIST}, 3.2.2"),
    "ask_limit_unapproved": (50, 100, f"{NIST}, 3.1.3.2"),
    "cx_ask_limit_unapproved": (100, 100, f"{NIST}, 3.1.3.2"),
}
"""
The default of each number that quotes NIST or ASVS, the most that a profile may have, the clauses.

NIST gives the numbers of its clauses, but for pushes (3.1.3.2), whose limit is that of failures.
ASVS demands that a limit is documented, and gives none: a step-up counts no longer than an idle
session lasts.
"""

# The largest sound value of each setting that somebody else's rule or a clear duty caps.
CEILINGS = {
    "challenge_life": 10 * MINUTE,  # S5
    "challenge_life_limit": 10 * MINUTE,  # S5
    "session_token_life": 10 * MINUTE,  # S16
    "login_life": 10 * MINUTE,
    "proof_past": 10 * MINUTE,
    "proof_future": 10 * MINUTE,
    "revalidation_life": DAY,
    "idempotency_lease": 10 * MINUTE,
    "credential_overlap_limit": 90 * DAY,
    "portal_link_life": DAY,
    "portal_session_idle": 60 * MINUTE,
    "portal_session_life": DAY,
    "step_up_life": 60 * MINUTE,
    "portal_sessions_limit": 100,
    "ask_window": DAY,
    "cooldown": DAY,
    "cooldown_limit": DAY,
    "callback_timeout": MINUTE,
    "callback_lease": 10 * MINUTE,
    "strike_limit": 100,  # S3
    "code_limit": 10,
    "code_limit_account": 100,  # S3
    "pending_limit": 100,
    "ask_limit_unapproved": 100,
    "cooldown_after": 100,
    "commit_attempts": 1000,
}
# Made with the ceiling, so that no setting contradicts another.
COMPANIONS = {
    "challenge_life": {"challenge_life_limit": 10 * MINUTE},
    "cooldown": {"cooldown_limit": DAY},
    "callback_timeout": {"callback_lease": 2 * MINUTE},
}


def unsound(**settings):
    with pytest.raises(PolicyUnsound) as caught:
        Policy(**settings)
    return str(caught.value)


@pytest.mark.parametrize(("name", "ceiling"), CEILINGS.items())
def test_the_ceiling_holds_and_is_reached(name, ceiling):
    companions = COMPANIONS.get(name, {})
    smallest = 1 if isinstance(ceiling, int) else timedelta.resolution

    assert getattr(Policy(**{name: ceiling}, **companions), name) == ceiling
    message = unsound(**{name: ceiling + smallest}, **companions)
    assert message.startswith(f"{name}: must be within ")


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("value", [0, -1, 10_000_001, 2.5, True, "5", None, math.nan])
def test_a_count_out_of_span_or_of_another_kind_is_refused_by_name(name, value):
    assert unsound(**{name: value}).startswith(f"{name}: must be within ")


@pytest.mark.parametrize("name", SPANS)
@pytest.mark.parametrize(
    "value", [-timedelta.resolution, timedelta.max, 60, 60.0, True, "60s", None]
)
def test_a_time_out_of_span_or_of_another_kind_is_refused_by_name(name, value):
    assert unsound(**{name: value}).startswith(f"{name}: must be within ")


@pytest.mark.parametrize(
    "name",
    [
        "challenge_life",
        "challenge_life_limit",
        "session_token_life",
        "login_life",
        "retention",
        "idempotency_life",
        "idempotency_lease",
        "ask_window",
        "callback_timeout",
        "callback_lease",
    ],
)
def test_no_time_is_nothing(name):
    assert unsound(**{name: timedelta(0)}).startswith(f"{name}: must be within ")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"challenge_life": 5 * MINUTE, "challenge_life_limit": 4 * MINUTE},
            "challenge_life: longer than challenge_life_limit",
        ),
        (
            {"callback_lease": 15 * SECOND, "callback_timeout": 15 * SECOND},
            "callback_lease: not longer than callback_timeout",
        ),
        (
            {"cooldown": 31 * MINUTE},
            "cooldown: longer than cooldown_limit",
        ),
        # 83 555 seconds of waits, and a fifth of that for luck.
        ({"retention": 100_265 * SECOND}, "retention: shorter than callback_delays"),
        (
            {"retention": DAY, "idempotency_life": DAY + SECOND, "callback_delays": ()},
            "retention: shorter than callback_delays in all, or than idempotency_life",
        ),
        ({"buttons_limit": 1}, "buttons_limit: must be within 2 and 64"),
        ({"token_bytes": 1023}, "token_bytes: must be within 1024 and 10000000"),
        ({"supersede": 1}, "supersede: must be True or False"),
        ({"supersede": "no"}, "supersede: must be True or False"),
        ({"algorithms": frozenset()}, "algorithms: at least one"),
        ({"algorithms": frozenset({"HS256"})}, "algorithms: at least one"),
        ({"algorithms": frozenset({"ES256"})}, "algorithms: at least one"),
        ({"algorithms": {Algorithm.ES256}}, "algorithms: at least one"),
        ({"algorithms": [Algorithm.ES256]}, "algorithms: at least one"),
        ({"algorithms": None}, "algorithms: at least one"),
        ({"callback_jitter": -0.1}, "callback_jitter: must be within 0.0 and 1.0"),
        ({"callback_jitter": 1.1}, "callback_jitter: must be within 0.0 and 1.0"),
        ({"callback_jitter": math.nan}, "callback_jitter: must be within 0.0 and 1.0"),
        ({"callback_jitter": True}, "callback_jitter: must be within 0.0 and 1.0"),
        ({"callback_jitter": "0.2"}, "callback_jitter: must be within 0.0 and 1.0"),
        ({"callback_delays": [SECOND]}, "callback_delays: must be a tuple"),
        ({"callback_delays": (5,)}, "callback_delays: must be within"),
        ({"callback_delays": (SECOND, -SECOND)}, "callback_delays: must be within"),
        ({"callback_delays": (2 * DAY,)}, "callback_delays: must be within"),
        ({"notification_title": None}, "notification_title: must be text"),
        ({"notification_body": b"bytes"}, "notification_body: must be text"),
    ],
)
def test_an_unsound_setting_is_refused_by_name(settings, message):
    assert unsound(**settings).startswith(message)


def test_retention_may_be_as_long_as_retries_take():
    assert Policy(retention=100_266 * SECOND).retention == 100_266 * SECOND
    assert Policy(retention=DAY, callback_jitter=0.0).retention == DAY


@pytest.mark.parametrize("jitter", [0, 0.0, 0.5, 1, 1.0])
def test_jitter_is_a_share(jitter):
    assert Policy(callback_jitter=jitter).callback_jitter == jitter


def test_a_sound_policy_stays_sound_when_it_is_changed():
    with pytest.raises(PolicyUnsound, match=r"^strike_limit: "):
        attrs.evolve(STANDARD, strike_limit=101)
    with pytest.raises(PolicyUnsound, match=r"^challenge_life: longer"):
        attrs.evolve(STANDARD, challenge_life_limit=MINUTE)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        STANDARD.strike_limit = 1


@given(
    st.sampled_from(COUNTS),
    st.integers(-5, 2_000) | st.integers() | st.floats() | st.none() | st.booleans(),
)
def test_any_count_is_taken_or_refused_by_name(name, value):
    try:
        policy = Policy(**{name: value})
    except PolicyUnsound as error:
        assert str(error).startswith(f"{name}: ")
    else:
        assert getattr(policy, name) == value
        assert type(value) is int
        assert value >= 1


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_has_a_reason_and_a_check(name):
    field = FIELDS[name]

    assert field.metadata["reason"].strip().endswith(".")
    assert field.validator is not None


def test_no_reason_is_given_twice():
    reasons = [field.metadata["reason"] for field in FIELDS.values()]

    assert len(set(reasons)) == len(reasons)


def test_every_number_that_quotes_a_standard_is_listed():
    quoting = {
        name for name in COUNTS + SPANS if re.search("NIST|ASVS", FIELDS[name].metadata["reason"])
    }
    assert quoting == QUOTED.keys()


@pytest.mark.parametrize(("name", "row"), QUOTED.items())
def test_a_default_is_what_the_quoted_clauses_allow(name, row):
    default, limit, clauses = row
    field = FIELDS[name]
    assert field.default == default
    assert all(getattr(profile, name) <= limit for profile in PROFILES.values())
    for clause in clauses.split("; "):
        standard, _, number = clause.rpartition(", ")
        assert re.search(rf"{standard}, {number}(?![.\d]*\d)", field.metadata["reason"])


def test_the_profiles():
    assert PROFILES == {"standard": STANDARD, "strict": STRICT}
    assert Policy() == STANDARD
    assert STANDARD.algorithms == frozenset(Algorithm) - {Algorithm.ML_DSA_44}
    assert STANDARD.challenge_life == 2 * MINUTE
    assert STANDARD.challenge_life_limit == 10 * MINUTE
    assert STANDARD.code_limit == 3
    assert STANDARD.pending_limit == 5
    assert not STANDARD.supersede
    assert STRICT.pending_limit == 1
    assert STRICT.supersede
    assert STRICT.algorithms == STANDARD.algorithms - {Algorithm.RS256}


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_says_which_value_is_stricter(name):
    field = FIELDS[name]
    direction, order = field.metadata["direction"], field.metadata["order"]
    kind = KINDS[name]

    fitting = {
        Direction.LEAST: kind in {int, float, timedelta},
        Direction.MOST: kind in {int, float, timedelta},
        Direction.SUBSET: get_origin(kind) is frozenset,
        Direction.SUPERSET: get_origin(kind) is frozenset,
        Direction.STRICTER: kind is bool or issubclass_of_enum(kind),
        Direction.SERVICE: not field.metadata["by_origins"],
    }
    assert fitting[direction]
    if direction is Direction.STRICTER:
        assert len(order) == len(set(order))
        assert set(order) == ({False, True} if kind is bool else set(kind))
    else:
        assert order == ()


def issubclass_of_enum(kind):
    return isinstance(kind, type) and issubclass(kind, Enum)


def is_looser(name, value, other):
    metadata = FIELDS[name].metadata
    return {
        Direction.SERVICE: lambda: False,
        Direction.LEAST: lambda: value > other,
        Direction.MOST: lambda: value < other,
        Direction.SUBSET: lambda: bool(value - other),
        Direction.SUPERSET: lambda: bool(other - value),
        Direction.STRICTER: lambda: metadata["order"].index(value) < metadata["order"].index(other),
    }[metadata["direction"]]()


@pytest.mark.parametrize("name", FIELDS)
def test_the_strict_profile_is_nowhere_looser(name):
    assert not is_looser(name, getattr(STRICT, name), getattr(STANDARD, name))


def test_the_strict_profile_has_no_looser_limits_for_cx_clients():
    for_cx, others = (STRICT.asking_limits(clients) for clients in (Clients.CX, Clients.CURRENT))
    assert for_cx.cooldown >= others.cooldown
    for name in ("pending", "origin_window", "account_window", "unapproved"):
        assert getattr(for_cx, name) <= getattr(others, name), name


def test_a_flag_and_an_enum_have_an_order_of_their_own():
    class Level(Enum):
        LAX = "lax"
        HARD = "hard"

    flag = setting(default=True, reason="A.", direction=Direction.STRICTER)
    level = setting(Level.LAX, "B.", direction=Direction.STRICTER)

    assert flag.metadata["order"] == (False, True)
    assert level.metadata["order"] == (Level.LAX, Level.HARD)


def test_the_default_callbacks_end_within_a_day():
    delays = STANDARD.callback_delays

    assert sum(delays, timedelta(0)) <= DAY
    assert list(delays) == sorted(delays)
