"""How a bound device learns of new service keys."""

import pytest

from counterseal.bindings.documents.enrolment import verify_keyset
from counterseal.errors import BindingInactive, IssuerUntrusted, MalformedToken
from counterseal.models import OPERATOR, DeviceCall


@pytest.fixture
def alice(service):
    return service.bind("alice")


def test_a_device_takes_new_keys_from_a_pinned_one(service, alice):
    (pinned,) = alice.device.bond.service_keys
    service.ports.signer.rotate()
    endorsed = service.keysets.endorse(alice.call("/device/keys", method="GET"))
    served = service.ports.signer.jwks()
    assert list(endorsed) == [key.kid for key in served]
    alice.device.adopt(endorsed[pinned.kid])
    assert alice.device.bond.service_keys == served
    challenge = service.ask("alice", "Pay?").challenge
    alice.device.check(alice.answer(challenge).outcome.receipt)


def test_every_token_is_signed_by_the_key_that_it_stands_under(service, alice):
    service.ports.signer.rotate()
    endorsed = service.keysets.endorse(alice.call("/device/keys", method="GET"))
    served = service.ports.signer.jwks()
    for key in served:
        assert verify_keyset(endorsed[key.kid], pinned=(key,)) == served
        others = tuple(other for other in served if other != key)
        with pytest.raises(IssuerUntrusted):
            verify_keyset(endorsed[key.kid], pinned=others)


def test_only_a_proven_device_that_may_act_asks(service, alice):
    with pytest.raises(MalformedToken):
        service.keysets.endorse(DeviceCall(method="GET", uri="/", proof=""))
    service.devices.revoke(alice.guid, by=OPERATOR)
    with pytest.raises(BindingInactive):
        service.keysets.endorse(alice.call("/device/keys", method="GET"))
    assert service.last_event() == ("device.keys", "binding_inactive")
