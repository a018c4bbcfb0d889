"""The list of questions and new devices of which no device was notified."""

import json
from datetime import timedelta

import pytest

from counterseal import AuditChain, AuditLog
from counterseal.errors import InvalidField
from counterseal.models import OPERATOR, AuditEvent, Guid
from counterseal.models.guid import mint
from counterseal.wire.members import format_time
from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime
from counterseal_server.undelivered import list_undelivered
from counterseal_testing import FakeService

SUBJECTS = [mint(number, bytes(15)) for number in range(7)]
ENDS = [
    ("challenge.push", "undelivered"),
    ("challenge.push", "misconfigured"),
    ("binding.push", "undelivered"),
    ("challenge.push", "late"),
    ("challenge.push", ""),
    ("challenge.answer", "undelivered"),
    ("challenge.push", "undelivered"),
]
"""What the audit log has of each subject, a minute after the one before."""
NEWEST_FIRST = [SUBJECTS[number] for number in (6, 3, 2, 0)]


def record_ends(ports, policy, begin, app_space):
    for number, (subject, (event, reason)) in enumerate(zip(SUBJECTS, ENDS, strict=True)):
        ports.audit.record(
            AuditEvent(
                at=begin + timedelta(minutes=number),
                event=event,
                actor="notifier",
                subject=subject,
                reason=reason,
                app_space=app_space,
            )
        )
    chain = AuditChain(ports, policy)
    while chain.chain():
        pass


@pytest.fixture
def world():
    world = FakeService()
    record_ends(world.ports, world.policy, world.clock.now(), world.app_space.guid)
    return world


def subjects(events):
    return [chained.event.subject for chained in events]


def test_only_the_ends_of_notifications_that_no_device_got_are_listed(world):
    log, begin = AuditLog(world.ports, world.policy), world.clock.now()
    beside = world.new_app_space("Beside").guid

    def listed(limit=100, **arguments):
        return subjects(list_undelivered(log, limit, by=OPERATOR, **arguments))

    assert listed() == NEWEST_FIRST
    for limit in (1, 2, 3):
        assert listed(limit) == NEWEST_FIRST[:limit]
    assert listed(since=begin + timedelta(minutes=3)) == NEWEST_FIRST[:2]
    assert listed(app_space=world.app_space.guid) == NEWEST_FIRST
    assert listed(app_space=beside) == []
    with pytest.raises(InvalidField):
        listed(1_001)


class CountedSearches(AuditLog):
    """An audit log that counts its searches."""

    searches = 0

    def search(self, **query):
        type(self).searches += 1
        return super().search(**query)


def test_each_event_is_searched_once(world):
    listed = list_undelivered(CountedSearches(world.ports, world.policy), 100, by=OPERATOR)
    assert subjects(listed) == NEWEST_FIRST
    assert CountedSearches.searches == 2


def test_the_command_looks_back_a_week_by_default(run, tmp_path, create_data):
    data = tmp_path / "data"
    app_space = Guid(create_data(data)["appSpaceGuid"])
    runtime = Runtime(settings({"data": str(data)}, {}))
    with runtime:
        begin = runtime.ports.clock.now() - timedelta(days=8)
        record_ends(runtime.ports, runtime.policy, begin, app_space)

    listing = ("notify", "undelivered", "--data", data)
    assert run(*listing).output == ""
    assert len(run(*listing, "--since", format_time(begin)).output.splitlines()) == 4
    assert "7 days ago" in run("notify", "undelivered", "--help").output


def test_the_command_prints_one_event_a_line(run, tmp_path, create_data):
    data = tmp_path / "data"
    app_space = Guid(create_data(data)["appSpaceGuid"])
    runtime = Runtime(settings({"data": str(data)}, {}))
    with runtime:
        begin = runtime.ports.clock.now() - timedelta(hours=1)
        record_ends(runtime.ports, runtime.policy, begin, app_space)

    def printed(*arguments):
        result = run("notify", "undelivered", "--data", data, *arguments)
        assert result.exit_code == 0, result.output
        return [json.loads(line)["subject"] for line in result.output.splitlines()]

    since = format_time(begin + timedelta(minutes=1))
    assert printed() == printed("--app-space", app_space) == NEWEST_FIRST
    assert printed("--since", since, "--limit", 2) == NEWEST_FIRST[:2]


def test_the_log_is_searched_by_reason(run, tmp_path, create_data):
    data = tmp_path / "data"
    app_space = Guid(create_data(data)["appSpaceGuid"])
    runtime = Runtime(settings({"data": str(data)}, {}))
    with runtime:
        record_ends(runtime.ports, runtime.policy, runtime.ports.clock.now(), app_space)
    result = run("audit", "search", "--reason", "late", "--data", data)
    assert [json.loads(line)["subject"] for line in result.output.splitlines()] == [SUBJECTS[3]]
