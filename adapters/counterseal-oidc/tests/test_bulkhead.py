"""How companies share the slots of calls, in any order of calls."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.errors import IdentityUnavailable
from counterseal.models.guid import mint
from counterseal_oidc.bulkhead import Bulkhead, CallSlots

COMPANIES = [mint(0, bytes([number] * 15)) for number in range(5)]
ISSUERS = ["https://one.example", "https://two.example", "https://three.example"]

TOTALS = st.integers(1, 40)
CALLS = st.tuples(st.sampled_from(COMPANIES), st.sampled_from(ISSUERS))
MOVES = st.lists(st.one_of(CALLS, st.integers(0, 60)), max_size=120)
"""A call that starts, or the index of a running one that ends."""


def takes(slots, company, issuer):
    try:
        slots.take(company, issuer)
    except IdentityUnavailable:
        return False
    return True


def run_moves(total, moves):
    """Yield of each call: those that ran before it, the call, whether it got a slot."""
    slots, running = CallSlots(total), []
    for move in moves:
        if isinstance(move, int):
            if running:
                slots.release(*running.pop(move % len(running)))
            continue
        before = list(running)
        granted = takes(slots, *move)
        if granted:
            running.append(move)
        yield before, move, granted


def calls_of(running, company):
    return [call for call in running if call[0] == company]


@given(total=TOTALS, moves=MOVES)
def test_no_more_calls_run_than_there_are_slots(total, moves):
    for before, _, granted in run_moves(total, moves):
        assert len(before) + granted <= total


@given(total=TOTALS, moves=MOVES)
def test_a_company_without_a_call_gets_any_slot_that_is_free(total, moves):
    for before, (company, _), granted in run_moves(total, moves):
        if len(before) < total and not calls_of(before, company):
            assert granted


@given(total=TOTALS, moves=MOVES)
def test_no_company_has_more_than_half(total, moves):
    for before, (company, _), granted in run_moves(total, moves):
        assert len(calls_of(before, company)) + granted <= math.ceil(total / 2)


@given(total=TOTALS, moves=MOVES)
def test_the_last_slot_goes_only_to_a_company_without_a_call(total, moves):
    for before, (company, _), granted in run_moves(total, moves):
        if len(before) == total - 1 and calls_of(before, company):
            assert not granted


@given(total=TOTALS, moves=MOVES)
def test_only_a_company_with_a_call_is_refused_while_a_slot_is_free(total, moves):
    """Also, it has at least as many calls as slots are free, or two less for a busy issuer."""
    for before, (company, issuer), granted in run_moves(total, moves):
        if not granted and len(before) < total:
            assert calls_of(before, company)
            reserved = 1 if (company, issuer) in before else 0
            assert len(calls_of(before, company)) + 2 * reserved >= total - len(before)


@given(total=st.integers(3, 40), data=st.data())
def test_one_issuer_leaves_its_company_a_slot_for_another(total, data):
    slots = CallSlots(total)
    company, hanging_paths, other = COMPANIES[0], *ISSUERS[:2]
    while takes(slots, company, hanging_paths):
        pass
    others = data.draw(st.integers(0, len(COMPANIES) - 1))
    assert takes(slots, company, other)
    for company_without_calls in COMPANIES[1 : 1 + others]:
        slots.release(company, hanging_paths)
        assert takes(slots, company_without_calls, hanging_paths)


@given(total=TOTALS, companies=st.integers(1, 5))
def test_busy_companies_get_equal_shares_and_leave_one(total, companies):
    """The fixed point of dynamic thresholds: each of n has total / (n + 1), as many are free."""
    slots, running = CallSlots(total), dict.fromkeys(COMPANIES[:companies], 0)
    more = True
    while more:
        more = False
        for company in running:
            if any(takes(slots, company, issuer) for issuer in ISSUERS):
                running[company] += 1
                more = True
    share = total / (companies + 1)
    assert {*running.values()} <= {math.floor(share), math.ceil(share)}
    assert total - sum(running.values()) >= math.floor(share)


@given(total=TOTALS, moves=MOVES, after=MOVES)
def test_released_slots_are_as_if_never_taken(total, moves, after):
    used = CallSlots(total)
    calls = [move for move in moves if not isinstance(move, int)]
    for call in [call for call in calls if takes(used, *call)]:
        used.release(*call)
    fresh = CallSlots(total)
    for move in after:
        if not isinstance(move, int):
            assert takes(used, *move) is takes(fresh, *move)


def test_a_bulkhead_without_a_slot_is_refused():
    with pytest.raises(ValueError, match="without a slot"):
        CallSlots(0)


def test_a_slot_is_released_however_the_call_ends():
    bulkhead = Bulkhead(CallSlots(1))
    for _ in range(3):
        with pytest.raises(KeyError), bulkhead.slot(COMPANIES[0], ISSUERS[0]):
            raise KeyError
    with bulkhead.slot(COMPANIES[0], ISSUERS[0]):
        pass


def test_threads_never_have_more_slots_than_there_are():
    bulkhead, lock, running, most = Bulkhead(CallSlots(4)), threading.Lock(), [], []
    begin = threading.Barrier(8)

    def call(number):
        begin.wait()
        for _ in range(200):
            try:
                with bulkhead.slot(COMPANIES[number % 5], ISSUERS[0]):
                    with lock:
                        running.append(number)
                        most.append(len(running))
                    with lock:
                        running.remove(number)
            except IdentityUnavailable:
                continue

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))
    assert 1 <= max(most) <= 4
    assert takes(bulkhead._slots, COMPANIES[0], ISSUERS[0])
