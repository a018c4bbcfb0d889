"""Narrowing: no level loosens another, by an oracle that knows each setting's direction itself."""

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal._setting import Direction
from counterseal.errors import PolicyUnsound
from counterseal.models import (
    Algorithm,
    AppSpace,
    AppSpacePolicy,
    Clients,
    Level,
    NewDeviceRule,
    Origin,
    OriginPolicy,
    OwnLimits,
    PasskeyUse,
    Reaction,
)
from counterseal.narrowing import (
    FIELDS,
    IN_APP_SPACE,
    effective_settings,
    merge,
    narrow,
    policy_within,
)
from counterseal.policy import STANDARD, STRICT, Policy
from counterseal_testing.clock import START

# fmt: off
SMALLER = [
    "challenge_life", "challenge_life_limit", "session_token_life", "confirmation_life",
    "login_life", "ceremony_life", "revalidation_life", "revalidation_grace", "strike_limit",
    "code_limit", "comparison_limit", "code_limit_account", "pending_limit", "ask_limit_origin",
    "ask_limit", "ask_limit_unapproved", "cooldown_after", "cx_pending_limit", "cx_ask_limit",
    "cx_ask_limit_unapproved", "origin_rate", "authenticate_rate", "invite_rate",
    "device_invite_rate", "comparison_rate", "strong_keys_limit", "bindings_limit",
    "action_life", "action_life_limit", "action_validity", "action_validity_limit",
]
LARGER = ["ask_window", "cooldown", "cooldown_limit", "codes_demanded"]
UNITED = ["on_declined", "on_not_mine", "on_wrong_details", "on_pressured", "on_other"]
STRICT_VALUES = {
    "cx_cooldown": (False, True),
    "device_invitations": (True, False),
    "device_replacement": (True, False),
    "arguments_required": (False, True),
    "origin_texts": (True, False),
    "new_devices": (NewDeviceRule.AT_ONCE, NewDeviceRule.CONFIRMED),
    "passkeys": (PasskeyUse.ALLOW, PasskeyUse.WITH_DEVICE_KEY, PasskeyUse.REFUSE),
}
"""The oracle: which of two values is stricter."""

OF_ORIGINS = [
    "challenge_life", "challenge_life_limit", "session_token_life", "ceremony_life",
    "comparison_limit", "origin_rate", "authenticate_rate", "invite_rate", "comparison_rate",
    "action_life", "action_life_limit", "action_validity", "action_validity_limit",
    "arguments_required",
]
# fmt: on
NARROWABLE = {*SMALLER, *LARGER, *UNITED, *STRICT_VALUES, "algorithms"}

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def values_of(name):
    if name == "algorithms":
        return st.frozensets(st.sampled_from(Algorithm), min_size=1)
    if name in UNITED:
        return st.frozensets(st.sampled_from(Reaction))
    if name in STRICT_VALUES:
        return st.sampled_from(STRICT_VALUES[name])
    low, high = FIELDS[name].metadata["low"], FIELDS[name].metadata["high"]
    if isinstance(low, timedelta):
        return st.integers(low // SECOND, high // SECOND).map(lambda count: count * SECOND)
    return st.integers(low, high)


def some(names):
    return st.fixed_dictionaries({}, optional={name: values_of(name) for name in sorted(names)})


@st.composite
def policies(draw):
    settings = draw(some(NARROWABLE))
    try:
        return Policy(**settings)
    except PolicyUnsound:
        # Two of them contradict each other.
        for name in ("challenge_life", "action_life", "action_validity"):
            settings.pop(name, None)
            settings.pop(f"{name}_limit", None)
        settings.pop("cooldown", None)
        settings.pop("cooldown_limit", None)
        return Policy(**settings)


def tightest(name, candidates):
    """Return the strictest of the values of one setting, by the oracle's table."""
    if name == "algorithms":
        return frozenset.intersection(*candidates)
    if name in UNITED:
        return frozenset.union(*candidates)
    if name in SMALLER:
        return min(candidates)
    if name in LARGER:
        return max(candidates)
    return next(each for each in reversed(STRICT_VALUES[name]) if each in candidates)


def expected(policy, *own):
    effective = {
        name: tightest(name, [getattr(policy, name), *(each[name] for each in own if name in each)])
        for name in NARROWABLE
    }
    for name in ("challenge_life", "action_life", "action_validity"):
        effective[name] = min(effective[name], effective[f"{name}_limit"])
    effective["cooldown_limit"] = max(effective["cooldown"], effective["cooldown_limit"])
    return effective


def narrowable_of(policy):
    return {name: getattr(policy, name) for name in NARROWABLE}


def test_the_oracle_knows_every_setting_that_can_be_narrowed():
    declared = {
        name
        for name, field in FIELDS.items()
        if field.metadata["direction"] is not Direction.SERVICE
    }
    assert declared == NARROWABLE
    assert {n for n, field in FIELDS.items() if field.metadata["by_origins"]} == set(OF_ORIGINS)


def test_every_setting_that_can_be_narrowed_has_its_place_in_the_records():
    of_origin = {field.name for field in attrs.fields(OriginPolicy)}
    of_app_space = {field.name for field in attrs.fields(AppSpacePolicy)}

    assert of_origin == set(OF_ORIGINS)
    assert of_app_space == NARROWABLE - IN_APP_SPACE
    assert {field.name for field in attrs.fields(AppSpace)} >= IN_APP_SPACE
    assert all(field.default is None for field in attrs.fields(AppSpacePolicy))


@given(policies(), some(NARROWABLE), some(OF_ORIGINS))
def test_what_counts_is_the_strictest_that_any_level_says(policy, app_space, origin):
    narrowed = narrow(policy, app_space, origin)

    assert narrowable_of(narrowed) == expected(policy, app_space, origin)
    for field in attrs.fields(Policy):
        if field.name not in NARROWABLE:
            assert getattr(narrowed, field.name) == getattr(policy, field.name)


@given(policies(), some(NARROWABLE), some(OF_ORIGINS))
def test_what_counts_is_a_sound_policy(policy, app_space, origin):
    narrowed = narrow(policy, app_space, origin)
    settings = attrs.asdict(narrowed, recurse=False)
    if narrowed.algorithms:
        assert Policy(**settings) == narrowed
    else:
        assert not policy.algorithms & app_space["algorithms"]


def test_levels_without_a_common_algorithm_allow_none():
    """Which no policy by itself could say; all else of it is sound."""
    policy = attrs.evolve(STANDARD, algorithms=frozenset({Algorithm.ES256}))
    narrowed = narrow(policy, {"algorithms": frozenset({Algorithm.EDDSA})}, {})
    assert narrowed.algorithms == frozenset()
    with pytest.raises(PolicyUnsound):
        Policy(**attrs.asdict(narrowed, recurse=False))
    assert attrs.evolve(narrowed, algorithms=policy.algorithms) == policy


@given(policies(), some(NARROWABLE), some(OF_ORIGINS))
def test_narrowing_again_changes_nothing(policy, app_space, origin):
    narrowed = narrow(policy, app_space, origin)
    assert narrow(narrowed, app_space, origin) == narrowed
    assert narrow(policy, {}, {}) is policy


@given(policies(), some(OF_ORIGINS), some(OF_ORIGINS))
def test_neither_the_order_nor_the_grouping_matters(policy, one, other):
    narrowed = narrow(policy, one, other)
    assert narrow(policy, other, one) == narrowed
    assert narrow(narrow(policy, one, {}), {}, other) == narrowed


@given(policies(), policies(), some(NARROWABLE), some(OF_ORIGINS))
def test_a_stricter_service_never_makes_anything_looser(policy, other, app_space, origin):
    tightened = attrs.evolve(
        policy,
        **(expected(policy, narrowable_of(other)) | {"algorithms": policy.algorithms}),
    )
    before = narrowable_of(narrow(policy, app_space, origin))
    after = narrowable_of(narrow(tightened, app_space, origin))
    for name in NARROWABLE:
        assert tightest(name, [before[name], after[name]]) == after[name], name


@given(policies(), some(NARROWABLE), some(OF_ORIGINS))
def test_the_level_that_decided_is_the_last_that_made_it_stricter(policy, app_space, origin):
    for setting in merge(policy, app_space, origin):
        service = setting.service
        assert service == getattr(policy, setting.name)
        assert setting.app_space == app_space.get(setting.name)
        assert setting.origin == origin.get(setting.name)
        if setting.bounded_by:
            bounding = {each.name: each for each in merge(policy, app_space, origin)}
            assert setting.value == bounding[setting.bounded_by].value
            assert setting.decided_by is bounding[setting.bounded_by].decided_by
        elif setting.decided_by is Level.SERVICE:
            assert setting.value == service
        else:
            assert setting.value != service
            above = [service]
            if setting.decided_by is Level.ORIGIN and setting.name in app_space:
                above.append(app_space[setting.name])
            assert setting.value != tightest(setting.name, above)


def app_space_of(**members):
    return AppSpace(guid="a", company="c", name="Bank", created_at=START, **members)


def origin_of(**members):
    return Origin(guid="o", app_space="a", name="Shop", created_at=START, **members)


def test_where_nothing_is_narrowed_the_policy_is_the_services():
    assert policy_within(STANDARD, app_space_of(), origin_of()) is STANDARD


def test_what_is_stored_narrows_the_policy():
    app_space = app_space_of(
        policy=AppSpacePolicy(
            code_limit=2,
            challenge_life_limit=300,
            algorithms=(Algorithm.ES256, Algorithm.EDDSA),
            passkeys=PasskeyUse.REFUSE,
            origin_texts=False,
        ),
        new_devices=NewDeviceRule.CONFIRMED,
        device_invitations=False,
    )
    narrowed = policy_within(STANDARD, app_space, origin_of(policy=OriginPolicy(challenge_life=60)))

    assert narrowed == attrs.evolve(
        STANDARD,
        code_limit=2,
        challenge_life=MINUTE,
        challenge_life_limit=5 * MINUTE,
        algorithms=frozenset({Algorithm.ES256, Algorithm.EDDSA}),
        passkeys=PasskeyUse.REFUSE,
        origin_texts=False,
        new_devices=NewDeviceRule.CONFIRMED,
        device_invitations=False,
    )
    assert policy_within(STANDARD, app_space, None).challenge_life == 2 * MINUTE


def test_a_service_that_became_stricter_wins_over_what_is_stored():
    app_space = app_space_of(policy=AppSpacePolicy(pending_limit=4, ask_window=60))

    assert policy_within(STANDARD, app_space, None).pending_limit == 4
    assert policy_within(STRICT, app_space, None).pending_limit == 1
    assert policy_within(STRICT, app_space, None).ask_window == 10 * MINUTE


def test_no_algorithm_in_common_is_none_at_all():
    only = attrs.evolve(STANDARD, algorithms=frozenset({Algorithm.EDDSA}))
    narrowed = policy_within(
        only, app_space_of(policy=AppSpacePolicy(algorithms=(Algorithm.ES256,))), None
    )

    assert narrowed.algorithms == frozenset()
    assert attrs.evolve(only, code_limit=3).algorithms == {Algorithm.EDDSA}


def test_a_limit_that_is_lowered_takes_the_default_with_it_and_says_so():
    settings = {
        each.name: each
        for each in effective_settings(
            STANDARD,
            app_space_of(policy=AppSpacePolicy(challenge_life_limit=60, cooldown=3_600)),
            origin_of(policy=OriginPolicy(challenge_life=100)),
        )
    }
    life, limit = settings["challenge_life"], settings["cooldown_limit"]

    assert (life.value, life.decided_by) == (MINUTE, Level.APP_SPACE)
    assert (life.bounded_by, life.origin) == ("challenge_life_limit", 100 * SECOND)
    assert (limit.value, limit.decided_by, limit.bounded_by) == (
        60 * MINUTE,
        Level.APP_SPACE,
        "cooldown",
    )
    assert [each.name for each in effective_settings(STANDARD, app_space_of(), None)] == list(
        FIELDS
    )


@pytest.mark.parametrize(
    ("clients", "names"),
    [
        (Clients.CURRENT, {"pending_limit": 2, "ask_limit_origin": 3}),
        (Clients.CX, {"cx_pending_limit": 2, "cx_ask_limit": 3, "cx_cooldown": True}),
    ],
)
def test_an_origins_own_limits_of_asking_are_shown_as_the_settings_that_they_tighten(
    clients, names
):
    origin = origin_of(clients=clients, limits=OwnLimits(pending=2, questions=3, cooldown=True))
    settings = {
        each.name: each.value
        for each in effective_settings(STANDARD, app_space_of(), origin)
        if each.decided_by is Level.ORIGIN
    }

    assert settings == names
    assert policy_within(STANDARD, app_space_of(), origin) is STANDARD
