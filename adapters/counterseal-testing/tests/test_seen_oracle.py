"""The oracle of when devices were seen, by commits that it takes and that it refuses."""

from datetime import timedelta

import attrs
import pytest

from counterseal_testing import START
from counterseal_testing.histories.ledger import (
    AccountEntry,
    BindingEntry,
    Commit,
    Ledger,
    Operation,
)
from counterseal_testing.histories.seen_oracle import was_seen

HOUR = timedelta(hours=1)
STORED = {"guid": "phone", "account": "zoe", "version": 3, "state": "ACTIVE", "last_seen_at": START}


def ledger(*, attacker=False, state="ACTIVE"):
    account = AccountEntry(space="bank", account_id="zoe", attacker=attacker, subject="")
    binding = BindingEntry(account="zoe", deadline=START, state=state)
    return Ledger(
        limits=None,
        verify=None,
        service_keys=[],
        accounts={"zoe": account},
        bindings={"phone": binding},
        versions={"phone": 3},
    )


def commit_of(old=STORED, *, by="phone", verb="pending", attacker=False, audit=(), **changes):
    new = old | {"version": 4, "last_seen_at": START + HOUR} | changes
    facts = {} if attacker else {"device": by}
    return Commit(
        operation=Operation(verb=verb, facts=facts, since=0, attacker=attacker),
        changes=[("Binding", old, new)],
        audit=list(audit),
        moments=(),
        latest=START + HOUR,
    )


def test_a_device_is_seen_by_its_call_an_hour_later():
    truth = ledger()
    assert was_seen(truth, commit_of())
    assert truth.versions == {"phone": 4}


def test_a_device_that_was_never_seen_is():
    assert was_seen(ledger(), commit_of(STORED | {"last_seen_at": None}))


def test_an_attacker_is_seen_as_themselves():
    assert was_seen(ledger(attacker=True), commit_of(verb="attack", attacker=True))


PHONE = {"binding": "phone", "language": "de", "last_seen_at": START, "state": "ACTIVE"}
TABLET = PHONE | {"binding": "tablet", "language": "en"}
ACCOUNT = {"guid": "zoe", "version": 7, "devices": [PHONE, TABLET], "receipts": 1}


def commit_with(devices, old=ACCOUNT, *, language="de", **changes):
    commit = commit_of(STORED | {"language": language})
    new = old | {"version": 8, "devices": devices} | changes
    return attrs.evolve(commit, changes=[*commit.changes, ("Account", old, new)])


def test_an_account_with_several_languages_has_when_its_device_was_seen():
    truth = ledger()
    truth.versions["zoe"] = 7
    assert was_seen(truth, commit_with([TABLET, PHONE | {"last_seen_at": START + HOUR}]))
    assert truth.versions == {"phone": 4, "zoe": 8}


@pytest.mark.parametrize(
    ("commit", "problem"),
    [
        (commit_with([TABLET, PHONE | {"last_seen_at": START}]), "at another time"),
        (commit_with([TABLET, PHONE | {"language": "fr"}]), "in another language"),
        (commit_with([TABLET, PHONE | {"language": ""}], language=""), "has no language"),
        (commit_with([PHONE], ACCOUNT | {"devices": [PHONE]}), "for one language"),
    ],
)
def test_an_account_is_changed_for_its_languages_only(commit, problem):
    truth = ledger()
    truth.versions["zoe"] = 7
    with pytest.raises(AssertionError, match=problem):
        was_seen(truth, commit)


@pytest.mark.parametrize(
    "commit",
    [
        commit_with([TABLET, PHONE], receipts=2),
        commit_with([TABLET | {"state": "REVOKED"}, PHONE]),
    ],
)
def test_what_changes_more_of_the_account_is_of_another_oracle(commit):
    assert not was_seen(ledger(), commit)


def test_what_changes_something_else_is_of_another_oracle():
    truth = ledger()
    assert not was_seen(truth, commit_of(strikes=1))
    assert truth.versions == {"phone": 3}


@pytest.mark.parametrize(
    ("commit", "problem"),
    [
        (commit_of(verb="attack", attacker=True), "an attacker was seen as somebody else"),
        (commit_of(by="tablet"), "another device was seen"),
        (commit_of(verb="sweep"), "did not call"),
        (commit_of(last_seen_at=START + HOUR - timedelta(seconds=1)), "twice within an hour"),
        (commit_of(STORED | {"state": "REVOKED"}), "may not act"),
        (commit_of(audit=[{"event": "device.seen"}]), "an event of a device"),
        (commit_of(version=5), "not the next version"),
    ],
)
def test_a_commit_that_nothing_allows_is_found(commit, problem):
    with pytest.raises(AssertionError, match=problem):
        was_seen(ledger(), commit)


def test_a_revoked_device_that_is_said_to_be_active_is_found():
    with pytest.raises(AssertionError, match="may not act"):
        was_seen(ledger(state="REVOKED"), commit_of())
