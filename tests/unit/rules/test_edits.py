"""Rules of edits: each kind of value is stored, cleared or refused."""

import pytest

from counterseal import STANDARD, keys
from counterseal.errors import InvalidField
from counterseal.models import (
    FINISHED,
    AccountEventKind,
    AppSpaceChanges,
    ChallengeState,
    Codes,
    NewDeviceRule,
    OriginChanges,
    OwnLimits,
    Texts,
    flat_changes,
)
from counterseal.tenancy.rules.edits import edited_members
from counterseal.testing.pictures import build_png

PNG = build_png()
LAST = ChallengeState.EXPIRED
FILES = "https://files.example.com"


def edited(service, changes, kind=OriginChanges):
    record = service.origin.origin if kind is OriginChanges else service.app_space
    return edited_members(STANDARD, record, flat_changes(changes, kind), kind)


@pytest.mark.parametrize(
    ("changes", "members"),
    [
        ({}, {}),
        ({"name": None}, {}),
        ({"name": "x" * STANDARD.name_bytes}, {"name": "x" * STANDARD.name_bytes}),
        ({"codes": Codes.ECHOED}, {"codes": Codes.ECHOED}),
        ({"wildcards": False}, {"wildcards": False}),
        ({"callback_states": iter([LAST, LAST])}, {"callback_states": (LAST,)}),
        ({"callback_states": reversed(FINISHED)}, {"callback_states": FINISHED}),
        ({"events": ()}, {"events": ()}),
        ({"events": ""}, {"events": None}),
        ({"events": [AccountEventKind.BOUND]}, {"events": (AccountEventKind.BOUND,)}),
        ({"events_url": ""}, {"events_url": None}),
        ({"pending_limit": 1}, {"limits": OwnLimits(pending=1)}),
        ({"pending_limit": 100}, {"limits": OwnLimits(pending=100)}),
        ({"ask_limit": 1_000}, {"limits": OwnLimits(questions=1_000)}),
        (
            {"pending_limit": 3, "ask_limit": 7, "cooldown": True},
            {"limits": OwnLimits(pending=3, questions=7, cooldown=True)},
        ),
        ({"pending_limit": "", "cooldown": True}, {"limits": OwnLimits(cooldown=True)}),
    ],
)
def test_an_origin_gets_what_is_named(service, changes, members):
    assert edited(service, changes) == members


@pytest.mark.parametrize(
    ("changes", "members"),
    [
        ({"brand_color": "#0b5F66"}, {"brand_color": "#0b5F66"}),
        ({"brand_color": "", "brand_url": ""}, {"brand_color": None, "brand_url": None}),
        ({"logo": PNG}, {"logo_digest": keys.digest(PNG)}),
        ({"logo": b""}, {"logo_digest": None}),
        ({"new_devices": NewDeviceRule.CONFIRMED}, {"new_devices": NewDeviceRule.CONFIRMED}),
        ({"new_devices": ""}, {"new_devices": None}),
        ({"document_hosts": iter([FILES])}, {"document_hosts": (FILES,)}),
        ({"document_hosts": [FILES] * 16}, {"document_hosts": (FILES,) * 16}),
        ({"document_hosts": ()}, {"document_hosts": ()}),
        ({"texts": None}, {}),
        (
            {"texts": {"title": "Bank", "challenge": "Frage", "device_bound": ""}},
            {"texts": Texts(title="Bank", challenge="Frage")},
        ),
    ],
)
def test_an_app_space_gets_what_is_named(service, changes, members):
    assert edited(service, changes, AppSpaceChanges) == members


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"name": "x" * (STANDARD.name_bytes + 1)}, "name", "longer than"),
        ({"name": " "}, "name", "empty"),
        ({"events_url": "x" * (STANDARD.callback_bytes + 1)}, "eventsUrl", "longer than"),
        ({"codes": "echoed"}, "codes", "not one of typed, echoed"),
        ({"wildcards": 1}, "wildcards", "neither true nor false"),
        ({"callback_states": [LAST, ChallengeState.SEEN]}, "callbackStates", "not one of ANSWERED"),
        ({"pending_limit": 0}, "pendingLimit", "not within 1 and 100"),
        ({"pending_limit": 101}, "pendingLimit", "not within 1 and 100"),
        ({"ask_limit": 1_001}, "askLimit", "not within 1 and 1000"),
        ({"ask_limit": True}, "askLimit", "not within 1 and 1000"),
    ],
)
def test_a_value_that_does_not_fit_an_origin_is_refused(service, changes, field, problem):
    with pytest.raises(InvalidField, match=problem) as refusal:
        edited(service, changes)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"brand_color": "red"}, "brandInfo.color", "not a colour like #1A2B3C"),
        ({"brand_color": 5}, "brandInfo.color", "not a colour like #1A2B3C"),
        ({"brand_color": "#0B5F66\n"}, "brandInfo.color", "not a colour like #1A2B3C"),
        ({"logo": b"GIF89a"}, "brandInfo.logo", "not a PNG"),
        ({"texts": {"title": "x" * 3_000}}, "notification.title", "longer than"),
        ({"document_hosts": [FILES] * 17}, "documentHosts", "not a list of 16 at most"),
        ({"document_hosts": FILES}, "documentHosts", "not a list of 16 at most"),
        ({"document_hosts": ""}, "documentHosts", "not a list of 16 at most"),
        ({"document_hosts": [FILES, f"{FILES}/"]}, "documentHosts", "not a web origin like"),
        ({"document_hosts": [FILES, 7]}, "documentHosts", "not a web origin like"),
    ],
)
def test_a_value_that_does_not_fit_an_app_space_is_refused(service, changes, field, problem):
    with pytest.raises(InvalidField, match=problem) as refusal:
        edited(service, changes, AppSpaceChanges)
    assert refusal.value.field == field


def test_an_iterable_is_read_once_since_a_lost_race_decides_anew():
    kinds = (kind for kind in [AccountEventKind.BOUND])
    assert flat_changes({"events": kinds}, OriginChanges) == {"events": (AccountEventKind.BOUND,)}
    origins = iter(["https://a.example"])
    changes = flat_changes({"passkey_origins": origins}, AppSpaceChanges)
    assert changes == {"passkey_origins": ("https://a.example",)}


@pytest.mark.parametrize("changes", [{"texts": "x"}, {"texts": {"no": "x"}}, {"no": "x"}])
def test_what_is_no_argument_is_refused_whatever_its_value(changes):
    with pytest.raises(TypeError, match="not to be edited"):
        flat_changes(changes, AppSpaceChanges)
