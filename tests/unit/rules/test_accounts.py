"""Rules of accounts: whether an account, its devices, an origin and an identity may take part."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.accounts.rules import (
    CLOCK_MARGIN,
    CancellationFacts,
    SuspensionFacts,
    account_unlocked,
    binding_active,
    binding_limit_unreached,
    expected_issuer,
    identified_by_origin,
    living,
    own_app_space,
    own_challenge,
    provider_of,
    reachable,
    receives,
    renewable,
    revalidation_due,
    same_authority,
    same_identity,
    token_generation,
    within_grace,
)
from counterseal.bindings.rules.evidence import invitation_usable
from counterseal.errors import AccountLocked, AccountUnbound, AccountUnknown, BindingInactive
from counterseal.models import (
    Account,
    AccountEventKind,
    AppSpace,
    Authority,
    BackchannelClient,
    BindingState,
    Credential,
    Device,
    Identity,
    IdpSettings,
    Origin,
    Scheme,
    guid,
)
from counterseal.policy import STANDARD

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TICK = timedelta.resolution
SPACE, OTHER, ACCOUNT = (guid.mint(7, bytes([n]) * 15) for n in range(3))
ISSUER = "https://idp.example.com"
SIMPLE = AppSpace(guid=SPACE, company=OTHER, name="Bank", created_at=NOW)
IDENTIFIED = attrs.evolve(
    SIMPLE,
    idp=IdpSettings(issuer=ISSUER, client_id="client", redirect_uri="https://auth.example.com/"),
)
USER = Account(
    guid=ACCOUNT,
    app_space=SPACE,
    account_id="alice",
    issuer=ISSUER,
    subject="alice",
    created_at=NOW,
)


def device(state, deadline=NOW, number=0):
    return Device(binding=guid.mint(7, bytes([number]) * 15), state=state, deadline=deadline)


class TestInvitationStands:
    def test_takes_an_open_one_until_its_deadline(self, world, refusing):
        facts = world.peeking(BindingState.INVITED)
        invitation_usable(attrs.evolve(facts, now=facts.deadline - TICK))
        with refusing("deadline_passed"):
            invitation_usable(attrs.evolve(facts, now=facts.deadline))

    def test_takes_one_that_was_followed_whatever_the_time(self, world):
        facts = world.peeking(BindingState.ACTIVE)
        invitation_usable(attrs.evolve(facts, now=facts.deadline + TICK))

    @pytest.mark.parametrize(
        ("state", "code"),
        [
            (BindingState.EXPIRED, "deadline_passed"),
            (BindingState.REVOKED, "binding_inactive"),
            (BindingState.SUSPENDED, "binding_inactive"),
        ],
    )
    def test_refuses_one_that_is_over(self, world, refusing, state, code):
        facts = world.peeking(state)
        with refusing(code):
            invitation_usable(attrs.evolve(facts, now=facts.deadline - TICK))


class TestAccountUnlocked:
    def test_refuses_a_locked_account(self, world, refusing):
        account_unlocked(world.fetching())
        with refusing("account_locked"):
            account_unlocked(world.fetching(account=attrs.evolve(world.account, locked_at=NOW)))


class TestBindingActive:
    @pytest.mark.parametrize("state", BindingState)
    def test_refuses_a_binding_in_any_other_state(self, world, state, refusing):
        facts = world.fetching(binding=attrs.evolve(world.binding, state=state))
        if state is BindingState.ACTIVE:
            binding_active(facts)
        else:
            with refusing("binding_inactive"):
                binding_active(facts)

    @pytest.mark.parametrize("state", [BindingState.REVOKED, BindingState.SUSPENDED])
    def test_says_what_the_binding_is_instead(self, world, state):
        facts = world.fetching(binding=attrs.evolve(world.binding, state=state))
        with pytest.raises(BindingInactive) as caught:
            binding_active(facts)
        assert caught.value.reason == state.value.lower()


class TestOwnChallenge:
    def test_refuses_another_origin(self, world, refusing):
        challenge = world.challenge
        own_challenge(CancellationFacts(now=NOW, challenge=challenge, origin=challenge.origin))
        for origin in (world.other, challenge.app_space, challenge.account, ""):
            with refusing("foreign"):
                own_challenge(CancellationFacts(now=NOW, challenge=challenge, origin=origin))


class TestOwnAppSpace:
    def test_refuses_an_origin_of_another_app_space(self, world, refusing):
        for owned in (world.account, world.binding):
            own = Origin(guid=OTHER, app_space=owned.app_space, name="Shop", created_at=NOW)
            own_app_space(own, owned)
            with refusing("foreign"):
                own_app_space(attrs.evolve(own, app_space=OTHER), owned)


class TestSameAuthority:
    @pytest.mark.parametrize("suspended_by", [*Authority, None])
    @pytest.mark.parametrize("authority", Authority)
    def test_refuses_whoever_did_not_suspend(self, world, suspended_by, authority, refusing):
        facts = SuspensionFacts(
            binding=attrs.evolve(world.binding, suspended_by=suspended_by), authority=authority
        )
        if suspended_by is authority:
            same_authority(facts)
        else:
            with refusing("wrong_authority"):
                same_authority(facts)


class TestReachable:
    @pytest.mark.parametrize(
        ("states", "reached"),
        [
            ([], False),
            ([BindingState.INVITED], False),
            ([BindingState.SUSPENDED], False),
            ([BindingState.ACTIVE], True),
            ([BindingState.INVITED, BindingState.SUSPENDED, BindingState.ACTIVE], True),
            ([BindingState.INVITED, BindingState.SUSPENDED], False),
        ],
    )
    def test_takes_an_account_with_an_active_device(self, states, reached, refusing):
        account = attrs.evolve(USER, devices=tuple(map(device, states)))
        if reached:
            reachable(account)
        else:
            with refusing("account_unbound"):
                reachable(account)

    def test_refuses_a_locked_one_whatever_it_has(self, refusing):
        for states in ((), (BindingState.ACTIVE,)):
            with refusing("account_locked"):
                reachable(attrs.evolve(USER, locked_at=NOW, devices=tuple(map(device, states))))

    def test_tells_the_outside_the_same_of_both(self):
        assert (
            len({kind.public_code for kind in (AccountLocked, AccountUnbound, AccountUnknown)}) == 1
        )


class TestRenewable:
    @pytest.mark.parametrize("state", [BindingState.INVITED, BindingState.EXPIRED])
    @pytest.mark.parametrize("used", [{"bound_at": NOW}, {"enrolled": "hash"}])
    def test_refuses_an_invitation_that_was_used(self, world, refusing, state, used):
        unused = attrs.evolve(world.binding, state=state, bound_at=None)
        renewable(unused, NOW, STANDARD)
        with refusing("wrong_state"):
            renewable(attrs.evolve(unused, **used), NOW, STANDARD)


class TestReceives:
    def test_takes_no_origin_whose_credentials_have_all_ended(self):
        credential = Credential(scheme=Scheme.BASIC, created_at=NOW, ends_at=NOW)
        kind = AccountEventKind.LOCKED
        origin = Origin(
            guid=OTHER,
            app_space=SPACE,
            name="Shop",
            created_at=NOW,
            events=(kind,),
            credentials=(credential,),
        )
        assert receives(origin, kind, NOW - TICK)
        assert not receives(origin, kind, NOW)
        assert not receives(attrs.evolve(origin, events=()), kind, NOW - TICK)


class TestTokenGeneration:
    @pytest.mark.parametrize(
        ("ends_at", "revoked", "generation"),
        [
            (NOW - CLOCK_MARGIN, True, 0),
            (NOW - CLOCK_MARGIN + TICK, True, 1),
            (None, True, 1),
            (NOW - CLOCK_MARGIN, False, 0),
            (NOW - CLOCK_MARGIN + TICK, False, 1),
            (NOW + CLOCK_MARGIN, False, 1),
            (NOW + CLOCK_MARGIN + TICK, False, 0),
            (None, False, 0),
        ],
    )
    def test_is_a_new_one_where_the_secret_may_have_ended_by_another_clock(
        self, ends_at, revoked, generation
    ):
        origin = Origin(
            guid=OTHER,
            app_space=SPACE,
            name="Shop",
            created_at=NOW,
            credentials=(Credential(scheme=Scheme.BASIC, created_at=NOW, ends_at=ends_at),),
            backchannel=BackchannelClient(),
        )
        edited = attrs.evolve(origin, credentials=()) if revoked else origin
        assert token_generation(origin, edited, NOW) == generation
        assert token_generation(edited, origin, NOW) == generation


class TestRoomForBinding:
    def account(self, *devices):
        return attrs.evolve(USER, devices=devices)

    def full(self, last):
        others = [device(BindingState.ACTIVE, number=n) for n in range(STANDARD.bindings_limit - 1)]
        return self.account(*others, last)

    def test_up_to_the_limit(self, refusing):
        one_left = self.account(*self.full(device(BindingState.ACTIVE)).devices[1:])
        binding_limit_unreached(one_left, NOW, STANDARD)
        for state in (BindingState.ACTIVE, BindingState.SUSPENDED):
            with refusing("too_many_bindings"):
                binding_limit_unreached(self.full(device(state)), NOW, STANDARD)

    @pytest.mark.parametrize(
        ("deadline", "room"), [(NOW + TICK, False), (NOW, True), (NOW - TICK, True)]
    )
    def test_an_invitation_counts_until_its_deadline(self, deadline, room, refusing):
        account = self.full(device(BindingState.INVITED, deadline))
        if room:
            binding_limit_unreached(account, NOW, STANDARD)
        else:
            with refusing("too_many_bindings"):
                binding_limit_unreached(account, NOW, STANDARD)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(
                    [BindingState.INVITED, BindingState.ACTIVE, BindingState.SUSPENDED]
                ),
                st.integers(-2, 2),
            )
        )
    )
    def test_living_are_all_but_the_lapsed_invitations_in_their_order(self, states):
        devices = tuple(
            device(state, NOW + seconds * TICK, number)
            for number, (state, seconds) in enumerate(states)
        )
        lapsed = [
            device
            for device in devices
            if device.state is BindingState.INVITED and device.deadline <= NOW
        ]
        remaining = [device for device in devices if device not in lapsed]
        assert list(living(devices, NOW)) == remaining


class TestRevalidationDue:
    @pytest.mark.parametrize(
        ("confirmed_at", "due"),
        [
            (None, True),
            (NOW, False),
            (NOW - STANDARD.revalidation_life + TICK, False),
            (NOW - STANDARD.revalidation_life, True),
            (NOW - STANDARD.revalidation_life - TICK, True),
        ],
    )
    def test_once_the_last_word_is_too_old(self, confirmed_at, due):
        account = attrs.evolve(USER, confirmed_at=confirmed_at)
        assert revalidation_due(account, IDENTIFIED, NOW, STANDARD) is due

    def test_never_where_no_provider_identifies(self):
        assert revalidation_due(USER, SIMPLE, NOW, STANDARD) is False

    @pytest.mark.parametrize("issuer", [None, "", ISSUER + "/", "https://evil.example.com"])
    def test_refuses_an_account_of_another_provider_even_if_it_confirmed_just_now(
        self, issuer, refusing
    ):
        account = attrs.evolve(USER, issuer=issuer, confirmed_at=NOW)
        with refusing("wrong_issuer"):
            revalidation_due(account, IDENTIFIED, NOW, STANDARD)


class TestGraced:
    @pytest.mark.parametrize(
        ("age", "expected"),
        [
            (None, False),
            (timedelta(0), True),
            (STANDARD.revalidation_life + STANDARD.revalidation_grace - TICK, True),
            (STANDARD.revalidation_life + STANDARD.revalidation_grace, False),
        ],
    )
    def test_until_the_grace_after_the_life_of_a_confirmation_is_over(self, age, expected):
        account = attrs.evolve(USER, confirmed_at=None if age is None else NOW - age)
        assert within_grace(account, NOW, STANDARD) is expected


class TestExpectedIssuer:
    def test_takes_the_app_spaces_own(self):
        expected_issuer(Identity(issuer=ISSUER, subject="s"), IDENTIFIED)

    @pytest.mark.parametrize(
        "issuer", [ISSUER + "/", ISSUER.upper(), "http://idp.example.com", "x"]
    )
    def test_refuses_any_other_spelling(self, issuer, refusing):
        with refusing("wrong_issuer"):
            expected_issuer(Identity(issuer=issuer, subject="s"), IDENTIFIED)

    def test_refuses_all_where_no_provider_identifies(self, refusing):
        with refusing("wrong_issuer"):
            expected_issuer(Identity(issuer=ISSUER, subject="s"), SIMPLE)


class TestSameIdentity:
    @pytest.mark.parametrize(
        ("issuer", "subject", "code"),
        [
            (ISSUER, "Alice", "account_taken"),
            (ISSUER, "bob", "account_taken"),
            ("https://evil.example.com", "alice", "wrong_issuer"),
            ("https://evil.example.com", "bob", "wrong_issuer"),
        ],
    )
    def test_is_issuer_and_subject_together(self, issuer, subject, code, refusing):
        same_identity(USER, Identity(issuer=ISSUER, subject="alice"))
        with refusing(code):
            same_identity(USER, Identity(issuer=issuer, subject=subject, account_id="alice"))


class TestHowUsersAreIdentified:
    def test_an_invitation_needs_a_simple_app_space(self, refusing):
        identified_by_origin(SIMPLE)
        with refusing("wrong_kind"):
            identified_by_origin(IDENTIFIED)

    def test_a_log_in_needs_a_provider(self, refusing):
        assert provider_of(IDENTIFIED) is IDENTIFIED.idp
        with refusing("wrong_kind"):
            provider_of(SIMPLE)
