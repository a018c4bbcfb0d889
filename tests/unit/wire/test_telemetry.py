"""A device's report: what is read of it, and what is refused by name."""

import pytest

from counterseal.models import guid
from counterseal.wire.telemetry import Report, read_report

CHALLENGE = guid.mint(7, bytes(15))


def test_a_report_needs_an_event_only():
    assert read_report({"event": "a"}) == Report(event="a", challenge=None, attributes=())


def test_a_report_may_name_a_request():
    body = {"event": "a", "requestGuid": CHALLENGE, "attributes": {"z": "1", "b": "2"}}
    attributes = (("b", "2"), ("z", "1"))
    assert read_report(body) == Report(event="a", challenge=CHALLENGE, attributes=attributes)


@pytest.mark.parametrize("body", [None, [], "event", 1])
def test_what_is_no_object_is_refused(body, refusing):
    with refusing("invalid_field", "body"):
        read_report(body)
