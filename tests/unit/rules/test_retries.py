"""Rules of the outbox: who may claim, whose outcome counts, who is next, when to give up."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statemachine.exceptions import TransitionNotAllowed

from counterseal.errors import Refused, WrongState
from counterseal.machines import step
from counterseal.models import (
    AddressKind,
    Callback,
    CallbackState,
    DeadReason,
    DeliveryOutcome,
    Notification,
    NotificationState,
    Occasion,
    guid,
)
from counterseal.outbox.chart import CALLBACK, NOTIFICATION, CallbackEvent, NotificationEvent
from counterseal.outbox.rules.retries import (
    JITTER_BYTES,
    ClaimFacts,
    DeliveryFacts,
    attempt_due,
    dead_reason,
    delivered,
    gives_up,
    jitter_from,
    lease_current,
    next_attempt,
    undelivered,
)
from counterseal.outbox.rules.slots import (
    next_callbacks,
    origins_with_slots,
)
from counterseal.policy import STANDARD

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TICK = timedelta.resolution
LEASE = NOW + timedelta(minutes=1)
ID = guid.mint(7, bytes(15))
CALLBACK_RECORD = Callback(
    guid=ID,
    state=CallbackState.QUEUED,
    challenge=ID,
    account=ID,
    origin=ID,
    url="https://example.com/",
    attempts=0,
    next_at=NOW,
    lease_until=LEASE,
    created_at=NOW,
    keep_until=NOW,
)
NOTIFICATION_RECORD = Notification(
    guid=ID,
    state=NotificationState.QUEUED,
    occasion=Occasion.CHALLENGE,
    subject=ID,
    account=ID,
    app_space=ID,
    kind=AddressKind.RELAY,
    devices=(ID,),
    next_at=NOW,
    lease_until=LEASE,
    ends_at=LEASE,
    created_at=NOW,
    keep_until=LEASE,
)
DELAYS = STANDARD.callback_delays


def facts(status=200, *, attempts=0, lease=LEASE, claimed=LEASE, delays=DELAYS):
    return DeliveryFacts(
        record=attrs.evolve(CALLBACK_RECORD, attempts=attempts, lease_until=lease),
        claimed=claimed,
        outcome=DeliveryOutcome(status=status),
        policy=attrs.evolve(STANDARD, callback_delays=delays),
    )


RECORDS = [CALLBACK_RECORD, NOTIFICATION_RECORD]


@pytest.mark.parametrize("record", RECORDS, ids=["callback", "notification"])
class TestAttemptDue:
    def due(self, record, *, next_at, lease_until):
        record = attrs.evolve(record, next_at=next_at, lease_until=lease_until)
        attempt_due(ClaimFacts(now=NOW, record=record))

    @pytest.mark.parametrize("next_at", [NOW, NOW - TICK])
    @pytest.mark.parametrize("lease_until", [None, NOW, NOW - TICK])
    def test_takes_what_is_due_and_not_claimed(self, record, next_at, lease_until):
        self.due(record, next_at=next_at, lease_until=lease_until)

    @pytest.mark.parametrize(
        ("next_at", "lease_until"),
        [(NOW + TICK, None), (NOW + TICK, NOW - TICK), (NOW, NOW + TICK), (NOW - TICK, LEASE)],
    )
    def test_refuses_what_is_not_due_or_claimed_by_another(
        self, record, next_at, lease_until, refusing
    ):
        with refusing("deadline_ahead"):
            self.due(record, next_at=next_at, lease_until=lease_until)


CLAIMS = [
    (CALLBACK, CallbackEvent.CLAIM, CALLBACK_RECORD),
    (NOTIFICATION, NotificationEvent.CLAIM, NOTIFICATION_RECORD),
]


@pytest.mark.parametrize(("chart", "event", "record"), CLAIMS, ids=["callback", "notification"])
class TestClaim:
    def test_only_what_is_queued_is_claimed(self, chart, event, record):
        for state in chart.states:
            facts = ClaimFacts(now=LEASE, record=attrs.evolve(record, state=state))
            if state is chart.initial:
                assert step(chart, state, event, facts) is state
            else:
                with pytest.raises(WrongState):
                    step(chart, state, event, facts)

    def test_of_two_claims_one_is_refused(self, chart, event, record, refusing):
        facts = ClaimFacts(now=LEASE, record=record)
        state = step(chart, record.state, event, facts)
        claimed = attrs.evolve(record, state=state, lease_until=LEASE + TICK)
        with refusing("deadline_ahead"):
            step(chart, claimed.state, event, attrs.evolve(facts, record=claimed))


class TestLeaseCurrent:
    def test_takes_the_outcome_of_the_claim_that_stands(self):
        lease_current(facts())

    @pytest.mark.parametrize("lease", [None, LEASE + TICK, LEASE - TICK])
    def test_refuses_a_claim_that_was_taken_over_or_given_up(self, lease, refusing):
        with refusing("lease_lost"):
            lease_current(facts(lease=lease))


class TestDeliveredAndUndelivered:
    @pytest.mark.parametrize(
        ("status", "success"),
        [
            (200, True),
            (201, True),
            (204, True),
            (299, True),
            (100, False),
            (199, False),
            (300, False),
            (301, False),
            (302, False),
            (304, False),
            (400, False),
            (404, False),
            (410, False),
            (429, False),
            (500, False),
            (None, False),
            (0, False),
            (-200, False),
        ],
    )
    def test_only_two_hundreds_are_a_success(self, status, success):
        delivery = facts(status)
        (delivered if success else undelivered)(delivery)
        with pytest.raises(WrongState):
            (undelivered if success else delivered)(delivery)


class TestGivesUp:
    @pytest.mark.parametrize("status", [None, 500, 429, 302, 404])
    def test_after_the_last_delay(self, status):
        """The attempt in question is the one after those that the callback counts."""
        verdicts = [gives_up(facts(status, attempts=n)) for n in range(11)]
        assert verdicts == [False] * 8 + [True] * 3

    def test_at_once_where_the_receiver_wants_no_more(self):
        assert gives_up(facts(410, attempts=0))
        assert not gives_up(facts(411, attempts=0))

    def test_at_once_where_the_outcome_is_final(self):
        refused = attrs.evolve(facts(None), outcome=DeliveryOutcome(status=None, final=True))
        assert gives_up(refused)
        assert not gives_up(facts(None))

    def test_after_the_first_attempt_where_the_policy_has_no_delays(self):
        assert gives_up(facts(500, attempts=0, delays=()))


class TestNextAttempt:
    def next(self, attempts, jitter=0.0, *, retry_after=None, policy=STANDARD):
        outcome = DeliveryOutcome(status=503, retry_after=retry_after)
        return next_attempt(attempts, outcome, NOW, policy, jitter) - NOW

    def test_waits_as_the_policy_says_longer_each_time(self):
        waits = [self.next(attempts) for attempts in range(1, len(DELAYS) + 1)]
        assert waits == list(DELAYS)
        assert waits == sorted(waits)
        assert sum(waits, timedelta(0)) <= timedelta(hours=24)

    def test_leaves_a_share_to_chance(self):
        assert self.next(1, 0.0) == timedelta(seconds=5)
        assert self.next(1, 0.5) == timedelta(seconds=5.5)
        assert self.next(1, 1.0) == timedelta(seconds=6)

    def test_leaves_nothing_to_chance_if_the_policy_says_so(self):
        policy = attrs.evolve(STANDARD, callback_jitter=0.0)
        assert self.next(1, 1.0, policy=policy) == timedelta(seconds=5)

    @pytest.mark.parametrize(
        ("retry_after", "wait"),
        [
            (timedelta(0), timedelta(seconds=5)),
            (timedelta(seconds=4), timedelta(seconds=5)),
            (timedelta(seconds=90), timedelta(seconds=90)),
            (timedelta(hours=10), timedelta(hours=10)),
            (timedelta(hours=10, seconds=1), timedelta(hours=10)),
            (timedelta(days=365), timedelta(hours=10)),
            (timedelta.max, timedelta(hours=10)),
            (timedelta(seconds=-1), timedelta(seconds=5)),
            (None, timedelta(seconds=5)),
        ],
    )
    def test_honours_what_the_receiver_asks_up_to_the_longest_delay(self, retry_after, wait):
        assert self.next(1, retry_after=retry_after) == wait

    def test_past_the_last_delay_keeps_to_it(self):
        assert self.next(100) == DELAYS[-1]

    @pytest.mark.parametrize("attempts", [1, 2])
    def test_without_delays_is_now(self, attempts):
        # Nothing is tried again, and yet the outcome has to be recorded.
        policy = attrs.evolve(STANDARD, callback_delays=())
        assert self.next(attempts, 1.0, policy=policy) == timedelta(0)
        later = timedelta(seconds=9)
        assert self.next(attempts, retry_after=later, policy=policy) == timedelta(0)

    @given(
        attempts=st.integers(1, 50),
        jitter=st.floats(0, 1),
        retry_after=st.none() | st.timedeltas(),
        delays=st.lists(st.timedeltas(timedelta(0), timedelta(days=1)), max_size=5).map(tuple),
    )
    def test_is_never_before_its_delay_nor_long_after_the_longest(
        self, attempts, jitter, retry_after, delays
    ):
        policy = attrs.evolve(STANDARD, callback_delays=delays)
        wait = self.next(attempts, jitter, retry_after=retry_after, policy=policy)
        longest = max(delays, default=timedelta(0))
        own = delays[min(attempts, len(delays)) - 1] if delays else timedelta(0)
        assert own <= wait <= longest * (1 + policy.callback_jitter) + TICK


@pytest.mark.parametrize(
    ("random_bytes", "share"),
    [
        (b"\x00", 0.0),
        (b"\x33", 0.2),
        (b"\xff", 1.0),
        (b"\x33\x33", 0.2),
        (b"\x00" * JITTER_BYTES, 0.0),
        (b"\xff" * JITTER_BYTES, 1.0),
    ],
)
def test_random_bytes_become_a_share_of_the_jitter(random_bytes, share):
    assert jitter_from(random_bytes) == share


class TestTheRulesTogether:
    """`step` and the library's engine, for once with the real rules."""

    @given(
        state=st.sampled_from(CallbackState),
        event=st.sampled_from([each for each in CallbackEvent if each is not CallbackEvent.CLAIM]),
        status=st.none() | st.sampled_from([200, 204, 302, 410, 500]),
        attempts=st.integers(0, 12),
        current=st.booleans(),
    )
    def test_decide_as_the_engine_does(self, state, event, status, attempts, current):
        delivery = facts(status, attempts=attempts, claimed=LEASE if current else NOW)

        class Slot:
            pass

        slot = Slot()
        slot.state = state
        try:
            CALLBACK.declaration(model=slot).send(event.value, facts=delivery)
        except TransitionNotAllowed:
            theirs = "wrong_state"
        except Refused as refusal:
            theirs = refusal.code
        else:
            theirs = slot.state
        try:
            ours = step(CALLBACK, state, event, delivery)
        except Refused as refusal:
            ours = refusal.code
        assert ours == theirs

    @pytest.mark.parametrize(
        ("status", "attempts", "after"),
        [
            (500, 0, CallbackState.QUEUED),
            (500, 7, CallbackState.QUEUED),
            (500, 8, CallbackState.DEAD),
            (410, 0, CallbackState.DEAD),
        ],
    )
    def test_a_failure_queues_it_again_or_ends_it(self, status, attempts, after):
        failed = step(
            CALLBACK, CallbackState.QUEUED, CallbackEvent.FAIL, facts(status, attempts=attempts)
        )
        assert failed is after


class TestCauseOfDeath:
    @pytest.mark.parametrize(
        ("outcome", "attempts", "unsent", "cause"),
        [
            (DeliveryOutcome(status=500), 0, None, None),
            (DeliveryOutcome(status=500), len(DELAYS) - 1, None, None),
            (DeliveryOutcome(status=500), len(DELAYS), None, DeadReason.EXHAUSTED),
            (DeliveryOutcome(status=410), 0, None, DeadReason.GONE),
            (DeliveryOutcome(status=410, final=True), len(DELAYS), None, DeadReason.GONE),
            (DeliveryOutcome(status=None, final=True), 0, None, DeadReason.FINAL),
            (DeliveryOutcome(status=None, final=True), len(DELAYS), None, DeadReason.FINAL),
            (
                DeliveryOutcome(status=None, final=True),
                0,
                DeadReason.FORBIDDEN,
                DeadReason.FORBIDDEN,
            ),
            (DeliveryOutcome(status=410), 0, DeadReason.FORGOTTEN, DeadReason.FORGOTTEN),
        ],
    )
    def test_the_first_that_holds_is_returned(self, outcome, attempts, unsent, cause):
        dying = attrs.evolve(facts(attempts=attempts), outcome=outcome, unsent=unsent)
        assert dead_reason(dying) is cause
        assert gives_up(dying) is (cause is not None)


def test_an_origin_with_its_share_of_the_slots_has_no_other():
    first, second, third = NAMES[:3]
    under_way = {NAMES[10]: first, NAMES[11]: first, NAMES[12]: second}
    assert origins_with_slots([first, second, third], under_way, 3) == ()
    assert origins_with_slots([first, second, third], under_way, 5) == (second, third)
    assert origins_with_slots([first, second, third], under_way, 6) == (first, second, third)
    assert origins_with_slots([], under_way, 8) == ()


NAMES = [guid.mint(7, bytes([number] * 15)) for number in range(40)]


def of(*origins):
    """Return callbacks of these origins, the longest due first."""
    return [
        attrs.evolve(CALLBACK_RECORD, guid=NAMES[10 + number], origin=NAMES[origin])
        for number, origin in enumerate(origins)
    ]


class TestInTurn:
    @pytest.mark.parametrize(
        ("origins", "under_way", "slots", "chosen"),
        [
            ((), (), 4, ()),
            ((1,), (), 1, (0,)),
            ((1, 1, 1, 1, 1), (), 4, (0, 1)),  # half of the slots are for another owner
            ((1, 1, 1, 1, 1), (), 5, (0, 1, 2)),
            ((1, 1, 1, 1, 2, 2, 2), (), 6, (0, 4, 1, 5)),  # a third is for another owner
            ((1, 1, 1, 1, 2), (), 4, (0, 4, 1)),
            ((1, 1, 2, 3), (), 4, (0, 2, 3)),
            ((1, 2, 3, 4, 5), (), 4, (0, 1, 2, 3)),
            ((1, 1, 2), (1, 1, 1), 4, (2,)),
            ((1, 1), (1, 1, 1), 4, ()),
            ((1, 2), (1, 1, 2), 4, ()),
            ((1, 2, 3), (1, 1, 2), 4, (2,)),
            ((1, 2), (3, 4), 2, ()),
        ],
    )
    def test_gives_slots_to_the_owner_with_the_fewest(self, origins, under_way, slots, chosen):
        due = of(*origins)
        claims = {NAMES[30 + number]: NAMES[origin] for number, origin in enumerate(under_way)}
        assert next_callbacks(due, claims, slots) == tuple(due[index] for index in chosen)

    @given(
        st.lists(st.integers(0, 4), max_size=20),
        st.lists(st.integers(0, 4), max_size=6),
        st.integers(1, 6),
    )
    def test_leaves_a_place_to_whoever_has_none(self, origins, under_way, slots):
        due = of(*origins)
        claims = {NAMES[30 + number]: NAMES[origin] for number, origin in enumerate(under_way)}
        chosen = next_callbacks(due, claims, slots)
        assert len(set(chosen)) == len(chosen)
        assert len(claims) + len(chosen) <= max(slots, len(claims))
        holding = Counter(claims.values()) + Counter(one.origin for one in chosen)
        idle = {one.origin for one in due} - holding.keys()
        # Whoever is passed over is passed over because there is no place.
        assert not idle or len(claims) + len(chosen) >= slots
        if slots > 1 and len(claims) < slots:
            assert all(count < slots for origin, count in holding.items())

    @given(
        st.lists(st.integers(0, 4), max_size=20),
        st.lists(st.integers(0, 4), max_size=6),
        st.integers(1, 12),
    )
    def test_gives_each_slot_to_the_owner_with_the_fewest(self, origins, under_way, slots):
        """Against the words of the rule, slot by slot."""
        due = of(*origins)
        claims = {NAMES[30 + number]: NAMES[origin] for number, origin in enumerate(under_way)}
        slots_of_owners = list(claims.values())
        rest = list(due)
        for record in next_callbacks(due, claims, slots):
            fewest = min(slots_of_owners.count(one.origin) for one in rest)
            first = next(one for one in rest if slots_of_owners.count(one.origin) == fewest)
            assert record is first
            slots_of_owners.append(record.origin)
            rest.remove(record)

    @given(
        st.lists(st.integers(0, 4), max_size=30),
        st.lists(st.integers(0, 4), max_size=6),
        st.integers(1, 12),
    )
    def test_gives_no_origin_more_than_its_share(self, origins, under_way, slots):
        """An origin that hangs leaves slots, whatever it had when it was alone."""
        due = of(*origins)
        claims = {NAMES[30 + number]: NAMES[origin] for number, origin in enumerate(under_way)}
        free = slots - len(claims)
        counts = Counter(claims.values())
        for callback in next_callbacks(due, claims, slots):
            assert counts[callback.origin] < free
            counts[callback.origin] += 1
            free -= 1

    def test_starts_none_that_runs(self):
        one, two = of(1, 2)
        assert next_callbacks([one, two], {one.guid: one.origin}, 3) == (two,)
