"""Rules of confirmation that a decision cannot break alone: its facts are of one device."""

import attrs
import pytest

from counterseal.bindings import Choice, Confirmation
from counterseal.bindings.documents.confirmation import CONFIRM_TYP, confirmation_claims
from counterseal.bindings.documents.enrolment import thumbprints_of
from counterseal.bindings.rules.confirmations import (
    ConfirmationFacts,
    confirmed_strongly,
    confirmer_active,
    device_limit_unreached,
)
from counterseal.models import BindingState, Device, Role
from counterseal.policy import STANDARD


@pytest.fixture
def new(world):
    """Return the binding of a device that waits to be confirmed."""
    keys = (world.device_key_of(Role.DEVICE, world.key("new")),)
    return attrs.evolve(world.binding, guid=world.other, state=BindingState.UNCONFIRMED, keys=keys)


@pytest.fixture
def confirming(world, new):
    """Return facts of a sound confirmation, but for what a test changes."""

    def confirming(**changes):
        confirmer = world.binding
        confirmation = Confirmation(
            device=confirmer.guid,
            account=confirmer.account,
            app_space=confirmer.app_space,
            binding=new.guid,
            thumbprints=thumbprints_of(new.keys),
            choice=Choice.ADD,
            issued_at=0,
            id="one",
        )
        claims = confirmation_claims(confirmation)
        sound = {
            "now": world.now,
            "policy": STANDARD,
            "account": world.account,
            "binding": new,
            "confirmer": confirmer,
            "proving": world.proving(),
            "confirmation": confirmation,
            "signature": world.evidence(world.strong, claims, CONFIRM_TYP),
            "signer": confirmer.key_named("strong"),
        }
        return ConfirmationFacts(**{**sound, **changes})

    return confirming


def test_a_sound_confirmation_is_accepted(confirming):
    confirmer_active(confirming())
    confirmed_strongly(confirming())


def test_a_device_of_another_account_confirms_nothing(world, confirming, new, refusing):
    elsewhere = attrs.evolve(world.account, guid=world.other)
    for changes in (
        {"confirmer": attrs.evolve(world.binding, account=world.other)},
        {"binding": attrs.evolve(new, account=world.other)},
        {"account": elsewhere},
        {
            "account": elsewhere,
            "binding": attrs.evolve(new, account=world.other),
        },
    ):
        with refusing("foreign"):
            confirmer_active(confirming(**changes))


def test_a_device_confirms_neither_itself_nor_anything_once_it_has_ended(
    world, confirming, refusing
):
    for changes in (
        {"binding": world.binding},
        {"confirmer": attrs.evolve(world.binding, state=BindingState.REVOKED)},
    ):
        with refusing("wrong_device"):
            confirmer_active(confirming(**changes))


def test_a_signer_is_the_key_of_the_device_that_signed(world, confirming, refusing):
    stranger = world.device_key_of(Role.STRONG, world.stranger)
    for changes in (
        {"signer": None},
        {"signer": world.binding.key_named("finger")},
        {"signer": stranger},
    ):
        with refusing("wrong_state"):
            confirmed_strongly(confirming(**changes))
    claims = confirmation_claims(confirming().confirmation)
    with refusing("wrong_state"):
        confirmed_strongly(
            confirming(
                signer=stranger, signature=world.evidence(world.stranger, claims, CONFIRM_TYP)
            )
        )


def test_a_device_that_a_log_in_has_named_is_replaced(world, confirming):
    device = Device(
        binding=world.binding.guid,
        state=BindingState.ACTIVE,
        deadline=world.binding.deadline,
    )
    account = attrs.evolve(world.account, devices=(device,))
    policy = attrs.evolve(STANDARD, bindings_limit=1)
    device_limit_unreached(confirming(account=account, policy=policy, replaced=world.binding))
