"""Erasing an account: nothing personal can be read any more, and little of it lies there still."""

from datetime import timedelta
from types import SimpleNamespace

import attrs
import pytest

from counterseal import Submission
from counterseal.errors import (
    AccountUnknown,
    DeadlinePassed,
    Foreign,
    IdentityWithdrawn,
    NotFound,
    Refused,
    StoreUnavailable,
)
from counterseal.models import (
    OPERATOR,
    AddressKind,
    Binding,
    BindingState,
    CallbackState,
    Challenge,
    ChallengeState,
    DeadReason,
    History,
    Identity,
    PushAddress,
)
from counterseal.models.guid import account_partition, mint, partition_of
from counterseal_testing.faults import Faults, faulty
from counterseal_testing.service import CALLBACK

NOBODY = mint(0, bytes(15))
CANARY = "canary-4711"


@pytest.fixture
def alice(service):
    push = PushAddress(kind=AddressKind.RELAY, value=f"{CANARY}-push")
    return service.bind(CANARY, addresses=(push,))


@pytest.fixture
def guid(alice):
    return alice.device.bond.account


def ask(service, **members):
    return service.ask(
        CANARY,
        f"Pay {CANARY}?",
        callback=CALLBACK,
        transaction_id=f"{CANARY}-transaction",
        notification_title=f"{CANARY}-title",
        notification_body=f"{CANARY}-body",
        extension=Submission(f"{CANARY}-submission"),
        **members,
    ).challenge


def texts(service, guids):
    """Everything that lies in the store under *guids*, with what a `repr` leaves out."""
    return repr([attrs.asdict(service.stored(guid)) for guid in guids])


def test_an_erased_account_leaves_its_guid_only(service, alice, guid):
    service.devices.update(alice.call("/x", f'{{"name":"{CANARY}-phone"}}'.encode()))
    service.invitations.invite(
        service.origin, CANARY, user_info=f"{CANARY}-info", idempotency_key="k"
    )
    service.bind(CANARY)
    pending = ask(service)
    living = service.store.bindings(guid)
    before = service.account(CANARY)
    service.clock.advance(timedelta(seconds=5))
    erased = service.accounts.erase(guid, by=OPERATOR)
    assert erased == service.stored(guid)
    assert CANARY not in texts(service, [guid, pending.guid, *(stored.guid for stored in living)])
    assert (erased.version, erased.guid, erased.app_space) == (
        before.version + 1,
        guid,
        service.app_space.guid,
    )
    assert erased.erased_at == erased.locked_at == service.clock.now()
    assert (erased.created_at, erased.user_info) == (before.created_at, "")
    assert (erased.devices, erased.history, erased.receipts, erased.receipt_hash) == (
        (),
        History(),
        0,
        "",
    )
    for stored in living:
        over = service.stored(stored.guid)
        assert over == Binding(
            guid=stored.guid,
            version=stored.version + 1,
            state=BindingState.REVOKED,
            account=guid,
            app_space=stored.app_space,
            origin=stored.origin,
            token_hash=b"",
            deadline=stored.deadline,
            created_at=stored.created_at,
            bound_at=stored.bound_at,
            ended_at=service.clock.now(),
        )


def test_what_is_asked_is_cancelled_and_blank_and_no_callback_is_sent(service, alice, guid):
    pending = ask(service, show_code=True)
    woken = []

    wake = SimpleNamespace(notify=woken.append)
    service.but(wake=wake).accounts.erase(guid, by=OPERATOR)
    ended = service.stored(pending.guid)
    assert (ended.state, ended.outcome.reason.value) == (ChallengeState.CANCELLED, "erased")
    assert (ended.display, ended.display_hash, ended.buttons, ended.sealed_code) == (
        "{}",
        "",
        (),
        b"",
    )
    assert service.callback_records() == []
    assert woken == [pending.guid]
    assert service.store.pending(guid) == ()


def test_what_is_over_and_was_not_swept_is_expired(service, alice, guid):
    pending = ask(service)
    service.clock.jump(pending.deadline)
    service.accounts.erase(guid, by=OPERATOR)
    assert service.stored(pending.guid).state is ChallengeState.EXPIRED
    assert service.challenges.expire() == 0


def test_s35_an_erasure_is_recorded_in_guids(service, alice, guid):
    pending = ask(service)
    before = len(service.events)
    service.accounts.erase(guid, by=OPERATOR)
    events = service.events[before:]
    assert [(event.event, event.subject, event.actor, event.reason) for event in events] == [
        ("account.erase", guid, "staff", ""),
        ("binding.revoke", alice.guid, "staff", ""),
        ("challenge.cancelled", pending.guid, "staff", "erased"),
    ]
    assert CANARY not in repr(service.events)


def test_what_had_ended_is_read_and_delivered_no_more(service, alice, guid):
    answered = ask(service, idempotency_key="k")
    alice.answer(answered)
    assert service.challenges.status(service.origin, answered.guid).approved
    service.accounts.erase(guid, by=OPERATOR)
    for call in (
        lambda: service.challenges.status(service.origin, answered.guid),
        lambda: ask(service, idempotency_key="k"),
    ):
        with pytest.raises(NotFound):
            call()
    with pytest.raises(Refused):
        alice.fetch(answered.guid)
    (callback,) = service.deliver()
    dead = service.stored(callback)
    assert (dead.state, dead.cause) == (CallbackState.DEAD, DeadReason.FORGOTTEN)
    assert service.sender.attempts == []
    service.clock.jump(service.stored(answered.guid).keep_until + timedelta(days=1))
    service.store.forget(service.clock.now())
    assert [one for one in service.records().values() if isinstance(one, Challenge)] == []


def test_an_erased_user_is_unknown_and_may_begin_anew(service, alice, guid):
    erased = service.accounts.erase(guid, by=OPERATOR)
    with pytest.raises(AccountUnknown):
        service.accounts.get(service.origin, CANARY)
    assert service.accounts.list_devices(service.origin, CANARY) == ()
    with pytest.raises(AccountUnknown):
        ask(service)
    with pytest.raises(Refused):
        alice.pending()
    again = service.bind(CANARY)
    assert again.device.bond.account != guid
    again.answer(ask(service))
    assert service.stored(guid) == erased
    assert service.account(erased.account_id) == erased


def test_the_id_of_an_erased_account_is_random(service, alice, guid):
    other = service.bind("bob").device.bond.account
    erased = [service.accounts.erase(one, by=OPERATOR) for one in (guid, other)]
    random_parts = {
        account.account_id.removeprefix("erased:").partition(".")[0] for account in erased
    }
    assert sorted(map(len, random_parts)) == [22, 22]
    for account in erased:
        partition = account_partition(account.app_space, account.account_id)
        assert partition == partition_of(account.guid)


@pytest.mark.alone
def test_an_erased_account_is_not_there_for_whoever_administers(service, alice, guid):
    erased = service.accounts.erase(guid, by=OPERATOR)
    for call in (
        service.accounts.erase,
        service.accounts.lock,
        service.accounts.unlock,
        service.accounts.get_with_devices,
        service.accounts.revoke_all,
    ):
        with pytest.raises(NotFound):
            call(guid, by=OPERATOR)
    for nobody in (NOBODY, alice.guid):
        with pytest.raises(NotFound):
            service.accounts.erase(nobody, by=OPERATOR)
    assert service.stored(guid) == erased
    assert service.last_event() == ("account.erase", "not_found")


def test_an_erased_account_is_not_there_for_its_origin_and_its_provider(service, guid):
    space = service.new_app_space("Staff", idp=service.idp.settings())
    carol = service.log_in(space, "carol").device.bond.account
    for one in (guid, carol):
        service.accounts.erase(one, by=OPERATOR)
    assert (service.stored(carol).sealed_grant, service.stored(carol).confirmed_at) == (b"", None)
    with pytest.raises(NotFound):
        service.accounts.get_by_guid(service.origin, guid)
    with pytest.raises(NotFound):
        service.logins.revalidate(carol)
    assert service.log_in(space, "carol").device.bond.account != carol


def test_an_invitation_that_was_erased_is_not_handed_out_again(service):
    invite = {"idempotency_key": "k"}
    invitation = service.invitations.invite(service.origin, CANARY, **invite)
    service.accounts.erase(invitation.account.guid, by=OPERATOR)
    with pytest.raises(NotFound):
        service.invitations.invite(service.origin, CANARY, **invite)
    with pytest.raises(Refused):
        service.complete(invitation, service.phone())


def test_a_device_that_had_ended_is_blank_too_and_is_not_revoked_twice(service, alice, guid):
    service.devices.revoke(alice.guid, by=OPERATOR)
    ended = service.stored(alice.guid)
    service.accounts.erase(guid, by=OPERATOR)
    blank = service.stored(alice.guid)
    assert (blank.ended_at, blank.keys, blank.addresses) == (ended.ended_at, (), ())
    assert len(service.happened("binding.revoke")) == 1


def test_an_answer_before_the_commit_is_erased_with_the_rest(service, alice, guid):
    pending = ask(service)
    racing = service.meanwhile(lambda: service.answer(alice, pending))
    racing.accounts.erase(guid, by=OPERATOR)
    assert service.stored(pending.guid).state is ChallengeState.ANSWERED
    with pytest.raises(NotFound):
        service.challenges.status(service.origin, pending.guid)


def test_a_question_before_the_commit_is_erased_with_the_rest(service, alice, guid):
    service.meanwhile(lambda: ask(service)).accounts.erase(guid, by=OPERATOR)
    assert service.store.pending(guid) == ()


def test_an_erasure_before_an_answers_commit_leaves_no_answer(service, alice, guid):
    pending = ask(service)
    racing = service.meanwhile(lambda: service.accounts.erase(guid, by=OPERATOR))
    with pytest.raises(Refused):
        racing.answer(alice, pending)
    assert service.stored(pending.guid).outcome.token is None


def test_an_erasure_is_all_or_nothing(service, alice, guid):
    ask(service)
    before = service.records()
    faults = Faults()
    faults.fail("store.commit")
    with pytest.raises(StoreUnavailable):
        service.but(store=faulty(service.store, "store", faults)).accounts.erase(guid, by=OPERATOR)
    assert service.records() == before


def test_an_erasure_changes_nothing_about_reading_a_pending_challenge(service, alice, guid):
    pending = ask(service)
    assert service.challenges.status(service.origin, pending.guid) == pending
    other = service.new_origin(service.app_space, "Other shop")
    with pytest.raises(Foreign):
        service.challenges.status(other, pending.guid)
    service.clock.jump(pending.deadline)
    with pytest.raises(DeadlinePassed):
        alice.fetch(pending.guid)


@pytest.mark.alone
def test_the_provider_learns_that_a_grant_is_needed_no_more(service):
    space = service.new_app_space("Staff", idp=service.idp.settings())
    carol = service.log_in(space, "carol").device.bond.account
    stored = service.stored(carol)
    grant = service.ports.sealer.open(stored.sealed_grant, f"grant:{carol}")
    identity = Identity(issuer=stored.issuer, subject="carol", grant=grant)
    assert service.idp.revalidate(space.idp, identity, company=service.company.guid)
    service.accounts.erase(carol, by=OPERATOR)
    with pytest.raises(IdentityWithdrawn):
        service.idp.revalidate(space.idp, identity, company=service.company.guid)


def test_an_account_is_erased_although_its_provider_does_not_answer(service):
    space = service.new_app_space("Staff", idp=service.idp.settings())
    carol = service.log_in(space, "carol").device.bond.account
    service.idp.down = True
    erased = service.accounts.erase(carol, by=OPERATOR)
    assert (erased.sealed_grant, erased.subject) == (b"", "")
