"""Inviting devices, and what becomes of invitations that nobody follows."""

from datetime import timedelta
from functools import partial

import attrs
import pytest

from counterseal import STANDARD, keys
from counterseal.errors import (
    AccountLocked,
    InvalidField,
    KeyInProgress,
    KeyReused,
    TooManyBindings,
    TooOften,
    WrongIssuer,
    WrongKind,
)
from counterseal.models import OPERATOR, Account, Binding, BindingState, Device, Identity
from counterseal.models.guid import account_partition, partition_of
from counterseal.wire.link import BindLink, read_link
from counterseal_testing.faults import Crash, Faults, faulty

TICK = timedelta(microseconds=1)


@pytest.mark.parametrize("key", [None, "enrol-1"])
def test_the_first_invitation_makes_the_account_and_an_invited_binding(service, key):
    now = service.clock.now()
    invitation = service.invitations.invite(
        service.origin, "alice", user_info="a card holder", idempotency_key=key
    )
    binding = service.stored(invitation.binding)

    assert binding == Binding(
        guid=invitation.binding,
        state=BindingState.INVITED,
        account=invitation.account.guid,
        app_space=service.app_space.guid,
        origin=service.origin.origin.guid,
        token_hash=keys.token_hash(invitation.token.partition(".")[2]),
        sealed_token=binding.sealed_token,
        deadline=now + STANDARD.session_token_life,
        created_at=now,
    )
    assert bool(binding.sealed_token) is (key is not None)
    device = Device(binding=binding.guid, state=BindingState.INVITED, deadline=binding.deadline)
    assert invitation.account == service.account()
    assert invitation.account == Account(
        guid=invitation.account.guid,
        app_space=service.app_space.guid,
        account_id="alice",
        user_info="a card holder",
        devices=(device,),
        created_at=now,
    )
    assert (invitation.app_space, invitation.deadline) == (service.app_space, binding.deadline)
    assert invitation.account_created


@pytest.mark.parametrize("app_url", [None, "https://auth.example.com/app"])
def test_its_link_has_all_that_a_device_needs(service, app_url):
    invitation = service.invitations.invite(service.origin, "alice")
    link = invitation.link(
        public_url="https://auth.example.com", app_url=app_url, display_name="Alice & Co"
    )
    assert read_link(link) == BindLink(
        token=invitation.token,
        app_space=service.app_space.guid,
        app_space_name=service.app_space.name,
        account=invitation.account.guid,
        display_name="Alice & Co",
        app=app_url,
        # An app that handles `counterseal:` links knows its service.
        service=None if app_url is None else "https://auth.example.com",
    )
    assert "displayName" not in invitation.link(public_url="https://auth.example.com")


def test_account_and_binding_lie_in_the_accounts_partition(service):
    invitation = service.invitations.invite(service.origin, "alice")
    partition = account_partition(service.app_space.guid, "alice")
    assert partition_of(invitation.account.guid) == partition_of(invitation.binding) == partition


@pytest.mark.alone
def test_a_known_account_stays_and_gets_another_token(service):
    first = service.invitations.invite(service.origin, "alice", user_info="old")
    second = service.invitations.invite(service.origin, "alice")
    assert second.account.guid == first.account.guid
    assert not second.account_created
    assert second.token != first.token
    assert second.binding != first.binding
    assert [line.binding for line in service.account().devices] == [first.binding, second.binding]
    assert second.account.user_info == "old"
    service.invitations.invite(service.origin, "alice", user_info="")
    assert service.account().user_info == ""


def test_an_administrator_may_clear_the_text_beside_the_user(service):
    service.invitations.invite(service.origin, "alice", user_info="old")
    service.invitations.invite_as_admin(service.app_space.guid, "alice", user_info="", by=OPERATOR)
    assert service.account().user_info == ""


def test_a_repeat_says_as_the_first_result_whether_it_made_the_account(service):
    def invite(key):
        invitation = service.invitations.invite(service.origin, "alice", idempotency_key=key)
        return invitation, invitation.account_created

    first, created = invite("first")
    service.clock.advance(TICK)
    _, second_created = invite("second")
    assert (created, second_created) == (True, False)
    service.complete(first, service.phone())
    assert [invite(key)[1] for key in ("first", "second")] == [True, False]


def test_any_text_is_an_account_id(service):
    for account_id in ("Alice", "alice ", "\N{CJK UNIFIED IDEOGRAPH-4E2D}", "a/b?c=d&e", "0"):
        invitation = service.invitations.invite(service.origin, account_id)
        assert invitation.account.account_id == account_id
    assert service.account("alice") is None


def test_one_account_id_in_two_app_spaces_is_two_accounts(service):
    other = service.new_app_space("Insurance")
    mine = service.invitations.invite(service.origin, "alice")
    theirs = service.invitations.invite(service.new_origin(other, "Claims"), "alice")
    assert mine.account.guid != theirs.account.guid


def test_s16_the_token_holds_128_bits_and_ends_within_ten_minutes(service):
    invitation = service.invitations.invite(service.origin, "alice")
    name, dot, secret = invitation.token.partition(".")
    assert (name, dot) == (invitation.binding, ".")
    assert len(keys.unb64url(secret)) == 16
    assert invitation.deadline - service.clock.now() == STANDARD.session_token_life
    assert STANDARD.session_token_life <= timedelta(seconds=600)


def test_only_a_hash_of_the_token_is_stored(service):
    invitation = service.invitations.invite(service.origin, "alice")
    secret = invitation.token.partition(".")[2]
    assert service.stored(invitation.binding).token_hash == keys.token_hash(secret)
    everything = repr([attrs.asdict(record) for record in service.records().values()])
    assert secret not in everything
    assert secret not in repr(invitation)


def test_an_invitation_is_recorded(service):
    invitation = service.invitations.invite(service.origin, "alice")
    event = service.events[-1]
    assert (event.event, event.actor) == ("binding.invite", service.origin.origin.guid)
    assert (event.subject, event.at) == (invitation.binding, service.clock.now())


@pytest.mark.parametrize(
    ("account_id", "info", "field"),
    [
        ("", None, "accountId"),
        ("a" * 257, None, "accountId"),
        ("\N{LATIN SMALL LETTER E WITH ACUTE}" * 129, None, "accountId"),
        ("lone \ud800", None, "accountId"),
        ("alice", "x" * 4097, "userInfo"),
    ],
)
def test_a_malformed_invitation_is_refused_by_field_and_recorded(service, account_id, info, field):
    before = service.records()
    with pytest.raises(InvalidField) as caught:
        service.invitations.invite(service.origin, account_id, user_info=info)
    assert caught.value.field == field
    assert service.records() == before
    assert service.last_event() == ("binding.invite", "invalid_field")


def test_an_origin_invites_nobody_where_an_identity_provider_names_the_users(service):
    party = service.new_origin(
        service.new_app_space("Staff", idp=service.idp.settings()), "Payroll"
    )
    with pytest.raises(WrongKind):
        service.invitations.invite(party, "alice")
    assert service.last_event() == ("binding.invite", "wrong_kind")


def test_s18_nobody_binds_a_device_to_a_locked_account(service):
    account = service.invitations.invite(service.origin, "alice").account
    service.accounts.lock(account.guid, by=OPERATOR)
    before = service.records()
    with pytest.raises(AccountLocked):
        service.invitations.invite(service.origin, "alice")
    assert service.records() == before
    assert service.last_event() == ("binding.invite", "account_locked")


def test_s18_an_account_that_is_locked_before_the_commit_is_not_invited(service):
    account = service.invitations.invite(service.origin, "alice").account
    racing = service.meanwhile(lambda: service.accounts.lock(account.guid, by=OPERATOR))
    with pytest.raises(AccountLocked):
        racing.invitations.invite(service.origin, "alice")
    assert len(service.account().devices) == 1


def test_an_account_has_as_many_devices_as_the_policy_allows(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, bindings_limit=2))
    service.bind("alice")
    service.invitations.invite(service.origin, "alice")
    with pytest.raises(TooManyBindings):
        service.invitations.invite(service.origin, "alice")
    service.invitations.invite(service.origin, "bob")
    service.clock.advance(STANDARD.session_token_life)
    service.invitations.invite(service.origin, "alice")
    assert len(service.account().devices) == 2


def test_two_first_invitations_at_once_make_one_account(service, meeting, at_once):
    racing = service.but(store=meeting(service.store, 2))
    first, second = at_once(*[lambda: racing.invitations.invite(service.origin, "alice")] * 2)
    assert first.account.guid == second.account.guid == service.account().guid
    assert {line.binding for line in service.account().devices} == {first.binding, second.binding}


def test_the_limit_of_invitations_a_minute_is_enforced(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, invite_rate=2))
    for name in ("alice", "bob"):
        service.invitations.invite(service.origin, name)
    with pytest.raises(TooOften) as caught:
        service.invitations.invite(service.origin, "carol")
    assert (caught.value.reason, caught.value.retry_after) == ("invite_rate", 60)
    assert service.last_event() == ("binding.invite", "too_often")
    assert service.account("carol") is None
    other = service.new_origin(service.app_space, "Other shop")
    service.invitations.invite(other, "carol")
    service.clock.advance(timedelta(minutes=2))
    service.invitations.invite(service.origin, "carol")


@pytest.mark.parametrize("idp", [False, True], ids=["simple", "another issuer's"])
def test_users_of_another_provider_are_not_invited(service, idp):
    space = service.new_app_space("Staff", idp=service.idp.settings() if idp else None)
    identity = Identity(issuer="https://other.example", subject="carol")
    before = service.records()
    with pytest.raises(WrongIssuer):
        service.invitations.invite_identified(space, identity)
    assert service.records() == before
    assert service.last_event() == ("binding.invite", "wrong_issuer")


# Expiring


def test_an_invitation_expires_at_its_deadline_and_not_before(service):
    invitation = service.invitations.invite(service.origin, "alice")
    service.clock.jump(invitation.deadline - TICK)
    assert service.invitations.expire() == 0
    assert service.stored(invitation.binding).state is BindingState.INVITED
    service.clock.jump(invitation.deadline)
    assert service.invitations.expire() == 1
    binding = service.stored(invitation.binding)
    assert (binding.state, binding.ended_at) == (BindingState.EXPIRED, invitation.deadline)
    assert service.account().devices == ()
    event = service.events[-1]
    assert (event.event, event.subject) == ("binding.expire", invitation.binding)
    assert service.invitations.expire() == 0


def test_the_worker_expires_as_many_as_it_is_asked_for(service):
    for _ in range(5):
        service.invitations.invite(service.origin, "alice")
    service.clock.advance(STANDARD.session_token_life)
    assert [service.invitations.expire(2) for _ in range(4)] == [2, 2, 1, 0]


def test_a_finished_bind_does_not_expire(service):
    phone = service.bind("alice")
    service.clock.advance(2 * STANDARD.session_token_life)
    assert service.invitations.expire() == 0
    assert service.stored(phone.guid).state is BindingState.ACTIVE


def test_what_ended_between_the_look_and_the_commit_is_not_counted(service):
    first = service.invitations.invite(service.origin, "alice")
    second = service.invitations.invite(service.origin, "alice")
    service.clock.jump(first.deadline)
    racing = service.meanwhile(lambda: service.devices.revoke(first.binding, by=OPERATOR))
    assert racing.invitations.expire() == 1
    assert service.stored(first.binding).state is BindingState.REVOKED
    assert service.stored(second.binding).state is BindingState.EXPIRED


# Idempotency, S24

KEY = "enrol-17"


def bindings(service):
    return [record for record in service.records().values() if isinstance(record, Binding)]


@pytest.fixture
def invite(service):
    return partial(
        service.invitations.invite,
        service.origin,
        "alice",
        user_info="a card holder",
        idempotency_key=KEY,
    )


def test_s24_the_same_invitation_again_is_the_first_one(service, invite):
    first = invite()
    service.clock.advance(timedelta(seconds=7))
    assert invite() == first
    assert [binding.guid for binding in bindings(service)] == [first.binding]
    assert len(service.happened("binding.invite")) == 1
    service.complete(first, service.phone())
    assert service.stored(first.binding).state is BindingState.ACTIVE


def test_s24_a_repeat_gets_the_account_as_it_stands(service, invite):
    first = invite()
    service.complete(first, service.phone())
    again = invite()
    assert again.account == service.account() != first.account
    assert attrs.evolve(again, account=first.account) == first


def test_s24_other_arguments_under_the_same_key_are_refused(service, invite):
    invite()
    before = service.records()
    for change in ({"user_info": "other"}, {"user_info": None}):
        with pytest.raises(KeyReused):
            invite(**change)
        assert service.last_event() == ("binding.invite", "key_reused")
    with pytest.raises(KeyReused):
        service.invitations.invite(service.origin, "bob", idempotency_key=KEY)
    assert service.records() == before


def test_s24_an_invitation_and_a_question_may_have_the_same_key(service, invite):
    service.complete(invite(), service.phone())
    issued = service.ask("alice", "Pay?", idempotency_key=KEY)
    assert invite().binding != issued.challenge.guid


def test_s24_an_invitation_whose_process_died_is_taken_over(service, invite):
    faults = Faults()
    faults.crash("store.commit")
    dying = service.but(store=faulty(service.store, "store", faults))
    faults.fail("idempotency.finish")
    dying = dying.but(idempotency=faulty(service.ports.idempotency, "idempotency", faults))
    arguments = {"user_info": "a card holder", "idempotency_key": KEY}
    with pytest.raises(Crash):
        dying.invitations.invite(service.origin, "alice", **arguments)
    with pytest.raises(KeyInProgress) as soon:
        invite()
    assert service.last_event() == ("binding.invite", "key_in_progress")
    # Most calls that hold a key are alive, and take no second.
    assert soon.value.retry_after == 1
    service.clock.advance(timedelta(seconds=2))
    with pytest.raises(KeyInProgress) as later:
        invite()
    wait = timedelta(seconds=later.value.retry_after)
    assert wait == STANDARD.idempotency_lease - timedelta(seconds=2)
    service.clock.advance(wait)
    first = invite()
    assert invite() == first
    assert len(bindings(service)) == 1


def test_s24_of_invitations_at_once_one_is_made(service, at_once):
    for number in range(10):
        invite = partial(
            service.invitations.invite, service.origin, "alice", idempotency_key=f"enrol-{number}"
        )
        outcomes = at_once(*[invite] * 4)
        tokens = {outcome.token for outcome in outcomes if not isinstance(outcome, KeyInProgress)}
        assert len(tokens) == 1
        assert len(bindings(service)) == number + 1


def test_a_token_is_stored_sealed_and_only_where_it_can_be_asked_for_again(service, invite):
    plain = service.invitations.invite(service.origin, "alice")
    assert service.stored(plain.binding).sealed_token == b""
    keyed = invite()
    stored_binding = service.stored(keyed.binding)
    assert keyed.token.encode() not in stored_binding.sealed_token
    opened = service.ports.sealer.open(stored_binding.sealed_token, f"token:{keyed.binding}")
    assert opened.decode() == keyed.token


def test_a_refused_invitation_frees_its_key(service, invite):
    account = service.invitations.invite(service.origin, "alice").account
    service.accounts.lock(account.guid, by=OPERATOR)
    service.clock.advance(TICK)
    with pytest.raises(AccountLocked):
        invite()
    service.accounts.unlock(account.guid, by=OPERATOR)
    assert invite() == invite()


def test_a_key_lies_in_the_accounts_partition(service, invite):
    invitation = invite()
    partition = account_partition(service.app_space.guid, "alice")
    assert partition_of(invitation.account.guid) == partition_of(invitation.binding) == partition
