"""Bindings: which of their keys is which."""

from datetime import UTC, datetime

import attrs

from counterseal.models import (
    Algorithm,
    Binding,
    BindingState,
    DeviceKey,
    PublicKey,
    Role,
    guid,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ID = guid.mint(7, bytes(15))


def device_key(role, kid):
    key = PublicKey(kid=kid, algorithm=Algorithm.ES256, jwk="{}", thumbprint=kid)
    return DeviceKey(role=role, key=key)


PIN, PROOF, FACE = (
    device_key(Role.STRONG, "pin"),
    device_key(Role.DEVICE, "proof"),
    device_key(Role.STRONG, "face"),
)
INVITED = Binding(
    guid=ID,
    state=BindingState.INVITED,
    account=ID,
    app_space=ID,
    origin=ID,
    token_hash=b"",
    deadline=NOW,
    created_at=NOW,
)
ACTIVE = attrs.evolve(INVITED, state=BindingState.ACTIVE, keys=(PIN, PROOF, FACE))


def test_the_device_key_is_the_one_in_that_role():
    assert ACTIVE.device_key() is PROOF
    assert INVITED.device_key() is None


def test_a_key_is_found_by_its_whole_name():
    assert ACTIVE.key_named("pin") is PIN
    assert ACTIVE.key_named("proof") is PROOF
    assert ACTIVE.key_named("face") is FACE
    assert ACTIVE.key_named("") is None
    assert ACTIVE.key_named("PIN") is None
    assert INVITED.key_named("pin") is None
