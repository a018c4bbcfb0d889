"""What a device tells of itself: into the audit log, bounded, and nowhere else."""

import json

import pytest

from counterseal.bindings.telemetry import EVENTS_A_MINUTE, STANDARD_EVENTS
from counterseal.errors import BindingInactive, InvalidField, MalformedToken, TooOften
from counterseal.models import DeviceCall


@pytest.fixture
def alice(service):
    return service.bind("alice")


def tell(service, phone, **body):
    service.telemetry.record(phone.call("/device/telemetry", json.dumps(body).encode()))


@pytest.mark.parametrize("name", sorted(STANDARD_EVENTS | {"screen.opened", "X-1"}))
def test_an_event_is_recorded_by_name(service, alice, name):
    asked = service.ask("alice", "Pay?").challenge
    before = service.records()
    tell(service, alice, event=name, attributes={"ms": "300"}, requestGuid=asked.guid)
    event = service.events[-1]
    assert (event.event, event.actor, event.subject) == (
        f"telemetry.{name}",
        alice.guid,
        asked.guid,
    )
    assert service.records() == before


def test_s34_attributes_are_not_kept(service, alice):
    tell(service, alice, event="custom", attributes={"canary": "canary"})
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
        ("attributes", {"event": "a", "attributes": {"b": "c" * 257}}),
        ("attributes", {"event": "a", "attributes": {"": "c"}}),
        ("attributes", {"event": "a", "attributes": {str(n): "c" for n in range(17)}}),
        ("requestGuid", {"event": "a", "requestGuid": "no"}),
        ("other", {"event": "a", "other": 1}),
    ],
)
def test_an_event_has_to_fit(service, alice, field, body):
    with pytest.raises(InvalidField) as caught:
        tell(service, alice, **body)
    assert caught.value.field == field
    assert service.last_event() == ("device.telemetry", "invalid_field")


def test_an_event_is_an_object(service, alice):
    with pytest.raises(InvalidField):
        service.telemetry.record(alice.call("/device/telemetry", b"[]"))


def test_a_device_tells_no_more_than_so_much(service, alice):
    for _ in range(EVENTS_A_MINUTE):
        tell(service, alice, event="a")
    with pytest.raises(TooOften):
        tell(service, alice, event="a")
    assert len(service.happened("telemetry.a")) == EVENTS_A_MINUTE


def test_only_a_proven_device_that_may_act_tells(service, alice):
    with pytest.raises(MalformedToken):
        service.telemetry.record(DeviceCall(method="POST", uri="/", body=b"", proof=""))
    service.devices.revoke(alice.guid)
    with pytest.raises(BindingInactive):
        tell(service, alice, event="a")
    assert not service.happened("telemetry.a")
