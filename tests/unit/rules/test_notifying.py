"""Rules of notifications: whom to notify again and when, who is next, and when to stop."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.errors import LeaseLost, WrongState
from counterseal.machines import step
from counterseal.models import (
    Account,
    AddressKind,
    Notification,
    NotificationState,
    Occasion,
    PushOutcome,
    PushResult,
    SkipReason,
    guid,
)
from counterseal.outbox.chart import NOTIFICATION, NotificationEvent
from counterseal.outbox.rules.retries import (
    NotificationFacts,
    find_skip_reason,
    progress_after,
)
from counterseal.outbox.rules.slots import next_notifications
from counterseal.policy import STANDARD

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LEASE = NOW + timedelta(seconds=30)
NAMES = [guid.mint(7, bytes([number]) * 15) for number in range(40)]
DEVICES = NAMES[:4]
RECORD = Notification(
    guid=NAMES[39],
    state=NotificationState.QUEUED,
    occasion=Occasion.CHALLENGE,
    subject=NAMES[38],
    account=NAMES[37],
    app_space=NAMES[36],
    kind=AddressKind.RELAY,
    devices=tuple(DEVICES),
    next_at=NOW,
    lease_until=LEASE,
    ends_at=NOW + timedelta(minutes=2),
    created_at=NOW,
    keep_until=NOW + timedelta(hours=1),
)

ACCOUNT = Account(guid=NAMES[37], app_space=NAMES[36], account_id="alice", created_at=NOW)

OUTCOMES = st.builds(
    lambda result, after: PushOutcome(
        result=result, after=after if result is PushResult.LATER else None
    ),
    st.sampled_from(PushResult),
    st.none() | st.integers(0, 400).map(lambda number: timedelta(seconds=number)),
)
ATTEMPTS = st.dictionaries(
    st.sampled_from(DEVICES), st.lists(OUTCOMES, min_size=1, max_size=3).map(tuple)
)


def outcomes_of(text):
    """`later/60 gone`: outcomes as a word each."""
    outcomes = []
    for word in text.split():
        result, _, after = word.partition("/")
        wait = timedelta(seconds=int(after)) if after else None
        outcomes.append(PushOutcome(result=PushResult(result), after=wait))
    return tuple(outcomes)


@pytest.mark.parametrize(
    ("subject", "account"),
    [
        (None, ACCOUNT),
        (ACCOUNT, None),
        (None, None),
        (ACCOUNT, RECORD),
        (ACCOUNT, attrs.evolve(ACCOUNT, erased_at=NOW)),
    ],
)
def test_nobody_is_notified_of_what_is_gone(subject, account):
    assert find_skip_reason(RECORD, subject, account, NOW) is SkipReason.FORGOTTEN


@pytest.mark.parametrize(
    ("outcomes", "again", "delivered", "skip_reason"),
    [
        (["delivered"], [], True, None),
        (["gone"], [], False, SkipReason.UNDELIVERED),
        (["rejected", "misconfigured"], [], False, SkipReason.UNDELIVERED),
        (["later"], [0], False, None),
        (["later/119"], [0], False, None),
        (["later/120"], [], False, SkipReason.LATE),
        (["later/3600"], [], False, SkipReason.LATE),
        (["later/3600", "later"], [1], False, None),
        (["later/3600", "delivered"], [], True, None),
        (["later delivered"], [], True, None),
        (["later gone", "rejected"], [0], False, None),
        (["later/3600 later/5"], [0], False, None),
    ],
)
def test_who_is_notified_again(outcomes, again, delivered, skip_reason):
    attempt = {DEVICES[index]: outcomes_of(text) for index, text in enumerate(outcomes)}
    progress = progress_after(RECORD, attempt, NOW, STANDARD, 0.0)
    assert progress.remaining == tuple(DEVICES[index] for index in again)
    assert (progress.delivered, progress.skip_reason) == (delivered, skip_reason)


@given(
    ATTEMPTS,
    st.integers(0, 12),
    st.floats(0, 1),
    st.integers(-10, 300).map(lambda number: timedelta(seconds=number)),
    st.booleans(),
)
def test_the_progress_is_what_the_design_says(attempt, attempts, jitter, remaining, delivered):
    """Against the words of decision 0048, device by device."""
    notification = attrs.evolve(
        RECORD, attempts=attempts, ends_at=NOW + remaining, delivered=delivered
    )
    progress = progress_after(notification, attempt, NOW, STANDARD, jitter)

    schedule = [*STANDARD.push_delays, *[STANDARD.push_delays[-1]] * 20]
    delay = schedule[attempts] + schedule[attempts] * jitter * STANDARD.callback_jitter
    waits, notified, late = {}, delivered, False
    for device, outcomes in attempt.items():
        words = [outcome.result.value for outcome in outcomes]
        if "delivered" in words:
            notified = True
            continue
        delays = [o.after or timedelta(0) for o in outcomes if o.result.value == "later"]
        if not delays:
            continue
        wait = max(delay, min(delays))
        if NOW + wait >= NOW + remaining:
            late = True
        else:
            waits[device] = wait

    assert set(progress.remaining) == set(waits)
    assert progress.delivered is notified
    if waits:
        assert abs(progress.next_at - NOW - max(waits.values())) < timedelta(milliseconds=1)
        assert progress.next_at < notification.ends_at
        assert progress.skip_reason is None
    elif notified:
        assert progress.skip_reason is None
    else:
        assert progress.skip_reason is (SkipReason.LATE if late else SkipReason.UNDELIVERED)


@given(st.lists(st.sampled_from(["later", "later/3"]), max_size=100))
def test_waits_do_not_shrink_and_the_last_stays(words):
    notification = attrs.evolve(RECORD, ends_at=NOW + timedelta(days=28))
    waits = []
    for attempts, word in enumerate(words):
        progress = progress_after(
            attrs.evolve(notification, attempts=attempts),
            {DEVICES[0]: outcomes_of(word)},
            NOW,
            STANDARD,
            0.0,
        )
        waits.append(progress.next_at - NOW)
    assert waits == sorted(waits)
    assert all(wait <= max(STANDARD.push_delays) for wait in waits)


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 1), (1, 5), (2, 9), (3, 9)])
def test_each_attempt_has_its_delay_and_later_ones_the_last(attempts, seconds):
    delays = tuple(timedelta(seconds=number) for number in (1, 5, 9))
    policy = attrs.evolve(STANDARD, push_delays=delays)
    notification = attrs.evolve(RECORD, attempts=attempts)
    progress = progress_after(notification, {DEVICES[0]: outcomes_of("later")}, NOW, policy, 0.0)
    assert progress.next_at == NOW + timedelta(seconds=seconds)


def test_a_policy_without_delays_waits_for_what_is_asked_only():
    policy = attrs.evolve(STANDARD, push_delays=())
    assert (
        progress_after(RECORD, {DEVICES[0]: outcomes_of("later")}, NOW, policy, 1.0).next_at == NOW
    )
    progress = progress_after(RECORD, {DEVICES[0]: outcomes_of("later/7")}, NOW, policy, 1.0)
    assert progress.next_at == NOW + timedelta(seconds=7)


class TestTheChart:
    def facts(self, **more):
        members = {"record": RECORD, "claimed": LEASE, "delivered": False} | more
        return NotificationFacts(**members)

    @pytest.mark.parametrize("event", [NotificationEvent.PUSH, NotificationEvent.DROP])
    def test_nothing_moves_under_a_lost_lease(self, event):
        lost = self.facts(claimed=LEASE - timedelta.resolution, skip_reason=SkipReason.ENDED)
        with pytest.raises(LeaseLost):
            step(NOTIFICATION, NotificationState.QUEUED, event, lost)

    def test_what_could_be_delivered_is_not_dropped(self):
        with pytest.raises(WrongState):
            step(NOTIFICATION, NotificationState.QUEUED, NotificationEvent.DROP, self.facts())

    @pytest.mark.parametrize(
        ("remaining", "delivered", "after"),
        [
            (True, True, NotificationState.QUEUED),
            (True, False, NotificationState.QUEUED),
            (False, True, NotificationState.DELIVERED),
            (False, False, NotificationState.OVER),
        ],
    )
    def test_a_push_leads_on(self, remaining, delivered, after):
        facts = self.facts(remaining=tuple(DEVICES[:remaining]), delivered=delivered)
        assert step(NOTIFICATION, NotificationState.QUEUED, NotificationEvent.PUSH, facts) is after

    @pytest.mark.parametrize("delivered", [True, False])
    def test_a_drop_ends_it(self, delivered):
        facts = self.facts(delivered=delivered, skip_reason=SkipReason.ENDED)
        after = NotificationState.DELIVERED if delivered else NotificationState.OVER
        assert step(NOTIFICATION, NotificationState.QUEUED, NotificationEvent.DROP, facts) is after


KINDS = [AddressKind.RELAY, AddressKind.WEBPUSH, AddressKind.FCM_TOKEN]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(KINDS)), max_size=20),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(KINDS)), max_size=6),
    st.integers(1, 4),
)
def test_no_kind_and_no_account_takes_anothers_slot(due, running, slots):
    def of(pairs, first):
        return [
            attrs.evolve(RECORD, guid=NAMES[first + index], account=NAMES[account], kind=kind)
            for index, (account, kind) in enumerate(pairs)
        ]

    waiting, under_way = of(due, 4), {one.guid: one for one in of(running, 26)}
    chosen = next_notifications(waiting, under_way, slots)

    assert len(set(chosen)) == len(chosen)
    assert set(chosen) <= set(waiting)
    for kind in KINDS:
        claims = [one for one in under_way.values() if one.kind is kind]
        mine = [one for one in chosen if one.kind is kind]
        alone = next_notifications([one for one in waiting if one.kind is kind], under_way, slots)
        assert mine == list(alone), "a kind is served otherwise where there are others"
        assert len(claims) + len(mine) <= max(slots, len(claims))
        holding = Counter(one.account for one in (*claims, *mine))
        idle = {one.account for one in waiting if one.kind is kind} - holding.keys()
        assert not idle or len(claims) + len(mine) >= slots
        free, counts = slots - len(claims), Counter(one.account for one in claims)
        for notification in mine:
            assert counts[notification.account] < free
            counts[notification.account] += 1
            free -= 1
