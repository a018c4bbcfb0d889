"""
`step` and python-statemachine's own engine decide alike.

Both run the real modules of charts, with a stand-in for every rule in them: real evidence cannot
reach every outcome of the rules, a stand-in can. What each does is compared over every state, every
event of the chart, each rule that could refuse first and none, and every set of conditions that
hold; then over sets of refusing rules at random.
"""

import ast
import types
from itertools import chain, combinations

import attrs
import pytest
from folders import kind_of, paths_of
from hypothesis import given
from hypothesis import strategies as st
from statemachine.exceptions import TransitionNotAllowed

from counterseal.errors import WrongState
from counterseal.machines import CHARTS, Cell, Chart, step, table

SOURCES = [path.read_text("utf-8") for path in paths_of("chart")]
NAMES = sorted(CHARTS)


class Slot:
    """What the engine moves."""

    def __init__(self, state):
        self.state = state


class Refusal(Exception):
    """What a stand-in refuses with; its argument is the rule's name."""


@attrs.frozen
class Facts:
    """Which rules refuse and which conditions hold; *asked* notes who looked."""

    refusing: frozenset[str] = frozenset()
    holding: frozenset[str] = frozenset()
    calls: list[str] = attrs.field(factory=list, eq=False)


def stand_in(name):
    def rule(facts):
        facts.calls.append(name)
        if name in facts.refusing:
            raise Refusal(name)
        return name in facts.holding

    rule.__name__ = rule.__qualname__ = name
    return rule


def with_stand_ins(source):
    """Return the charts of a module, with stand-ins for all that it imports from the rules."""
    tree = ast.parse(source)
    rules = [
        node
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        and kind_of(node.module.removeprefix("counterseal.")) == "rules"
    ]
    tree.body = [node for node in tree.body if node not in rules]
    module = types.ModuleType("stand_ins")
    vars(module).update(
        {alias.name: stand_in(alias.name) for node in rules for alias in node.names}
    )
    exec(compile(tree, "stand_ins", "exec"), vars(module))  # noqa: S102
    return {item.name: item for item in vars(module).values() if isinstance(item, Chart)}


STAND_INS = {name: chart for source in SOURCES for name, chart in with_stand_ins(source).items()}


def by_engine(chart, state, event, facts):
    slot = Slot(state)
    machine = chart.declaration(model=slot)
    try:
        machine.send(event.value, facts=facts)
    except TransitionNotAllowed:
        verdict = WrongState
    except Refusal as refusal:
        verdict = str(refusal)
    else:
        return slot.state
    assert slot.state is state
    return verdict


def by_step(chart, state, event, facts):
    try:
        return step(chart, state, event, facts)
    except WrongState:
        return WrongState
    except Refusal as refusal:
        return str(refusal)


def subsets(names):
    return map(
        frozenset, chain.from_iterable(combinations(names, n) for n in range(len(names) + 1))
    )


def calls_by_engine(chart, state, event):
    """Ask the engine which rules it looks at: those that refuse, and the conditions."""
    conditions = {name for row in table(chart) for name in row.conditions}
    free, holding = Facts(), Facts(holding=frozenset(conditions))
    by_engine(chart, state, event, free)
    by_engine(chart, state, event, holding)
    calls = dict.fromkeys(free.calls + holding.calls)
    return [name for name in calls if name not in conditions], [
        name for name in calls if name in conditions
    ]


def outcomes(chart, state, event):
    validators, conditions = calls_by_engine(chart, state, event)
    refusing = {frozenset()}
    for index, first in enumerate(validators):
        refusing |= {frozenset({first}), frozenset(validators[index:])}
    return [Facts(rules, holding) for rules in refusing for holding in subsets(conditions)]


@pytest.fixture(scope="module")
def engine_says():
    """The engine's verdict on every outcome of every cell, and whom it asked; found once."""
    return {
        name: {
            (state, event): [
                (facts, by_engine(chart, state, event, facts), tuple(facts.calls))
                for facts in outcomes(chart, state, event)
            ]
            for state in chart.states
            for event in chart.events
        }
        for name, chart in STAND_INS.items()
    }


def differences(chart, engine_says):
    return [
        (state, event, facts)
        for (state, event), results in engine_says.items()
        for facts, verdict, _ in results
        if by_step(chart, state, event, facts) != verdict
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_stand_ins_stand_in_the_rows_of_the_real_charts(name):
    assert table(STAND_INS[name]) == table(CHARTS[name])
    assert STAND_INS[name].initial is CHARTS[name].initial


@pytest.mark.parametrize("name", NAMES)
def test_step_and_engine_decide_alike_whatever_the_rules_say(name, engine_says):
    assert differences(STAND_INS[name], engine_says[name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_comparison_reaches_every_row_and_every_rule_of_it(name, engine_says):
    reached = {
        (state.value, event.value, verdict.value)
        for (state, event), results in engine_says[name].items()
        for _, verdict, _ in results
        if verdict is not WrongState and not isinstance(verdict, str)
    }
    refused = {
        (state.value, event.value, verdict)
        for (state, event), results in engine_says[name].items()
        for _, verdict, _ in results
        if isinstance(verdict, str)
    }
    rows = table(CHARTS[name])
    assert reached == {(row.source, row.event, row.target) for row in rows}
    assert refused == {(row.source, row.event, rule) for row in rows for rule in row.validators}


@pytest.mark.parametrize("name", NAMES)
def test_step_asks_the_rules_in_the_engines_order_and_each_once(name, engine_says):
    chart = STAND_INS[name]
    for (state, event), results in engine_says[name].items():
        for facts, _, calls in results:
            ours = attrs.evolve(facts, calls=[])
            by_step(chart, state, event, ours)
            assert ours.calls == list(dict.fromkeys(calls))


@given(st.data())
def test_step_and_engine_decide_alike_whichever_rules_refuse_together(data):
    chart = STAND_INS[data.draw(st.sampled_from(NAMES))]
    state, event = data.draw(st.sampled_from(list(chart.cells)))
    rules = {rule.__name__ for rule in chart.cells[state, event].validators}
    rules |= {name for row in table(chart) for name in row.conditions}
    some = st.frozensets(st.sampled_from(sorted(rules) or ["none"]))
    facts = Facts(data.draw(some), data.draw(some))
    assert by_step(chart, state, event, facts) == by_engine(chart, state, event, facts)


def replaced(items, index, item):
    return (*items[:index], item, *items[index + 1 :])


def wrong_cells(cell, states):
    """Every way to be wrong in one row of *cell*."""
    rules, choices = cell.validators, cell.targets
    for index, rule in enumerate(rules):
        yield f"no {rule.__name__}", Cell(rules[:index] + rules[index + 1 :], choices)
    for index, rule in enumerate(rules[1:]):
        order = replaced(replaced(rules, index, rule), index + 1, rules[index])
        yield f"{rule.__name__} too early", Cell(order, choices)
    for index, (conditions, target) in enumerate(choices):
        other = states[(states.index(target) + 1) % len(states)]
        yield (
            f"to {other} and not {target}",
            Cell(rules, replaced(choices, index, (conditions, other))),
        )
        if conditions:
            yield f"always to {target}", Cell(rules, replaced(choices, index, ((), target)))
    if len(choices) > 1:
        yield "rows reversed", Cell(rules, choices[::-1])


def wrong_charts(chart):
    """Every chart with one such difference: what it is, and the chart."""
    for key in ((state, event) for state in chart.states for event in chart.events):
        where = f"{key[1].value} in {key[0].value}"
        if key in chart.cells:
            cells = wrong_cells(chart.cells[key], list(chart.states))
            others = {other: cell for other, cell in chart.cells.items() if other != key}
            yield f"{where}: no row", attrs.evolve(chart, cells=others)
        else:
            cells = [("a row", Cell((), (((), key[0]),)))]
        for what, cell in cells:
            yield f"{where}: {what}", attrs.evolve(chart, cells={**chart.cells, key: cell})


@pytest.mark.parametrize("name", NAMES)
def test_one_planted_difference_in_one_row_is_found(name, engine_says):
    wrong = dict(wrong_charts(STAND_INS[name]))
    assert len(wrong) > len(table(CHARTS[name]))
    for what, chart in wrong.items():
        assert differences(chart, engine_says[name]), what


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_that_never_refuses_is_no_difference(name, engine_says):
    chart = STAND_INS[name]
    cells = {
        key: Cell((*cell.validators, stand_in("never")), cell.targets)
        for key, cell in chart.cells.items()
    }
    assert differences(attrs.evolve(chart, cells=cells), engine_says[name]) == []


@pytest.mark.parametrize(
    ("chart", "old", "new"),
    [
        (
            "binding",
            "_COMPARISON_RULES, device_limit_unreached, comparison_matches",
            "_COMPARISON_RULES, comparison_matches",
        ),
        ("binding", "_.UNCONFIRMED, _.ACTIVE, _.SUSPENDED)", "_.UNCONFIRMED, _.ACTIVE)"),
        ("binding", "resume = _.ACTIVE", "resume = _.REVOKED"),
        ("login", "[login_matches, in_time]", "[in_time, login_matches]"),
        ("challenge", "    button_matches,\n    key_strong_enough,\n", "    button_matches,\n"),
        ("challenge", "[own_challenge, in_time]", "[own_challenge]"),
        ("challenge", "_.SEEN.from_(_.SEEN, ", "_.PENDING.from_(_.SEEN, "),
        (
            "callback",
            "validators=[lease_current, delivered]",
            "validators=[lease_current, undelivered]",
        ),
    ],
)
def test_a_difference_planted_in_a_module_of_charts_is_found(chart, old, new, engine_says):
    (source,) = (source for source in SOURCES if old in source)
    assert source.count(old) == 1
    assert differences(with_stand_ins(source.replace(old, new))[chart], engine_says[chart])


class TestTheEngine:
    """The engine itself is strict: what it lets pass silently would be no verdict."""

    @pytest.mark.parametrize("name", NAMES)
    def test_refuses_an_unknown_event(self, name):
        chart = STAND_INS[name]
        slot = Slot(chart.initial)
        with pytest.raises(TransitionNotAllowed):
            chart.declaration(model=slot).send("no_such_event", facts=Facts())
        assert slot.state is chart.initial
