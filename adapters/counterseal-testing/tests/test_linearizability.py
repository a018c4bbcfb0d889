"""The search for an order of concurrent calls, on histories whose verdict is easy to see."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from counterseal_testing.linearizability import Operation, Recorder, linearizable


def register(state, call):
    """A register: ("write", value), or ("read", value) of what was read."""
    verb, value = call
    if verb == "write":
        return [value]
    return [state] if state == value else []


def swapped(state, call):
    """A register with ("swap", old, new, reply)."""
    if call[0] != "swap":
        return register(state, call)
    _, old, new, reply = call
    if (state == old) is (reply == "refused"):
        return []
    return [new] if reply == "applied" else [state]


def op(called, returned, *call):
    return Operation(called=called, returned=returned, call=call)


def test_an_empty_history_is_linearizable():
    assert linearizable([], 0, register)


def test_a_read_after_a_write_returns_it():
    assert linearizable([op(1, 2, "write", 1), op(3, 4, "read", 1)], 0, register)
    assert not linearizable([op(1, 2, "write", 1), op(3, 4, "read", 0)], 0, register)


def test_side_by_side_either_order_will_do():
    for value in (0, 1):
        assert linearizable([op(1, 4, "write", 1), op(2, 3, "read", value)], 0, register)
    assert not linearizable([op(1, 4, "write", 1), op(2, 3, "read", 2)], 0, register)


def test_a_later_read_returns_what_an_earlier_one_returned():
    writing = op(1, 9, "write", 1)

    assert not linearizable([writing, op(2, 3, "read", 1), op(4, 5, "read", 0)], 0, register)
    assert linearizable([writing, op(2, 5, "read", 1), op(3, 4, "read", 0)], 0, register)


def test_a_lost_reply_may_take_effect_later_or_never():
    lost = op(1, None, "write", 1)

    assert linearizable([lost, op(2, 3, "read", 0), op(4, 5, "read", 1)], 0, register)
    assert linearizable([lost, op(2, 3, "read", 0), op(4, 5, "read", 0)], 0, register)
    assert not linearizable([lost, op(2, 3, "read", 1), op(4, 5, "read", 0)], 0, register)
    assert not linearizable([op(2, 3, "read", 1), op(4, None, "write", 1)], 0, register)


def test_of_two_swaps_from_one_state_one_is_refused():
    first, second = op(1, 4, "swap", 0, 1, "applied"), op(2, 3, "swap", 0, 2, "applied")

    assert not linearizable([first, second], 0, swapped)
    assert linearizable([first, op(2, 3, "swap", 0, 2, "refused")], 0, swapped)
    assert not linearizable([op(1, 2, "swap", 0, 1, "refused")], 0, swapped)


@given(st.data())
def test_histories_of_a_register_are_linearizable(data):
    # Each operation takes effect at a moment of its own, somewhere between call and return.
    moments = data.draw(st.permutations(range(12)))
    history, state = [], 0
    for moment in sorted(moments):
        value = data.draw(st.integers(0, 3))
        before, after = (data.draw(st.integers(0, 30)) for _ in range(2))
        verb = data.draw(st.sampled_from(["read", "write"]))
        state = value if verb == "write" else state
        called, returned = 100 * moment - before, 100 * moment + 100 * after + 1
        history.append(op(called, returned, verb, state))

    assert linearizable(data.draw(st.permutations(history)), 0, register)


@given(st.lists(st.tuples(st.sampled_from(["read", "write"]), st.integers(0, 2)), max_size=5))
def test_it_agrees_with_trying_every_order(calls):
    history = [op(index % 3, index % 3 + 2 + index, *call) for index, call in enumerate(calls)]

    def possible(order):
        state = 0
        for number, one in enumerate(order):
            if any(other.returned <= one.called for other in order[number + 1 :]):
                return False
            states = register(state, one.call)
            if not states:
                return False
            (state,) = states
        return True

    expected = any(map(possible, itertools.permutations(history)))
    assert linearizable(history, 0, register) == expected


def test_a_recorder_orders_calls_and_returns():
    recorder = Recorder()
    with recorder.watch() as first:
        with recorder.watch() as second:
            second.call = ("read", 0)
        first.call = ("write", 1)
    with recorder.watch() as lost:
        lost.call, lost.lost = ("write", 2), True
    with recorder.watch():
        pass

    inner, outer, unanswered = recorder.history
    assert outer.called < inner.called < inner.returned < outer.returned < unanswered.called
    assert unanswered.returned is None
