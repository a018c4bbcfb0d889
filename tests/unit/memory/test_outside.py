"""What is outside of the core, in memory, and the ports made of it."""

from datetime import timedelta

import attrs
import pytest

from counterseal.errors import IdentityUnavailable
from counterseal.memory import (
    CollectingSender,
    MemoryAudit,
    NoIdentityProvider,
    SilentNotifier,
    SystemClock,
    SystemEntropy,
    memory_ports,
)
from counterseal.models import (
    AddressKind,
    Algorithm,
    AuditEvent,
    Change,
    Company,
    Delivery,
    DeliveryOutcome,
    Guid,
    Identity,
    IdpSettings,
    Occasion,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
)
from counterseal.models.guid import mint
from counterseal.ports import Ports

COMPANY = mint(0, bytes(15))
SETTINGS = IdpSettings(issuer="https://idp.example.com", client_id="c", redirect_uri="r")


def test_the_silent_notifier_sends_nothing_and_learns_nothing():
    message = PushMessage(
        guid=Guid("b"),
        occasion=Occasion.CHALLENGE,
        subject=Guid("c"),
        account=Guid("a"),
        title="Bank",
        body="A question.",
        life=timedelta(seconds=1),
        timeout=timedelta(seconds=1),
    )
    address = PushAddress(kind=AddressKind.RELAY, value="there")
    assert SilentNotifier().kinds() == frozenset()
    assert SilentNotifier().push((address,), message) == (
        PushOutcome(result=PushResult.MISCONFIGURED),
    )


def test_where_there_is_no_identity_provider_none_answers():
    nobody = NoIdentityProvider()
    identity = Identity(issuer=SETTINGS.issuer, subject="alice")
    with pytest.raises(IdentityUnavailable):
        nobody.authorization_url(SETTINGS, state="s", nonce="n", verifier="v", company=COMPANY)
    with pytest.raises(IdentityUnavailable):
        nobody.exchange(SETTINGS, code="c", nonce="n", verifier="v", issuer=None, company=COMPANY)
    with pytest.raises(IdentityUnavailable):
        nobody.revalidate(SETTINGS, identity, company=COMPANY)


def test_the_collecting_sender_keeps_what_it_is_given():
    sender = CollectingSender()
    deliveries = [
        Delivery(url=f"https://rp/{n}", headers=(), body=b"", timeout=timedelta(seconds=1))
        for n in range(3)
    ]
    assert {sender.send(delivery) for delivery in deliveries} == {DeliveryOutcome(status=204)}
    assert sender.deliveries == deliveries


def test_memory_ports_have_every_port_and_one_audit_log():
    ports = memory_ports()
    assert all(getattr(ports, field.name) is not None for field in attrs.fields(Ports))
    assert isinstance(ports.clock, SystemClock)
    assert isinstance(ports.entropy, SystemEntropy)
    assert isinstance(ports.audit, MemoryAudit)
    now = ports.clock.now()
    company = Company(guid=mint(0, ports.entropy.token(15)), name="Bank", created_at=now)
    event = AuditEvent(at=now, event="company.create", actor="staff")
    ports.store.commit((Change(None, company),), (event,), "operation")
    assert ports.audit.events == (event,)


def test_memory_ports_take_another_clock_entropy_and_algorithm():
    clock, entropy = SystemClock(), SystemEntropy()
    ports = memory_ports(clock=clock, entropy=entropy, algorithm=Algorithm.EDDSA)
    assert (ports.clock, ports.entropy) == (clock, entropy)
    assert ports.signer.jwks()[0].algorithm is Algorithm.EDDSA


def test_two_services_share_nothing():
    one, other = memory_ports(), memory_ports()
    sealed = one.sealer.seal(b"secret", "here")
    assert all(
        getattr(one, field.name) is not getattr(other, field.name)
        for field in attrs.fields(Ports)
        if field.name != "actions"  # data that nothing changes
    )
    assert one.signer.jwks() != other.signer.jwks()
    assert sealed != other.sealer.seal(b"secret", "here")
