"""Calls of devices: by any transport, and by a clock that is corrected once where it is wrong."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from counterseal import ijson, keys
from counterseal.bindings.documents.device import OpenRequests
from counterseal.bindings.documents.proof import PROOF_TYP
from counterseal.errors import InvalidField
from counterseal_http import Guard
from counterseal_http.devices import (
    PROOF,
    DeviceCalls,
    HttpTransport,
    ServiceCall,
    ServiceRefused,
    ServiceReply,
    ServiceUnreachable,
)
from counterseal_testing import FakeService

URL = "https://auth.example.com"
LIST = ("GET", "/device/requests", OpenRequests)
WINDOW = timedelta(minutes=5)
HOUR = timedelta(hours=1)


class OneDevice:
    """
    A transport to a service that knows one device, and refuses a proof of another time.

    Attributes:
        dates: The `Date` lines of its replies; None for its time.
        problem: What it refuses every call by; None if it refuses wrong times only.
    """

    def __init__(self, world, device):
        self.clock, self.key = world.clock, device.device_key.public
        self.calls, self.dates, self.problem, self.open = [], None, None, True

    def send(self, call):
        self.calls.append(call)
        token = keys.read(call.headers[PROOF], limit=16_384)
        claims = keys.verify(token, self.key, expected_typ=PROOF_TYP)
        assert (claims["htm"], claims["htu"]) == (call.method, call.url)
        late = self.clock.now().timestamp() - claims["iat"]
        problem = self.problem
        if abs(late) > WINDOW.total_seconds():
            problem = {"code": "denied", "title": "Denied.", "status": 403}
        dates = [date_after(self.clock)] if self.dates is None else self.dates
        return ServiceReply(
            status=200 if problem is None else 403,
            headers=tuple(("DATE", date) for date in dates),
            body=ijson.compact({"requests": []} if problem is None else problem),
        )

    def close(self):
        self.open = False


def date_after(clock, late=timedelta(0)):
    return format_datetime(clock.now() + late, usegmt=True)


@pytest.fixture
def world():
    return FakeService()


@pytest.fixture
def device(world):
    return world.bind("zoe").device


@pytest.fixture
def transport(world, device):
    return OneDevice(world, device)


@pytest.fixture
def calls(transport):
    return DeviceCalls(URL + "/", transport)


class Wrong:
    """A clock that is wrong by *offset*."""

    def __init__(self, clock, offset):
        self.clock, self.offset = clock, offset

    def now(self):
        return self.clock.now() + self.offset


def test_a_call_goes_by_the_given_transport_and_closes_it(device, transport, calls):
    assert calls.signed_request(device, *LIST) == OpenRequests(requests=())
    (call,) = transport.calls
    assert (call.method, call.url, call.body) == ("GET", f"{URL}/device/requests", b"")
    calls.close()
    assert not transport.open


@pytest.mark.parametrize("late", [HOUR, -HOUR, timedelta(days=50 * 365), -timedelta(days=20_000)])
def test_a_wrong_clock_is_corrected_once_for_all_calls(world, device, transport, calls, late):
    device.clock = Wrong(world.clock, late)
    calls.signed_request(device, *LIST)
    calls.signed_request(device, *LIST)
    assert len(transport.calls) == 3
    assert abs(device.clock.now() - world.clock.now()) < timedelta(seconds=1)


def test_a_clock_that_goes_wrong_again_is_corrected_again(world, device, transport, calls):
    wrong = device.clock = Wrong(world.clock, HOUR)
    calls.signed_request(device, *LIST)
    wrong.offset = -HOUR
    calls.signed_request(device, *LIST)
    assert len(transport.calls) == 4
    # One offset, however often it changed.
    assert device.clock.clock is wrong


@pytest.mark.parametrize(
    ("dates", "attempts"),
    [
        ([], 1),
        (["yesterday"], 1),
        (["right", "right"], 1),
        (["near"], 1),
        (["Fri, 31 Dec 9999 23:59:59 GMT"], 1),
        (["elsewhere"], 2),
    ],
)
def test_a_date_that_is_no_help_leaves_the_clock_as_it_is(world, device, dates, attempts):
    transport = OneDevice(world, device)
    device.clock = wrong = Wrong(world.clock, HOUR)
    named_dates = {
        "right": date_after(world.clock),
        "near": date_after(wrong, timedelta(seconds=29)),
        "elsewhere": date_after(world.clock, -HOUR),
    }
    transport.dates = [named_dates.get(date, date) for date in dates]
    with pytest.raises(ServiceRefused, match=r"^denied: "):
        DeviceCalls(URL, transport).signed_request(device, *LIST)
    assert len(transport.calls) == attempts
    assert device.clock is wrong


@pytest.mark.parametrize(
    "problem", [{"code": "denied", "reason": "revoked"}, {"code": "wrong_state"}]
)
def test_a_refusal_with_a_reason_is_not_repeated(world, device, transport, calls, problem):
    transport.problem = {**problem, "title": "No.", "status": 403}
    transport.dates = [date_after(world.clock, HOUR)]
    with pytest.raises(ServiceRefused) as refusal:
        calls.signed_request(device, *LIST)
    assert (refusal.value.word, refusal.value.reason) == (problem["code"], problem.get("reason"))
    assert len(transport.calls) == 1


def test_a_transport_that_fails_is_an_unreachable_service(device):
    class Down:
        def send(self, call):
            raise ServiceUnreachable("no radio")

    with pytest.raises(ServiceUnreachable, match="no radio"):
        DeviceCalls(URL, Down()).signed_request(device, *LIST)


def test_the_guard_of_the_default_transport_is_its_embedders():
    call = ServiceCall(method="GET", url="http://127.0.0.1:1/", headers={})
    transport = HttpTransport(Guard())
    with pytest.raises(ServiceUnreachable, match="not https"):
        transport.send(call)
    transport.close()


def test_a_url_that_is_none_is_refused():
    transport = HttpTransport()
    with pytest.raises(InvalidField, match="url"):
        transport.send(ServiceCall(method="GET", url="http://a:b/", headers={}))
    transport.close()
