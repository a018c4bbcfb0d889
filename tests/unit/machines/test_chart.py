"""Charts: what `compiled` refuses, how `step` walks, how a table and a picture are written."""

import enum

import attrs
import pytest
from statemachine import StateMachine
from statemachine.states import States

from counterseal.errors import DeadlinePassed, WrongState
from counterseal.machines import CHARTS, Cell, compiled, markdown, mermaid, step, table


class Light(enum.Enum):
    OFF = "OFF"
    DIM = "DIM"
    ON = "ON"


class Switch(enum.Enum):
    PRESS = "press"
    CUT = "cut"


CALLS = []


def allowed(facts):
    CALLS.append("allowed")
    if "refuse" in facts:
        raise DeadlinePassed


def allowed_too(facts):
    CALLS.append("allowed_too")
    if "refuse too" in facts:
        raise WrongState("too")


def dark(facts):
    CALLS.append("dark")
    return "dark" in facts


def late(facts):
    CALLS.append("late")
    return "late" in facts


def body(**rows):
    """Declare a chart: each keyword makes one event of the states."""
    states = States.from_enum(Light, initial=Light.OFF)
    return StateMachine.__class__(
        "Lamp", (StateMachine,), {"_": states, **{name: row(states) for name, row in rows.items()}}
    )


def press(_):
    return (
        _.ON.from_(_.OFF, cond=[dark, late], validators=[allowed, allowed_too])
        | _.DIM.from_(_.OFF, cond=dark, validators=[allowed, allowed_too])
        | _.ON.from_(_.OFF, validators=[allowed, allowed_too])
    )


def cut(_):
    return _.OFF.from_(_.DIM, _.ON)


def lamp(**rows):
    return compiled("lamp", body(**{"press": press, "cut": cut, **rows}), Light, Switch)


@pytest.fixture(autouse=True)
def nobody_asked():
    CALLS.clear()


class TestCompiled:
    def test_takes_a_sound_chart(self):
        chart = lamp()
        assert (chart.name, chart.initial, chart.finished) == ("lamp", Light.OFF, frozenset())
        assert (chart.states, chart.events) == (Light, Switch)

    def test_refuses_rows_of_a_cell_with_other_validators(self):
        def differing(_):
            return _.DIM.from_(_.OFF, cond=dark, validators=[allowed]) | _.ON.from_(
                _.OFF, validators=[allowed, allowed_too]
            )

        with pytest.raises(TypeError, match="press in OFF has rows with other validators"):
            lamp(press=differing)

    def test_refuses_rows_of_a_cell_with_validators_in_another_order(self):
        def reordered(_):
            return _.DIM.from_(_.OFF, cond=dark, validators=[allowed_too, allowed]) | _.ON.from_(
                _.OFF, validators=[allowed, allowed_too]
            )

        with pytest.raises(TypeError, match="press in OFF has rows with other validators"):
            lamp(press=reordered)

    @pytest.mark.parametrize(
        ("first", "second", "third"),
        [
            (None, dark, None),  # a plain row first: what follows is never reached
            (dark, None, None),  # two plain rows
            (dark, dark, None),  # the same condition twice
            (dark, [dark, late], None),  # one that holds only where an earlier one does
            (dark, late, dark),  # no plain row
            (dark, late, [late, dark]),
        ],
    )
    def test_refuses_a_row_that_is_never_reached_or_a_cell_without_a_plain_one(
        self, first, second, third
    ):
        def shadowed(_):
            return (
                _.ON.from_(_.OFF, cond=first)
                | _.DIM.from_(_.OFF, cond=second)
                | _.OFF.from_(_.OFF, cond=third)
            )

        with pytest.raises(TypeError, match="press in OFF has a lost row, or no plain one"):
            lamp(press=shadowed)

    def test_refuses_a_cell_without_a_plain_row(self):
        with pytest.raises(TypeError, match="press in OFF has a lost row, or no plain one"):
            lamp(press=lambda _: _.ON.from_(_.OFF, cond=dark) | _.DIM.from_(_.OFF, cond=late))

    def test_a_flaw_in_one_state_of_an_event_is_seen(self):
        def half(_):
            return _.OFF.from_(_.DIM) | _.OFF.from_(_.ON, cond=dark)

        with pytest.raises(TypeError, match="cut in ON has a lost row"):
            lamp(cut=half)

    def test_refuses_an_event_that_the_enum_does_not_name(self):
        with pytest.raises(TypeError, match="blink: not an event of Switch"):
            lamp(blink=lambda _: _.ON.from_(_.DIM))

    def test_refuses_an_enum_with_an_event_that_the_chart_does_not_have(self):
        class More(enum.Enum):
            PRESS = "press"
            CUT = "cut"
            BLINK = "blink"

        with pytest.raises(TypeError, match="the chart's events are not those of More"):
            compiled("lamp", body(press=press, cut=cut), Light, More)

    def test_refuses_the_states_of_another_enum(self):
        class Other(enum.Enum):
            OFF = "OFF"
            DIM = "DIM"
            ON = "ON"

        with pytest.raises(TypeError, match="the chart's states are not those of Other"):
            compiled("lamp", body(press=press, cut=cut), Other, Switch)

    def test_refuses_unless_which_it_would_read_as_its_opposite(self):
        def negated(_):
            return _.DIM.from_(_.OFF, unless=dark) | _.ON.from_(_.OFF)

        with pytest.raises(TypeError, match="`unless` is not walked"):
            lamp(press=negated)

    @pytest.mark.parametrize("rules", [{"validators": "allowed"}, {"cond": "dark"}])
    def test_refuses_a_rule_given_by_name(self, rules):
        def by_name(_):
            return _.OFF.from_(_.DIM, _.ON, **rules)

        with pytest.raises(TypeError, match="cut in DIM has a rule that is no function"):
            lamp(cut=by_name)


class TestStep:
    def test_fails_closed_where_no_row_of_a_cell_applies(self):
        # `compiled` lets no such cell pass; one that were made by hand must not move either.
        chart = lamp()
        cells = {(Light.OFF, Switch.PRESS): Cell((), (((dark,), Light.ON),))}
        with pytest.raises(WrongState, match="no row applies"):
            step(attrs.evolve(chart, cells=cells), Light.OFF, Switch.PRESS, set())

    @pytest.mark.parametrize(
        ("facts", "state"),
        [
            ((), Light.ON),
            (("dark",), Light.DIM),
            (("dark", "late"), Light.ON),
            (("late",), Light.ON),
        ],
    )
    def test_the_first_row_whose_conditions_all_hold_is_taken(self, facts, state):
        assert step(lamp(), Light.OFF, Switch.PRESS, facts) is state

    def test_validators_run_once_though_several_rows_carry_them(self):
        step(lamp(), Light.OFF, Switch.PRESS, ())
        assert CALLS == ["allowed", "allowed_too", "dark", "dark"]

    def test_the_first_validator_that_refuses_ends_the_matter(self):
        with pytest.raises(DeadlinePassed):
            step(lamp(), Light.OFF, Switch.PRESS, ("refuse", "refuse too"))
        assert CALLS == ["allowed"]

    def test_a_later_validator_is_asked_after_the_earlier_ones(self):
        with pytest.raises(WrongState, match="too"):
            step(lamp(), Light.OFF, Switch.PRESS, ("refuse too",))
        assert CALLS == ["allowed", "allowed_too"]

    @pytest.mark.parametrize(
        ("state", "event"), [(Light.OFF, Switch.CUT), (Light.ON, Switch.PRESS)]
    )
    def test_a_state_without_a_row_refuses_before_any_rule_is_asked(self, state, event):
        with pytest.raises(WrongState):
            step(lamp(), state, event, ("refuse",))
        assert CALLS == []

    @pytest.mark.parametrize("event", ["press", "no_such_event", None, 0])
    def test_what_is_no_event_of_the_chart_moves_nothing(self, event):
        with pytest.raises((WrongState, AttributeError)):
            step(lamp(), Light.OFF, event, ())
        assert CALLS == []

    @pytest.mark.parametrize("state", ["OFF", None])
    def test_what_is_no_state_of_the_chart_moves_nothing(self, state):
        with pytest.raises((WrongState, AttributeError)):
            step(lamp(), state, Switch.PRESS, ())
        assert CALLS == []

    def test_a_rule_that_fails_in_another_way_allows_nothing(self):
        class Broken:
            def __contains__(self, _):
                raise RuntimeError

        with pytest.raises(RuntimeError):
            step(lamp(), Light.OFF, Switch.PRESS, Broken())

    @pytest.mark.parametrize("name", sorted(CHARTS))
    def test_every_state_and_event_of_the_real_charts_without_a_row_is_refused(self, name):
        chart = CHARTS[name]
        rows = {(row.source, row.event) for row in table(chart)}
        cells = [(state, event) for state in chart.states for event in chart.events]
        empty = [cell for cell in cells if (cell[0].value, cell[1].value) not in rows]
        assert len(empty) == len(cells) - len(rows)
        before = dict(chart.cells)
        for state, event in empty:
            with pytest.raises(WrongState):
                step(chart, state, event, None)
        assert chart.cells == before

    def test_a_chart_cannot_be_changed_by_assignment(self):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            lamp().initial = Light.ON


class TestTable:
    def test_has_the_rows_in_the_order_of_declaration(self):
        rows = [(row.source, row.event, row.target, row.conditions) for row in table(lamp())]
        assert rows == [
            ("OFF", "press", "ON", ("dark", "late")),
            ("OFF", "press", "DIM", ("dark",)),
            ("OFF", "press", "ON", ()),
            ("DIM", "cut", "OFF", ()),
            ("ON", "cut", "OFF", ()),
        ]
        assert table(lamp())[0].validators == ("allowed", "allowed_too")

    @pytest.mark.parametrize("name", sorted(CHARTS))
    def test_has_as_many_rows_as_the_cells_have_choices(self, name):
        chart = CHARTS[name]
        assert len(table(chart)) == sum(len(cell.targets) for cell in chart.cells.values())


class TestMarkdown:
    def test_is_one_table(self):
        assert markdown(lamp()).splitlines() == [
            "| state | event | next | refused by | chosen by |",
            "|---|---|---|---|---|",
            "| OFF | press | ON | `allowed` `allowed_too` | `dark` `late` |",
            "| OFF | press | DIM | `allowed` `allowed_too` | `dark` |",
            "| OFF | press | ON | `allowed` `allowed_too` |  |",
            "| DIM | cut | OFF |  |  |",
            "| ON | cut | OFF |  |  |",
        ]

    @pytest.mark.parametrize("name", sorted(CHARTS))
    def test_holds_every_row_with_all_its_rules(self, name):
        lines = markdown(CHARTS[name]).splitlines()
        rows = table(CHARTS[name])
        assert len(lines) == 2 + len(rows)
        for line, row in zip(lines[2:], rows, strict=True):
            state, event, target, rules, conditions = (
                cell.strip() for cell in line.strip("|").split("|")
            )
            assert (state, event, target) == (row.source, row.event, row.target)
            assert rules.replace("`", "").split() == list(row.validators)
            assert conditions.replace("`", "").split() == list(row.conditions)


class TestMermaid:
    def test_is_one_state_diagram(self):
        assert mermaid(lamp()).splitlines() == [
            "stateDiagram-v2",
            "    [*] --> OFF",
            "    OFF --> ON: press",
            "    OFF --> DIM: press",
            "    DIM --> OFF: cut",
            "    ON --> OFF: cut",
        ]

    @pytest.mark.parametrize("name", sorted(CHARTS))
    def test_holds_the_beginning_every_row_and_every_end(self, name):
        chart = CHARTS[name]
        lines = [line.strip() for line in mermaid(chart).splitlines()]
        assert lines[:2] == ["stateDiagram-v2", f"[*] --> {chart.initial.value}"]
        transitions = set()
        for line in lines[2:]:
            arrow, colon, events = line.partition(": ")
            source, _, target = arrow.partition(" --> ")
            transitions |= {(source, event, target) for event in events.split(", ") if colon}
        assert transitions == {(row.source, row.event, row.target) for row in table(chart)}
        ends = {line.removesuffix(" --> [*]") for line in lines if line.endswith(" --> [*]")}
        assert ends == {state.value for state in chart.finished}
        arrows = {(row.source, row.target) for row in table(chart)}
        assert len(lines) == 2 + len(arrows) + len(ends)
