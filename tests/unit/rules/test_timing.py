"""Rules of time: deadlines are exclusive, and a proof is fresh within the policy's window."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.accounts.rules import (
    CancellationFacts,
    Deadline,
    deadline_came,
    forgettable_at,
    in_force,
    in_time,
    within_window,
)
from counterseal.bindings.rules.evidence import ReturnFacts
from counterseal.errors import CredentialRefused, Refused, RequestStale, StaleProof
from counterseal.models import Login, LoginState
from counterseal.policy import STANDARD

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TICK = timedelta.resolution
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (the zone is beside it)


class TestInTimeAndDeadlineCame:
    @pytest.mark.parametrize(
        ("now", "early"), [(NOW - TICK, True), (NOW, False), (NOW + TICK, False)]
    )
    def test_the_deadline_itself_is_too_late(self, now, early, refusing):
        facts = Deadline(now=now, deadline=NOW)
        if early:
            in_time(facts)
            with refusing("deadline_ahead"):
                deadline_came(facts)
        else:
            deadline_came(facts)
            with refusing("deadline_passed"):
                in_time(facts)

    @given(MOMENTS, MOMENTS)
    def test_just_one_of_them_refuses_whenever_it_is(self, now, deadline):
        refused = []
        for rule in (in_time, deadline_came):
            try:
                rule(Deadline(now=now, deadline=deadline))
            except Refused as refusal:
                refused.append(refusal.code)
        assert refused == (["deadline_ahead"] if now < deadline else ["deadline_passed"])

    def test_each_event_compares_the_deadline_of_its_own_record(self, world, refusing):
        login = Login(
            guid=world.other,
            state=LoginState.STARTED,
            app_space=world.other,
            redirect_uri="https://service.example/idp",
            app_return="com.example.app:/login",
            secret_hash=b"",
            holder_hash=b"",
            sealed_verifier=b"",
            sealed_nonce=b"",
            created_at=NOW,
            deadline=NOW + timedelta(minutes=3),
            keep_until=NOW,
        )
        for facts, deadline in (
            (world.fetching(), world.challenge.deadline),
            (world.answering(), world.challenge.deadline),
            (
                CancellationFacts(now=NOW, challenge=world.challenge, origin=world.other),
                world.challenge.deadline,
            ),
            (world.completing(), world.binding.deadline),
            (ReturnFacts(now=NOW, login=login, secret="", app_secret=""), login.deadline),
        ):
            in_time(attrs.evolve(facts, now=deadline - TICK))
            with refusing("deadline_passed"):
                in_time(attrs.evolve(facts, now=deadline))


class TestWithinWindow:
    @pytest.mark.parametrize(
        ("age", "fresh"),
        [
            (0, True),
            (300, True),
            (300.001, False),
            (301, False),
            (-60, True),
            (-60.001, False),
            (-61, False),
            (1e9, False),
            (-1e12, False),
        ],
    )
    def test_takes_five_minutes_of_the_past_and_one_of_the_future(self, age, fresh):
        signed_at = NOW.timestamp() - age
        if fresh:
            within_window(signed_at, NOW, STANDARD, StaleProof)
        else:
            with pytest.raises(StaleProof):
                within_window(signed_at, NOW, STANDARD, StaleProof)

    @pytest.mark.parametrize("refusal", [StaleProof, RequestStale, CredentialRefused])
    def test_raises_the_given_refusal(self, refusal):
        with pytest.raises(refusal):
            within_window(0, NOW, STANDARD, refusal)

    def test_takes_whole_seconds_however_many(self):
        for signed_at in (2**53 - 1, -(2**53), 999_999_999_999):
            with pytest.raises(StaleProof):
                within_window(signed_at, NOW, STANDARD, StaleProof)

    @pytest.mark.parametrize("seconds", [0, 1, 600])
    def test_is_as_wide_as_the_policy_says(self, seconds):
        span = timedelta(seconds=seconds)
        policy = attrs.evolve(STANDARD, proof_past=span, proof_future=span)
        for age in (seconds, -seconds):
            within_window(NOW.timestamp() - age, NOW, policy, StaleProof)
        for age in (seconds + 1, -seconds - 1):
            with pytest.raises(StaleProof):
                within_window(NOW.timestamp() - age, NOW, policy, StaleProof)


class TestForgettableAt:
    @given(
        now=MOMENTS,
        age=st.integers(-60, 300),
        later=st.timedeltas(timedelta(0), timedelta(days=1)),
    )
    def test_what_may_be_forgotten_is_never_fresh_again(self, now, age, later):
        signed_at = now.timestamp() - age
        try:
            within_window(signed_at, now, STANDARD, StaleProof)
        except StaleProof:
            return  # at the edges, by a fraction that seconds cannot tell
        forgettable = forgettable_at(now, STANDARD)
        with pytest.raises(StaleProof):
            within_window(signed_at, forgettable + later, STANDARD, StaleProof)

    @given(now=MOMENTS)
    def test_it_is_not_stored_much_longer_than_it_has_to(self, now):
        duration = forgettable_at(now, STANDARD) - now
        assert STANDARD.proof_past + STANDARD.proof_future < duration
        assert duration <= STANDARD.proof_past + STANDARD.proof_future + timedelta(seconds=2)


class TestInForce:
    @pytest.mark.parametrize(
        ("ends_at", "counts"), [(None, True), (NOW + TICK, True), (NOW, False), (NOW - TICK, False)]
    )
    def test_until_its_end_and_not_at_it(self, ends_at, counts):
        assert in_force(ends_at, NOW) is counts
