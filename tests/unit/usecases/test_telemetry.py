"""What a device tells of itself: into the audit log, bounded, and nowhere else."""

import json

import pytest

from counterseal.bindings.usecases.devices import EVENTS_A_MINUTE
from counterseal.errors import BindingInactive, InvalidField, MalformedToken, TooOften
from counterseal.models import OPERATOR, DeviceCall
from counterseal.wire.telemetry import ATTRIBUTES_LIMIT, STANDARD_EVENTS


@pytest.fixture
def alice(service):
    return service.bind("alice")


def report(service, phone, **body):
    service.telemetry.record(phone.call("/device/telemetry", json.dumps(body).encode()))


@pytest.mark.parametrize("name", sorted(STANDARD_EVENTS | {"screen.opened", "X-1"}))
def test_an_event_is_recorded_by_name(service, alice, name):
    challenge = service.ask("alice", "Pay?").challenge
    before = service.records()
    attributes = {"ms": "300", "at": "2030-01-01T00:00:00+01:00", "no": ""}
    report(service, alice, event=name, attributes=attributes, requestGuid=challenge.guid)
    event = service.events[-1]
    assert (event.event, event.actor, event.subject) == (
        f"telemetry.{name}",
        alice.guid,
        challenge.guid,
    )
    assert event.attributes == (("at", attributes["at"]), ("ms", "300"), ("no", ""))
    assert service.records() == before


def test_an_event_needs_no_attributes(service, alice):
    report(service, alice, event="custom")
    assert service.events[-1].attributes == ()
    report(
        service, alice, event="custom", attributes={f"{n}" * 32: "x" * 64 for n in range(10, 26)}
    )
    assert len(service.events[-1].attributes) == ATTRIBUTES_LIMIT


def test_s34_no_repr_says_attributes(service, alice):
    report(service, alice, event="custom", attributes={"a": "canary"})
    assert "canary" not in repr(service.events)


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("event", {}),
        ("event", {"event": ""}),
        ("event", {"event": "a b"}),
        ("event", {"event": "a" * 65}),
        ("event", {"event": 1}),
        ("attributes", {"event": "a", "attributes": []}),
        ("attributes", {"event": "a", "attributes": {"b": 1}}),
        ("attributes", {"event": "a", "attributes": {"b": None}}),
        ("attributes", {"event": "a", "attributes": {"b": "c" * 65}}),
        ("attributes", {"event": "a", "attributes": {"b" * 65: "c"}}),
        ("attributes", {"event": "a", "attributes": {"": "c"}}),
        ("attributes", {"event": "a", "attributes": {"a b": "c"}}),
        ("attributes", {"event": "a", "attributes": {"a": "b c"}}),
        ("attributes", {"event": "a", "attributes": {"a": "zoe@example.com"}}),
        ("attributes", {"event": "a", "attributes": {"a": "Zoë"}}),
        ("attributes", {"event": "a", "attributes": {"a": "b\n"}}),
        ("attributes", {"event": "a", "attributes": {str(n): "c" for n in range(17)}}),
        ("requestGuid", {"event": "a", "requestGuid": "no"}),
        ("other", {"event": "a", "other": 1}),
    ],
)
def test_a_malformed_or_too_long_event_is_refused(service, alice, field, body):
    with pytest.raises(InvalidField) as caught:
        report(service, alice, **body)
    assert caught.value.field == field
    assert service.last_event() == ("device.telemetry", "invalid_field")


def test_an_event_is_an_object(service, alice):
    with pytest.raises(InvalidField):
        service.telemetry.record(alice.call("/device/telemetry", b"[]"))


def test_the_limit_of_events_a_minute_is_enforced(service, alice):
    for _ in range(EVENTS_A_MINUTE):
        report(service, alice, event="a")
    with pytest.raises(TooOften):
        report(service, alice, event="a")
    assert len(service.happened("telemetry.a")) == EVENTS_A_MINUTE


def test_only_a_proven_device_that_may_act_tells(service, alice):
    with pytest.raises(MalformedToken):
        service.telemetry.record(DeviceCall(method="POST", uri="/", body=b"", proof=""))
    service.devices.revoke(alice.guid, by=OPERATOR)
    with pytest.raises(BindingInactive):
        report(service, alice, event="a")
    assert not service.happened("telemetry.a")
