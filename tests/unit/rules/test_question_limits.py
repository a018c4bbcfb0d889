"""
Limits of questions: how often a person may be asked.

Examples at every limit, one tick before and after; then whole lives of an account at random,
against an oracle that keeps a plain log of what happened and counts it afresh every time.
"""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.challenges.rules.question_limits import (
    Ruling,
    Verdict,
    after_approval,
    after_asking,
    after_refusal,
    limits_for,
    may_ask,
    rule_on_question,
    with_codes_demanded,
    with_expired_counted,
    without_question,
)
from counterseal.errors import CodeDemanded, TooManyPending, TooOften
from counterseal.models import Clients, History, OpenQuestion, Origin, OwnLimits, PastQuestion, guid
from counterseal.policy import STANDARD, STRICT

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TICK = timedelta.resolution
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SHOP, BANK = (guid.mint(7, bytes([n]) * 15) for n in range(2))
LIFE = 2 * MINUTE
POLICY = attrs.evolve(
    STANDARD,
    pending_limit=2,
    ask_window=10 * MINUTE,
    ask_limit_origin=3,
    ask_limit=4,
    ask_limit_unapproved=6,
    cooldown_after=2,
    cooldown=MINUTE,
    cooldown_limit=5 * MINUTE,
)
SUPERSEDING = attrs.evolve(POLICY, supersede=True)


def guid_of(number):
    return guid.mint(number % 256, number.to_bytes(15))


def question(number, origin=SHOP, deadline=NOW + LIFE, clients=Clients.CURRENT):
    return OpenQuestion(
        challenge=guid_of(number), origin=origin, deadline=deadline, clients=clients
    )


def earlier(*ages, origin=SHOP, clients=Clients.CURRENT):
    return tuple(PastQuestion(at=NOW - age, origin=origin, clients=clients) for age in ages)


def rule(
    history,
    *,
    now=NOW,
    origin=SHOP,
    code=False,
    typed=True,
    policy=POLICY,
    limits=None,
    clients=Clients.CURRENT,
):
    return rule_on_question(
        history,
        now=now,
        origin=origin,
        clients=clients,
        limits=limits or policy.asking_limits(clients),
        code_asked=code,
        codes_typed=typed,
        policy=policy,
    )


ALLOW = Ruling(verdict=Verdict.ALLOW)


def too_many(wait=LIFE):
    return Ruling(verdict=Verdict.REFUSE, reason="pending", wait=wait)


class TestTheWindow:
    def test_is_counted_for_each_origin_then_for_all_together(self):
        assert rule(History(recent=earlier(SECOND, SECOND))) == ALLOW
        assert rule(History(recent=earlier(SECOND, SECOND, SECOND))).reason == "origin_window"
        assert rule(History(recent=earlier(*[SECOND] * 3)), origin=BANK) == ALLOW
        mixed = History(recent=earlier(SECOND, SECOND) + earlier(SECOND, SECOND, origin=BANK))
        assert rule(mixed).reason == rule(mixed, origin=BANK).reason == "account_window"

    @pytest.mark.parametrize(
        ("age", "verdict"),
        [
            (10 * MINUTE - TICK, Verdict.DELAY),
            (10 * MINUTE, Verdict.ALLOW),
            (10 * MINUTE + TICK, Verdict.ALLOW),
        ],
    )
    def test_ends_when_its_length_is_over(self, age, verdict):
        assert rule(History(recent=earlier(age, SECOND, SECOND))).verdict is verdict

    def test_says_how_long_to_wait(self):
        history = History(recent=earlier(9 * MINUTE, 8 * MINUTE, SECOND))
        ruling = rule(history)
        assert ruling == Ruling(verdict=Verdict.DELAY, reason="origin_window", wait=MINUTE)
        assert rule(history, now=NOW + MINUTE - TICK).verdict is Verdict.DELAY
        assert rule(history, now=NOW + MINUTE) == ALLOW

    def test_waits_for_as_many_to_pass_as_are_too_many(self):
        # A policy that was tightened finds more in the window than it now allows.
        crowded = History(recent=earlier(*(n * MINUTE for n in (9, 8, 7, 6, 5))))
        assert rule(crowded).wait == 3 * MINUTE
        assert rule(History(recent=crowded.recent[::-1])).wait == 3 * MINUTE

    def test_is_no_softer_for_a_question_with_a_code(self):
        history = History(recent=earlier(SECOND, SECOND, SECOND))
        assert rule(history, code=True) == rule(history)

    def test_counts_what_a_clock_ahead_of_ours_has_asked(self):
        assert rule(History(recent=earlier(-SECOND, -SECOND, -SECOND))).verdict is Verdict.DELAY


class TestOpenQuestions:
    FULL = History(open=(question(1), question(2, BANK)))

    def test_are_limited_whoever_asked(self):
        assert rule(History(open=(question(1),))) == ALLOW
        for origin in (SHOP, BANK, guid_of(9)):
            assert rule(self.FULL, origin=origin) == too_many()

    def test_are_superseded_by_their_own_origin_where_the_policy_says_so(self):
        own = rule(self.FULL, policy=SUPERSEDING)
        assert own == Ruling(verdict=Verdict.ALLOW, supersedes=(guid_of(1),))
        assert rule(self.FULL, origin=BANK, policy=SUPERSEDING).supersedes == (guid_of(2),)
        strange = rule(self.FULL, origin=guid_of(9), policy=SUPERSEDING)
        assert strange == too_many()

    def test_are_superseded_the_oldest_first(self):
        history = History(open=(question(3), question(1)))
        assert rule(history, policy=SUPERSEDING).supersedes == (guid_of(3),)

    def test_are_superseded_as_many_as_a_tightened_limit_takes(self):
        history = History(open=(question(3), question(2, BANK), question(1), question(4)))
        tight = attrs.evolve(SUPERSEDING, pending_limit=2)
        assert rule(history, policy=tight).supersedes == (guid_of(3), guid_of(1), guid_of(4))
        assert rule(history, policy=attrs.evolve(tight, pending_limit=3)).supersedes == (
            guid_of(3),
            guid_of(1),
        )
        # All of its own are not enough.
        none_left = rule(history, policy=attrs.evolve(tight, pending_limit=1))
        assert none_left == too_many()
        assert rule(history, origin=BANK, policy=tight).verdict is Verdict.REFUSE

    def test_are_left_alone_below_the_limit(self):
        assert rule(History(open=(question(1),)), policy=SUPERSEDING).supersedes == ()

    @pytest.mark.parametrize(
        ("ahead", "verdict"),
        [(TICK, Verdict.REFUSE), (timedelta(0), Verdict.ALLOW), (-TICK, Verdict.ALLOW)],
    )
    def test_count_until_their_deadline(self, ahead, verdict):
        history = History(open=(question(1), question(2, deadline=NOW + ahead)))
        assert rule(history).verdict is verdict

    def test_are_no_softer_for_a_question_with_a_code(self):
        assert rule(self.FULL, code=True).verdict is Verdict.REFUSE

    def test_that_are_superseded_do_not_spare_the_cool_down(self):
        cooling = attrs.evolve(self.FULL, cooling_until=NOW + SECOND)
        assert rule(cooling, policy=SUPERSEDING).verdict is Verdict.REQUIRE_CODE

    def test_say_how_long_to_wait_until_one_of_them_is_over(self):
        history = History(
            open=(question(1, deadline=NOW + LIFE), question(2, deadline=NOW + MINUTE))
        )
        assert rule(history) == too_many(MINUTE)
        assert rule(history, now=NOW + MINUTE - TICK) == too_many(TICK)
        assert rule(history, now=NOW + MINUTE) == ALLOW
        tight = attrs.evolve(POLICY, pending_limit=1)
        assert rule(history, policy=tight) == too_many(LIFE)

    def test_of_another_origin_are_waited_for_until_the_own_ones_are_enough(self):
        history = History(
            open=(
                question(1, deadline=NOW + 3 * MINUTE),
                question(2, BANK, deadline=NOW + MINUTE),
                question(3, BANK, deadline=NOW + LIFE),
            )
        )
        tight = attrs.evolve(SUPERSEDING, pending_limit=1)
        assert rule(history, policy=tight) == too_many(LIFE)
        after = rule(history, policy=tight, now=NOW + LIFE)
        assert after.supersedes == (guid_of(1),)

    def test_of_the_strict_profile_are_one(self):
        one = History(open=(question(1),))
        assert rule(one, policy=STRICT).supersedes == (guid_of(1),)
        assert rule(one, policy=STRICT, origin=BANK).verdict is Verdict.REFUSE
        assert rule(History(open=(question(1),) * 4), policy=STANDARD) == ALLOW
        assert rule(History(open=(question(1),) * 5), policy=STANDARD).verdict is Verdict.REFUSE


class TestTheCoolDown:
    COOLING = History(refusals=2, cooling_until=NOW + MINUTE)

    def test_asks_for_a_code_where_one_can_be_shown(self):
        assert rule(self.COOLING) == Ruling(verdict=Verdict.REQUIRE_CODE, reason="cooldown")
        assert rule(self.COOLING, code=True) == ALLOW

    def test_delays_where_no_code_can_be_shown(self):
        ruling = rule(self.COOLING, typed=False)
        assert ruling == Ruling(verdict=Verdict.DELAY, reason="cooldown", wait=MINUTE)

    @pytest.mark.parametrize("typed", [True, False])
    def test_ends_at_its_end(self, typed):
        for now, cooling in ((NOW + MINUTE - TICK, True), (NOW + MINUTE, False)):
            assert (rule(self.COOLING, now=now, typed=typed) != ALLOW) is cooling

    def refused(self, times, policy=POLICY):
        history = History()
        for number in range(times):
            history = attrs.evolve(history, open=(question(number),))
            history = after_refusal(history, guid_of(number), NOW, policy)
        return history

    def test_begins_after_so_many_refusals_and_doubles_up_to_its_limit(self):
        ends = [self.refused(times).cooling_until for times in range(8)]
        waits = [None if end is None else (end - NOW) / MINUTE for end in ends]
        assert waits == [None, None, 1, 2, 4, 5, 5, 5]

    def test_never_overflows(self):
        history = History(refusals=10**6, open=(question(1),))
        assert after_refusal(history, guid_of(1), NOW, POLICY).cooling_until == NOW + 5 * MINUTE

    def test_is_never_shortened_by_one_more_refusal(self):
        long = History(refusals=1, cooling_until=NOW + 99 * MINUTE, open=(question(1),))
        assert after_refusal(long, guid_of(1), NOW, POLICY).cooling_until == NOW + 99 * MINUTE

    def test_ends_with_an_approval(self):
        history = attrs.evolve(self.refused(5), open=(question(9),))
        approved = after_approval(history, guid_of(9), NOW, POLICY, code_matched=False)
        assert (approved.refusals, approved.cooling_until) == (0, None)
        assert rule(approved) == ALLOW

    def test_does_not_end_with_a_question_that_is_taken_back(self):
        history = attrs.evolve(self.refused(2), open=(question(9),))
        assert without_question(history, guid_of(9)).cooling_until == NOW + MINUTE


class TestQuestionsWithoutAnApproval:
    MANY = History(asked_since_approval=6, recent=earlier(MINUTE))

    def test_are_asked_with_a_code_only(self):
        assert rule(attrs.evolve(self.MANY, asked_since_approval=5)) == ALLOW
        assert rule(self.MANY) == Ruling(verdict=Verdict.REQUIRE_CODE, reason="unapproved")
        assert rule(self.MANY, code=True) == ALLOW

    def test_wait_for_the_longest_cool_down_where_no_code_can_be_shown(self):
        ruling = rule(self.MANY, typed=False)
        assert ruling == Ruling(verdict=Verdict.DELAY, reason="unapproved", wait=4 * MINUTE)
        assert rule(self.MANY, typed=False, now=NOW + 4 * MINUTE - TICK) != ALLOW
        assert rule(self.MANY, typed=False, now=NOW + 4 * MINUTE) == ALLOW

    def test_wait_since_the_last_of_them(self):
        history = attrs.evolve(self.MANY, recent=earlier(SECOND, 3 * MINUTE))
        assert rule(history, typed=False).wait == 5 * MINUTE - SECOND

    def test_do_not_wait_for_what_nobody_remembers(self):
        assert rule(attrs.evolve(self.MANY, recent=()), typed=False) == ALLOW

    @pytest.mark.parametrize(
        ("cooling", "reason", "wait"),
        [
            (MINUTE, "unapproved", 4 * MINUTE),
            (4 * MINUTE, "unapproved", 4 * MINUTE),
            (4 * MINUTE + TICK, "cooldown", 4 * MINUTE + TICK),
            (5 * MINUTE, "cooldown", 5 * MINUTE),
        ],
    )
    def test_that_cool_down_as_well_wait_for_the_longer_of_both(self, cooling, reason, wait):
        history = attrs.evolve(self.MANY, cooling_until=NOW + cooling)
        ruling = rule(history, typed=False)
        assert ruling == Ruling(verdict=Verdict.DELAY, reason=reason, wait=wait)
        assert rule(history).verdict is Verdict.REQUIRE_CODE

    def test_are_forgotten_with_an_approval(self):
        history = attrs.evolve(self.MANY, open=(question(1),))
        approved = after_approval(history, guid_of(1), NOW, POLICY, code_matched=False)
        assert approved.asked_since_approval == 0
        assert approved.recent == history.recent


class TestCodesDemanded:
    DEMANDED = History(codes_until=NOW + MINUTE, recent=earlier(MINUTE))

    def test_are_asked_for_until_the_end(self):
        assert rule(self.DEMANDED) == Ruling(verdict=Verdict.REQUIRE_CODE, reason="codes_demanded")
        assert rule(self.DEMANDED, code=True) == ALLOW
        assert rule(self.DEMANDED, now=NOW + MINUTE - TICK) != ALLOW
        assert rule(self.DEMANDED, now=NOW + MINUTE) == ALLOW

    def test_let_an_origin_without_codes_ask_once_in_the_longest_cool_down(self):
        day = attrs.evolve(self.DEMANDED, codes_until=NOW + 24 * 60 * MINUTE)
        ruling = rule(day, typed=False)
        assert ruling == Ruling(verdict=Verdict.DELAY, reason="codes_demanded", wait=4 * MINUTE)
        assert rule(day, typed=False, now=NOW + 4 * MINUTE) == ALLOW
        cx = rule(day, typed=False, clients=Clients.CX)
        assert cx == ruling

    def test_wait_for_the_longer_of_this_and_a_cool_down(self):
        cooling = attrs.evolve(self.DEMANDED, cooling_until=NOW + 9 * MINUTE)
        ruling = rule(cooling, typed=False)
        assert ruling == Ruling(verdict=Verdict.DELAY, reason="cooldown", wait=9 * MINUTE)

    def test_are_not_forgotten_with_an_approval(self):
        history = attrs.evolve(self.DEMANDED, open=(question(1),))
        approved = after_approval(history, guid_of(1), NOW, POLICY, code_matched=True)
        assert approved.codes_until == history.codes_until

    @pytest.mark.parametrize("before", [None, NOW, NOW + MINUTE, NOW + 99 * 24 * 60 * MINUTE])
    def test_are_never_shortened(self, before):
        history = with_codes_demanded(History(codes_until=before), NOW, POLICY)
        new = NOW + POLICY.codes_demanded
        assert history.codes_until == (new if before is None else max(before, new))


class TestMayAsk:
    def test_lets_what_is_allowed_pass(self):
        may_ask(ALLOW)
        may_ask(Ruling(verdict=Verdict.ALLOW, supersedes=(guid_of(1),)))

    @pytest.mark.parametrize(
        ("ruling", "refusal"),
        [
            (too_many(MINUTE), TooManyPending),
            (Ruling(verdict=Verdict.DELAY, reason="cooldown", wait=MINUTE), TooOften),
            (Ruling(verdict=Verdict.REQUIRE_CODE, reason="unapproved"), CodeDemanded),
        ],
    )
    def test_refuses_with_the_reason(self, ruling, refusal):
        with pytest.raises(refusal) as caught:
            may_ask(ruling)
        if refusal is TooManyPending:
            assert caught.value.retry_after == 60
        if refusal is TooOften:
            assert (caught.value.reason, caught.value.retry_after) == ("cooldown", 60)
        if refusal is CodeDemanded:
            assert str(caught.value) == "unapproved"

    def test_knows_every_verdict(self):
        refused = []
        for verdict in Verdict:
            try:
                may_ask(Ruling(verdict=verdict))
            except (TooManyPending, TooOften, CodeDemanded):
                refused.append(verdict)
        assert refused == [verdict for verdict in Verdict if verdict is not Verdict.ALLOW]


def an_origin(clients=Clients.CX, limits=None):
    return Origin(
        guid=SHOP,
        app_space=BANK,
        name="Shop",
        clients=clients,
        limits=limits or OwnLimits(),
        created_at=NOW,
    )


class TestTheLimitsOfAnOrigin:
    CX = limits_for(an_origin(), STANDARD)

    def rule(self, history, limits=CX, **changes):
        return rule(
            history, policy=STANDARD, limits=limits, typed=False, clients=Clients.CX, **changes
        )

    def test_are_the_policys_for_its_clients(self):
        assert limits_for(an_origin(Clients.CURRENT), STANDARD) == attrs.evolve(
            STANDARD.asking_limits(Clients.CURRENT)
        )
        ours = STANDARD.asking_limits(Clients.CURRENT)
        assert (ours.pending, ours.origin_window, ours.account_window) == (5, 10, 20)
        assert (ours.unapproved, ours.cooldown) == (50, True)

    def test_let_cx_clients_have_fifty_open_questions(self):
        assert self.rule(History(open=tuple(map(question, range(49))))) == ALLOW
        full = History(open=tuple(map(question, range(50))))
        assert self.rule(full) == too_many()

    def test_let_cx_clients_ask_sixty_times_in_ten_minutes(self):
        assert self.rule(History(recent=earlier(*[SECOND] * 59))) == ALLOW
        ruling = self.rule(History(recent=earlier(*[MINUTE] * 60)))
        assert ruling == Ruling(
            verdict=Verdict.DELAY, reason="origin_window", wait=STANDARD.ask_window - MINUTE
        )

    def test_count_what_other_origins_have_asked_too(self):
        mixed = History(recent=earlier(*[SECOND] * 30) + earlier(*[SECOND] * 30, origin=BANK))
        assert self.rule(mixed).reason == "account_window"

    def test_let_cx_clients_ask_on_after_refusals(self):
        refused = History(refusals=99, cooling_until=NOW + 30 * MINUTE)
        assert self.rule(refused) == ALLOW
        assert rule(refused, policy=STANDARD, typed=False).reason == "cooldown"

    def test_still_end_with_questions_that_nobody_approves(self):
        unapproved = History(asked_since_approval=100, recent=earlier(MINUTE))
        ruling = self.rule(unapproved)
        assert (ruling.reason, ruling.wait) == ("unapproved", 29 * MINUTE)
        assert self.rule(attrs.evolve(unapproved, asked_since_approval=99)) == ALLOW

    def test_of_the_strict_policy_are_easier_for_nobody(self):
        ours = STRICT.asking_limits(Clients.CURRENT)
        assert limits_for(an_origin(), STRICT) == attrs.evolve(ours, account_window=5)
        assert ours.account_window > 5

    @given(st.sampled_from(Clients), st.integers(1, 100), st.integers(1, 1000), st.booleans())
    def test_are_only_tightened_by_its_own(self, clients, pending, window, cooldown):
        own = OwnLimits(pending=pending, questions=window, cooldown=cooldown)
        base = limits_for(an_origin(clients), STANDARD)
        limits = limits_for(an_origin(clients, own), STANDARD)
        assert limits == attrs.evolve(
            base,
            pending=min(base.pending, pending),
            origin_window=min(base.origin_window, window),
            cooldown=base.cooldown or cooldown,
        )

    @pytest.mark.parametrize(
        "own", [OwnLimits(pending=3), OwnLimits(questions=7), OwnLimits(cooldown=True)]
    )
    def test_are_tightened_by_one_of_its_own(self, own):
        assert limits_for(an_origin(limits=own), STANDARD) == attrs.evolve(
            self.CX,
            pending=own.pending or self.CX.pending,
            origin_window=own.questions or self.CX.origin_window,
            cooldown=own.cooldown,
        )

    def test_that_it_has_itself_count(self):
        own = OwnLimits(pending=1, questions=2, cooldown=True)
        limits = limits_for(an_origin(limits=own), STANDARD)
        assert self.rule(History(open=(question(1),)), limits) == too_many()
        assert self.rule(History(recent=earlier(SECOND, SECOND)), limits).reason == "origin_window"
        assert self.rule(History(cooling_until=NOW + MINUTE), limits).reason == "cooldown"

    @given(st.data())
    def test_of_cx_clients_are_never_harder_than_those_of_others(self, data):
        steps = data.draw(LIVES)
        for _, history, now in lived(steps, STANDARD):
            hard = rule(history, now=now, policy=STANDARD, typed=False)
            assert hardness(self.rule(history, now=now)) <= hardness(hard)


def of_cx(number, origin=BANK, deadline=NOW + LIFE):
    return question(number, origin, deadline, Clients.CX)


class TestQuestionsOfOtherClients:
    def rule(self, history, **changes):
        return rule(history, policy=STANDARD, **changes)

    def test_that_are_open_leave_an_origin_its_own_limit(self):
        six = tuple(map(of_cx, range(6)))
        assert self.rule(History(open=six)) == ALLOW
        assert self.rule(History(open=six + tuple(map(question, range(10, 14))))) == ALLOW
        full = History(open=six + tuple(map(question, range(10, 15))))
        assert self.rule(full) == too_many()

    def test_in_the_window_leave_an_origin_its_own_limit(self):
        many = earlier(*[SECOND] * 20, origin=BANK, clients=Clients.CX)
        assert self.rule(History(recent=many)) == ALLOW
        ours = earlier(*[MINUTE] * 20, origin=guid_of(9))
        ruling = self.rule(History(recent=many + ours))
        assert (ruling.reason, ruling.wait) == ("account_window", 9 * MINUTE)

    def test_count_together_up_to_the_laxest_limit(self):
        assert self.rule(History(open=tuple(map(of_cx, range(49))))) == ALLOW
        assert self.rule(History(open=tuple(map(of_cx, range(50))))) == too_many()
        for asks, verdict in ((59, Verdict.ALLOW), (60, Verdict.DELAY)):
            history = History(recent=earlier(*[SECOND] * asks, origin=BANK, clients=Clients.CX))
            assert self.rule(history).verdict is verdict

    def test_of_stricter_limits_count_for_an_origin_of_cx_clients(self):
        mixed = tuple(map(of_cx, range(45))) + tuple(map(question, range(50, 55)))
        assert self.rule(History(open=mixed), clients=Clients.CX) == too_many()

    def test_are_its_own_whatever_it_was_set_up_for_when_it_asked(self):
        history = History(open=tuple(of_cx(number, SHOP) for number in range(5)))
        assert self.rule(history) == too_many()
        superseding = attrs.evolve(STANDARD, supersede=True)
        assert rule(history, policy=superseding).supersedes == (guid_of(0),)

    def test_count_as_before_where_the_policy_does_not_let_them_ask_more(self):
        one = History(open=(of_cx(1),))
        assert rule(one, policy=STRICT).verdict is Verdict.REFUSE

    def test_say_how_long_to_wait_until_each_limit_has_a_place(self):
        history = History(
            open=(
                *(question(number, deadline=NOW + LIFE) for number in range(5)),
                *(of_cx(number, deadline=NOW + MINUTE) for number in range(10, 55)),
            )
        )
        assert self.rule(history) == too_many(LIFE)
        history = History(
            open=(
                *(question(number, deadline=NOW + MINUTE) for number in range(5)),
                *(of_cx(number, deadline=NOW + LIFE) for number in range(10, 60)),
            )
        )
        assert self.rule(history) == too_many(LIFE)
        assert self.rule(history, now=NOW + LIFE, code=True) == ALLOW

    def test_are_written_down_with_what_the_origin_is_set_up_for(self):
        after = after_asking(History(), of_cx(1), NOW, STANDARD)
        assert after.recent == earlier(timedelta(0), origin=BANK, clients=Clients.CX)

    @given(st.data())
    def test_never_make_asking_easier(self, data):
        """Where an origin may not ask, one question more, of any clients, does not let it."""
        entries = data.draw(MIXED)
        index = data.draw(st.integers(0, len(entries)))
        more = [*entries[:index], data.draw(ENTRIES), *entries[index:]]
        policy = data.draw(st.sampled_from(MIXED_POLICIES))
        for origin in (SHOP, BANK, guid_of(9)):
            for clients in Clients:
                fewer, harder = (
                    rule(mixed(one), origin=origin, clients=clients, policy=policy)
                    for one in (entries, more)
                )
                assert fewer == ALLOW or harder != ALLOW

    @given(st.data())
    def test_of_laxer_clients_below_their_limit_change_nothing_for_others(self, data):
        entries = data.draw(MIXED)
        policy = data.draw(st.sampled_from([POLICY, attrs.evolve(POLICY, cx_pending_limit=30)]))
        ours = [each for each in entries if each[1] is Clients.CURRENT or each[0] == SHOP]
        assert rule(mixed(entries), policy=policy) == rule(mixed(ours), policy=policy)

    @given(st.data())
    def test_are_never_more_than_the_laxest_limit_allows(self, data):
        policy = data.draw(st.sampled_from(MIXED_POLICIES))
        history = History()
        for number, (origin, clients, _, life) in enumerate(data.draw(MIXED)):
            if rule(history, origin=origin, clients=clients, policy=policy) == ALLOW:
                new = question(number, origin, NOW + life, clients)
                history = after_asking(history, new, NOW, policy)
        assert len(history.open) <= max(policy.pending_limit, policy.cx_pending_limit)
        assert len(history.recent) <= max(policy.ask_limit, policy.cx_ask_limit)
        ours = [question for question in history.open if question.clients is Clients.CURRENT]
        assert len(ours) <= policy.pending_limit


ENTRIES = st.tuples(
    st.sampled_from([SHOP, BANK, guid_of(9)]),
    st.sampled_from(Clients),
    st.sampled_from([SECOND, MINUTE, 9 * MINUTE, 11 * MINUTE]),
    st.sampled_from([SECOND, MINUTE, LIFE]),
)
MIXED = st.lists(ENTRIES, max_size=20)
MIXED_POLICIES = [
    POLICY,
    attrs.evolve(POLICY, cx_pending_limit=4, cx_ask_limit=6),
    attrs.evolve(POLICY, cx_pending_limit=1, cx_ask_limit=2),
]


def mixed(entries):
    return History(
        open=tuple(
            question(number, origin, NOW + life, clients)
            for number, (origin, clients, _, life) in enumerate(entries)
        ),
        recent=tuple(
            PastQuestion(at=NOW - age, origin=origin, clients=clients)
            for origin, clients, age, _ in entries
        ),
    )


class TestLapsed:
    HISTORY = History(open=(question(1, deadline=NOW), question(2, deadline=NOW + MINUTE)))

    def test_counts_each_question_once_at_its_own_deadline(self):
        later = NOW + 30 * MINUTE
        history = with_expired_counted(self.HISTORY, later, POLICY)
        assert (history.open, history.refusals) == ((), 2)
        assert history.cooling_until == NOW + 2 * MINUTE
        assert with_expired_counted(history, later, POLICY) is history

    @pytest.mark.parametrize(
        ("now", "remaining"),
        [(NOW - TICK, 2), (NOW, 1), (NOW + MINUTE - TICK, 1), (NOW + MINUTE, 0)],
    )
    def test_leaves_what_is_still_open(self, now, remaining):
        history = with_expired_counted(self.HISTORY, now, POLICY)
        assert (len(history.open), history.refusals) == (remaining, 2 - remaining)

    def test_does_not_depend_on_the_order_of_the_questions(self):
        turned = attrs.evolve(self.HISTORY, open=self.HISTORY.open[::-1])
        later = NOW + 5 * MINUTE
        assert with_expired_counted(turned, later, POLICY) == with_expired_counted(
            self.HISTORY, later, POLICY
        )

    def test_and_swept_later_is_counted_once(self):
        later = NOW + 3 * MINUTE
        swept = after_refusal(self.HISTORY, guid_of(1), later, POLICY)
        assert swept.refusals == 2
        again = after_refusal(swept, guid_of(1), later, POLICY)
        assert after_refusal(again, guid_of(2), later, POLICY) == swept

    def test_at_the_moment_it_is_swept_is_counted_once(self):
        assert after_refusal(self.HISTORY, guid_of(1), NOW, POLICY).refusals == 1

    def test_before_an_approval_is_forgotten_with_it(self):
        approved = after_approval(self.HISTORY, guid_of(2), NOW, POLICY, code_matched=False)
        assert (approved.open, approved.refusals) == ((), 0)

    def test_after_an_approval_counts_again(self):
        history = attrs.evolve(self.HISTORY, open=(*self.HISTORY.open, question(3)))
        approved = after_approval(history, guid_of(3), NOW - TICK, POLICY, code_matched=False)
        assert with_expired_counted(approved, NOW + MINUTE, POLICY).refusals == 2

    def test_is_seen_by_whoever_asks_next(self):
        assert rule(self.HISTORY, now=NOW + MINUTE) == Ruling(
            verdict=Verdict.REQUIRE_CODE, reason="cooldown"
        )


class TestTheHistoryAfterwards:
    def test_of_asking(self):
        before = History(open=(question(1),), recent=earlier(10 * MINUTE, MINUTE), refusals=1)
        new = question(2, BANK)
        after = after_asking(before, new, NOW, POLICY)
        assert after.open == (question(1), new)
        assert after.recent == (*earlier(MINUTE), PastQuestion(at=NOW, origin=BANK))
        assert (after.asked_since_approval, after.refusals) == (1, 1)

    def test_of_asking_counts_what_lapsed_meanwhile(self):
        before = History(open=(question(1, deadline=NOW),))
        after = after_asking(before, question(2), NOW, POLICY)
        assert (after.open, after.refusals) == ((question(2),), 1)

    def test_of_an_approval_forgets_wrong_codes_only_where_the_code_was_right(self):
        before = History(open=(question(1),), wrong_codes=4)
        for matched, wrong_codes in ((True, 0), (False, 4)):
            after = after_approval(before, guid_of(1), NOW, POLICY, code_matched=matched)
            assert (after.wrong_codes, after.open) == (wrong_codes, ())

    def test_of_a_refusal_keeps_wrong_codes(self):
        before = History(open=(question(1),), wrong_codes=4)
        assert after_refusal(before, guid_of(1), NOW, POLICY).wrong_codes == 4

    def test_of_a_question_taken_back_counts_nothing(self):
        before = History(open=(question(1), question(2)), refusals=1)
        assert without_question(before, guid_of(1)) == attrs.evolve(before, open=(question(2),))
        assert without_question(before, guid_of(9)) is before

    def test_of_a_question_that_nobody_knows_is_unchanged(self):
        before = History(open=(question(1),), refusals=1)
        assert after_refusal(before, guid_of(9), NOW, POLICY) is before


class Log:
    """What happened to one account, as a plain list; everything is counted from it afresh."""

    def __init__(self, policy):
        self.policy = policy
        self.questions = []  # [number, origin, asked at, deadline, ended at, how]

    def ended_by(self, now):
        """(moment, how) of all that ended, lapses first where moments are the same."""
        ends = [
            (deadline, 0, "lapsed") if how is None else (ended, 1, how)
            for _, _, _, deadline, ended, how in self.questions
            if how is not None or deadline <= now
        ]
        return sorted(ends)

    def open_at(self, now):
        return [
            (number, origin)
            for number, origin, _, deadline, _, how in self.questions
            if how is None and now < deadline
        ]

    def since_approval(self, now):
        approvals = [moment for moment, _, how in self.ended_by(now) if how == "approved"]
        last = max(approvals, default=None)
        asked_since = sum(1 for entry in self.questions if last is None or entry[2] > last)
        refused = [
            moment
            for moment, order, how in self.ended_by(now)
            if how in ("refused", "lapsed") and (last is None or (moment, order) > (last, 1))
        ]
        return asked_since, refused

    def cooling_until(self, now):
        _, refused = self.since_approval(now)
        spans = [
            min(self.policy.cooldown * 2**n, self.policy.cooldown_limit)
            for n in range(len(refused))
        ]
        after = self.policy.cooldown_after - 1
        return max(
            (moment + span for moment, span in zip(refused[after:], spans, strict=False)),
            default=None,
        )

    def window_wait(self, now, limit, origin=None):
        moments = [entry[2] for entry in self.questions if origin in (None, entry[1])]

        def count(at):
            return sum(1 for moment in moments if at - moment < self.policy.ask_window)

        if count(now) < limit:
            return None
        ends = sorted(moment + self.policy.ask_window for moment in moments)
        return next(end for end in ends if end > now and count(end) < limit) - now

    def pending_wait(self, now, origin):
        waiting = [entry for entry in self.questions if entry[5] is None and now < entry[3]]
        for end in sorted(entry[3] for entry in waiting):
            remaining = [entry for entry in waiting if entry[3] > end]
            own = [entry for entry in remaining if entry[1] == origin and self.policy.supersede]
            if len(remaining) - len(own) < self.policy.pending_limit:
                return end - now
        raise AssertionError

    def ruling(self, now, origin, *, code, typed):
        policy = self.policy
        for reason, limit, only in (
            ("origin_window", policy.ask_limit_origin, origin),
            ("account_window", policy.ask_limit, None),
        ):
            wait = self.window_wait(now, limit, only)
            if wait is not None:
                return Ruling(verdict=Verdict.DELAY, reason=reason, wait=wait)
        supersedes, waiting = (), self.open_at(now)
        while len(waiting) >= policy.pending_limit:
            own = next((entry for entry in waiting if entry[1] == origin), None)
            if not policy.supersede or own is None:
                return too_many(self.pending_wait(now, origin))
            waiting.remove(own)
            supersedes = (*supersedes, guid_of(own[0]))
        hard = {}
        cooling = self.cooling_until(now)
        if cooling is not None and cooling > now:
            hard["cooldown"] = cooling - now
        asked_since, _ = self.since_approval(now)
        if asked_since >= policy.ask_limit_unapproved:
            last = max(entry[2] for entry in self.questions)
            hard["unapproved"] = max(last + policy.cooldown_limit - now, timedelta(0))
        if not hard or code:
            return Ruling(verdict=Verdict.ALLOW, supersedes=supersedes)
        reason = max(hard, key=lambda name: (hard[name], name == "unapproved"))
        if typed:
            return Ruling(verdict=Verdict.REQUIRE_CODE, reason=reason, supersedes=supersedes)
        if hard[reason]:
            return Ruling(
                verdict=Verdict.DELAY, reason=reason, wait=hard[reason], supersedes=supersedes
            )
        return Ruling(verdict=Verdict.ALLOW, supersedes=supersedes)


GAPS = st.sampled_from([TICK, SECOND, 20 * SECOND, MINUTE, LIFE, 4 * MINUTE, 11 * MINUTE])
STEPS = st.tuples(
    GAPS,
    st.sampled_from(["ask", "ask", "ask", "refused", "refused", "approved", "closed", "sweep"]),
    st.sampled_from([SHOP, SHOP, BANK]),
)


def lived(steps, policy):
    """Live through *steps* by the rules and in the log; yield both after each."""
    log, history, now = Log(policy), History(), NOW
    for number, (gap, what, origin) in enumerate(steps):
        now += gap
        if what == "ask":
            new = question(number, origin, now + LIFE)
            log.questions.append([number, origin, now, now + LIFE, None, None])
            history = after_asking(history, new, now, policy)
        elif what == "sweep":
            for entry in log.questions:
                if entry[5] is None and entry[3] <= now:
                    history = after_refusal(history, guid_of(entry[0]), now, policy)
        else:
            history = answered(log, history, what, now, policy)
        yield log, history, now


def answered(log, history, how, now, policy):
    """End the oldest question that is open, if there is one."""
    for entry in log.questions:
        if entry[5] is None and now < entry[3]:
            entry[4:] = [now, how]
            challenge = guid_of(entry[0])
            if how == "refused":
                return after_refusal(history, challenge, now, policy)
            if how == "approved":
                return after_approval(history, challenge, now, policy, code_matched=False)
            return without_question(with_expired_counted(history, now, policy), challenge)
    return history


LIVES = st.lists(STEPS, min_size=12, max_size=30)
POLICIES = st.sampled_from([POLICY, SUPERSEDING])


class TestALife:
    @given(LIVES, POLICIES, GAPS)
    def test_is_ruled_as_the_log_says(self, steps, policy, later):
        for log, history, moment in lived(steps, policy):
            for now in (moment, moment + later):
                current = with_expired_counted(history, now, policy)
                asked_since, refused = log.since_approval(now)
                assert current.refusals == len(refused)
                assert current.asked_since_approval == asked_since
                assert {question.challenge for question in current.open} == {
                    guid_of(number) for number, _ in log.open_at(now)
                }
                for origin in (SHOP, BANK):
                    for code, typed in ((True, True), (False, True), (False, False)):
                        ours = rule(
                            history, now=now, origin=origin, code=code, typed=typed, policy=policy
                        )
                        assert ours == log.ruling(now, origin, code=code, typed=typed)

    @given(LIVES, POLICIES, st.booleans())
    def test_never_shuts_anybody_out(self, steps, policy, typed):
        for _, history, now in lived(steps, policy):
            ruling = rule(history, now=now, typed=typed, policy=policy)
            assert timedelta(0) <= ruling.wait <= max(policy.ask_window, policy.cooldown_limit)
            waits = ruling.verdict in {Verdict.DELAY, Verdict.REFUSE}
            assert (ruling.wait > timedelta(0)) is waits
            # Once all has lapsed and cooled down, the person is asked; by an origin that
            # can show a code, perhaps with one.
            later = now + LIFE + policy.ask_window + policy.cooldown_limit
            assert rule(history, now=later, typed=False, policy=policy) == ALLOW
            assert rule(history, now=later, code=True, policy=policy) == ALLOW

    @given(LIVES, POLICIES, st.booleans())
    def test_after_the_wait_the_same_limit_no_longer_speaks(self, steps, policy, typed):
        for _, history, now in lived(steps, policy):
            ruling = rule(history, now=now, typed=typed, policy=policy)
            if ruling.verdict is Verdict.DELAY and not history.open:
                after = rule(history, now=now + ruling.wait, typed=typed, policy=policy)
                assert after.reason != ruling.reason

    @given(LIVES, POLICIES, st.lists(GAPS, max_size=3), st.booleans(), st.booleans())
    def test_one_refusal_more_never_makes_asking_easier(self, steps, policy, gaps, code, typed):
        for _, history, now in lived(steps, policy):
            for question in with_expired_counted(history, now, policy).open:
                harder = after_refusal(history, question.challenge, now, policy)
                easier = without_question(
                    with_expired_counted(history, now, policy), question.challenge
                )
                moment = now
                for gap in (timedelta(0), *gaps):
                    moment += gap
                    ruled = [
                        rule(one, now=moment, code=code, typed=typed, policy=policy)
                        for one in (easier, harder)
                    ]
                    assert hardness(ruled[0]) <= hardness(ruled[1])

    @given(LIVES, POLICIES, GAPS, st.data())
    def test_a_demand_for_codes_never_makes_asking_easier(self, steps, policy, later, data):
        code, typed = data.draw(st.booleans()), data.draw(st.booleans())
        how = {"code": code, "typed": typed, "clients": data.draw(st.sampled_from(Clients))}
        for _, history, now in lived(steps, policy):
            demanding = with_codes_demanded(history, now, policy)
            for moment in (now, now + later):
                easier, harder = (
                    rule(one, now=moment, policy=policy, **how) for one in (history, demanding)
                )
                assert hardness(easier) <= hardness(harder)

    @given(LIVES, st.integers(0, 24), GAPS, st.booleans(), st.booleans())
    def test_one_question_refused_and_not_approved_never_makes_it_easier(
        self, steps, index, later, code, typed
    ):
        """The whole life is lived twice, and differs in one answer."""
        approvals = [n for n, (_, what, _) in enumerate(steps) if what in ("approved", "closed")]
        if not approvals:
            return
        index = approvals[index % len(approvals)]
        gap, _, origin = steps[index]
        refused = [*steps[:index], (gap, "refused", origin), *steps[index + 1 :]]
        (*_, one), (*_, other) = lived(steps, POLICY), lived(refused, POLICY)
        now = one[2] + later
        ruled = [rule(life[1], now=now, code=code, typed=typed) for life in (one, other)]
        assert hardness(ruled[0]) <= hardness(ruled[1])


def hardness(ruling):
    return list(Verdict).index(ruling.verdict), ruling.wait
