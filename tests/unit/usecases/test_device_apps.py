"""What a device says of its app, and when it was last seen."""

import json
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal._input_limits import app_fits
from counterseal.bindings.documents.enrolment import Update, update_document
from counterseal.bindings.records import SEEN_STEP
from counterseal.errors import InvalidField, Refused, Unavailable
from counterseal.models import OPERATOR
from counterseal_testing import FakeService, Faults
from counterseal_testing.faults import faulty_ports

MICROSECOND = timedelta(microseconds=1)
VISIBLE = {chr(code) for code in range(0x21, 0x7F)}


def bind(service, **app):
    invitation, phone = service.invitations.invite(service.origin, "zoe"), service.phone()
    enrolment = phone.device.enrolment(
        invitation.token, service.app_space.guid, pin=phone.pin, **app
    )
    phone.device.complete_binding(service.enrolments.complete(enrolment))
    return phone


def listed(service):
    devices = service.accounts.list_devices(service.origin, "zoe")
    (binding,) = [device for device in devices if device.keys]
    return binding.platform, binding.app_version


def update(service, phone, **members):
    body = json.dumps(update_document(Update(**members))).encode()
    return service.devices.update(phone.call("/device", body)).binding


def test_what_the_app_says_at_the_bind_is_listed(service):
    bind(service, platform="Android 16", app_version="2.1.0 (77)")

    assert listed(service) == ("Android 16", "2.1.0 (77)")


def test_an_app_may_say_nothing_and_say_it_later(service):
    phone = bind(service)
    assert listed(service) == ("", "")

    update(service, phone, platform="Android 16")
    assert listed(service) == ("Android 16", "")
    update(service, phone, app_version="3")
    assert listed(service) == ("Android 16", "3")
    update(service, phone, name="Tablet")
    assert listed(service) == ("Android 16", "3")


@pytest.mark.parametrize("field", ["platform", "appVersion"])
@pytest.mark.parametrize("text", ["x" * 65, " x", "x ", "\u00e4", "x\n", "x\x7f"])
def test_an_app_that_says_too_much_is_refused(service, field, text):
    member = {"platform": "platform", "appVersion": "app_version"}[field]
    with pytest.raises(InvalidField, match=field):
        bind(service, **{member: text})
    phone = bind(service)
    with pytest.raises(InvalidField, match=field):
        update(service, phone, **{member: text})
    with pytest.raises(InvalidField, match=field):
        update(service, phone, **{member: ""})
    assert listed(service) == ("", "")


@given(st.text(st.characters(max_codepoint=0x100), max_size=70))
def test_a_text_fits_that_every_list_can_show(text):
    fits = not text or (
        len(text) <= 64 and set(text) <= VISIBLE | {" "} and {text[0], text[-1]} <= VISIBLE
    )
    for platform, app_version in ((text, ""), ("", text)):
        try:
            app_fits(platform, app_version)
        except InvalidField:
            assert not fits
        else:
            assert fits


def test_a_device_is_seen_when_it_binds_and_once_an_hour(service):
    bound_at = service.clock.now()
    phone = bind(service)
    assert service.stored(phone.guid).last_seen_at == bound_at

    service.clock.jump(bound_at + SEEN_STEP - MICROSECOND)
    phone.pending()
    stored = service.stored(phone.guid)
    assert (stored.version, stored.last_seen_at) == (2, bound_at)

    service.clock.jump(bound_at + SEEN_STEP)
    phone.pending()
    phone.pending()
    stored = service.stored(phone.guid)
    assert (stored.version, stored.last_seen_at) == (3, bound_at + SEEN_STEP)


def test_a_device_that_is_seen_causes_no_event(service):
    phone = bind(service)
    service.clock.jump(service.clock.now() + SEEN_STEP)
    count = len(service.events)

    phone.pending()

    assert len(service.events) == count


def test_each_call_of_a_device_marks_it_and_does_what_it_should(service):
    phone = bind(service)
    for _ in range(3):
        service.clock.jump(service.clock.now() + SEEN_STEP)
        challenge = service.ask("zoe", "Pay?").challenge
        assert phone.answer(phone.fetch(challenge.guid)).approved
        assert service.stored(phone.guid).last_seen_at == service.clock.now()
        service.clock.jump(service.clock.now() + SEEN_STEP)
        update(service, phone, name="Tablet")
        assert service.stored(phone.guid).last_seen_at == service.clock.now()


def test_a_call_that_is_refused_is_not_seen(service):
    phone = bind(service)
    bound_at = service.clock.now()
    service.clock.jump(bound_at + SEEN_STEP)
    call = phone.call("/challenges", method="GET")
    with pytest.raises(Refused):
        service.answers.pending(attrs.evolve(call, uri=call.uri + "?"))
    assert service.stored(phone.guid).last_seen_at == bound_at

    service.accounts.lock(phone.device.bond.account, by=OPERATOR)
    with pytest.raises(Refused):
        phone.pending()
    assert service.stored(phone.guid).last_seen_at == bound_at


def test_a_clock_that_steps_back_marks_nothing(service):
    phone = bind(service)
    bound_at = service.clock.now()
    service.clock.jump(bound_at - 2 * SEEN_STEP)

    phone.pending()

    assert service.stored(phone.guid).last_seen_at == bound_at


def test_a_device_that_cannot_be_marked_repeats_its_call():
    faults = Faults()
    service = FakeService(adapters=lambda ports: faulty_ports(ports, faults))
    phone = bind(service)
    service.clock.jump(service.clock.now() + SEEN_STEP)
    faults.fail("store.commit")

    with pytest.raises(Unavailable):
        phone.pending()
    assert phone.pending() == ()


def test_nothing_of_it_is_left_of_an_erased_account(service):
    phone = bind(service, platform="Android 16", app_version="2")

    service.accounts.erase(phone.device.bond.account, by=OPERATOR)

    stored = service.stored(phone.guid)
    assert (stored.platform, stored.app_version, stored.last_seen_at) == ("", "", None)
