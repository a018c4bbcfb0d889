"""
The machines: charts, declared as data, and `step`, the only way to change a state.

Each folder has the charts of its records; `CHARTS` finds each by its name.

A chart's class body is its table: each event on its target, with references to the rules that
guard it.
There are no callbacks, no listeners and nothing asynchronous.

- Rules that refuse are `validators`: each raises one typed error before anything moves.
- A `cond` only chooses between two targets of one event; the unconditional row is the last.
- The rows of one state and event carry the same validators, which `step` runs once.

`python-statemachine` gives the declaration, its structural validation, and an engine to compare
`step` with.
That engine takes as long as several signature checks, per decision, and an instance shared by two
threads answers wrongly; so `step` walks the rows, compiled once at import, and the tests prove
over every state, event and outcome of the rules that both agree.
The docs show the same rows.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any, Generic, TypeVar

import attrs
from statemachine import StateMachine

from counterseal.errors import WrongState
from counterseal.kinds import RecordKind

S = TypeVar("S", bound=enum.Enum)
E = TypeVar("E", bound=enum.Enum)


@attrs.frozen
class Row:
    """
    One row of a chart's table.

    Attributes:
        validators: Names of the rules that may refuse the event, in the order they run.
        conditions: Names of the rules that choose this row's target; none in a cell's last row.
    """

    source: str
    event: str
    target: str
    validators: tuple[str, ...]
    conditions: tuple[str, ...]


@attrs.frozen
class Cell:
    """
    The rows of one state and event, compiled.

    Attributes:
        validators: What may refuse the event, in order.
        targets: Conditions and target of each row, in order; the last has no conditions.
    """

    validators: tuple[Callable[[Any], None], ...]
    targets: tuple[tuple[tuple[Callable[[Any], bool], ...], Any], ...]


@attrs.frozen
class Chart(Generic[S, E]):
    """
    A compiled chart.

    Attributes:
        declaration: The class that declares it; the tests run it with the engine.
        initial: The state that new records have.
        cells: What `step` reads.
    """

    name: str
    declaration: type[StateMachine]
    states: type[S]
    events: type[E]
    initial: S
    cells: dict[tuple[S, E], Cell] = attrs.field(repr=False)

    @property
    def finished(self) -> frozenset[S]:
        """The states that no event leaves."""
        sources = {state for state, _ in self.cells}
        return frozenset(state for state in self.states if state not in sources)


def step(chart: Chart[S, E], state: S, event: E, facts: Any) -> S:
    """
    Decide one event: run its rules on *facts*, then return the state that follows.

    Raises:
        WrongState: The state does not allow the event.
        Refused: Whatever the event's rules refuse.
    """
    cell = chart.cells.get((state, event))
    if cell is None:
        raise WrongState(f"{event.value} of a {chart.name} that is {state.value}")
    for rule in cell.validators:
        rule(facts)
    for conditions, target in cell.targets:
        for condition in conditions:
            if not condition(facts):
                break
        else:
            return target  # type: ignore[no-any-return]
    raise WrongState(f"{event.value}: no row applies")


def table(chart: Chart[Any, Any]) -> tuple[Row, ...]:
    """Return the chart's rows in the order of declaration."""
    return tuple(
        Row(
            source=source.value,
            event=event.value,
            target=target.value,
            validators=tuple(rule.__name__ for rule in validators),
            conditions=tuple(rule.__name__ for rule in conditions),
        )
        for source, event, target, validators, conditions in _rows(chart.declaration, chart.events)
    )


def markdown(chart: Chart[Any, Any]) -> str:
    """Return the chart's table as Markdown."""
    lines = ["| state | event | next | refused by | chosen by |", "|---|---|---|---|---|"]
    for row in table(chart):
        rules = " ".join(f"`{name}`" for name in row.validators)
        conditions = " ".join(f"`{name}`" for name in row.conditions)
        lines.append(f"| {row.source} | {row.event} | {row.target} | {rules} | {conditions} |")
    return "\n".join(lines)


def mermaid(chart: Chart[Any, Any]) -> str:
    """Return the chart as a Mermaid state diagram; the rules are in the table only."""
    arrows: dict[tuple[str, str], dict[str, None]] = {}
    for row in table(chart):
        arrows.setdefault((row.source, row.target), {})[row.event] = None
    lines = ["stateDiagram-v2", f"    [*] --> {chart.initial.value}"]
    lines += [
        f"    {source} --> {target}: {', '.join(events)}"
        for (source, target), events in arrows.items()
    ]
    lines += [f"    {state.value} --> [*]" for state in chart.states if state in chart.finished]
    return "\n".join(lines)


def compiled(
    name: str, declaration: type[StateMachine], states: type[S], events: type[E]
) -> Chart[S, E]:
    """
    Compile a declared chart.

    Raises:
        TypeError: Two rows of a cell carry different validators, a row can never be reached,
            a cell has no unconditional row, a rule is not a function or is given as `unless`,
            or the states or events differ from those of *states* and *events*.
    """
    if [state.value for state in declaration.states] != list(states):
        raise TypeError(f"{name}: the chart's states are not those of {states.__name__}")
    rows: dict[tuple[S, E], list[tuple[Any, ...]]] = {}
    for source, event, target, validators, conditions in _rows(declaration, events):
        subject = f"{name}: {event.value} in {source.value}"
        if not all(map(callable, (*validators, *conditions))):
            raise TypeError(f"{subject} has a rule that is no function")
        rows.setdefault((source, event), []).append((target, validators, conditions))
    if {event for _, event in rows} != set(events):
        raise TypeError(f"{name}: the chart's events are not those of {events.__name__}")
    for (source, event), cell in rows.items():
        subject = f"{name}: {event.value} in {source.value}"
        if len({validators for _, validators, _ in cell}) != 1:
            raise TypeError(f"{subject} has rows with other validators")
        condition_sets = [frozenset(conditions) for _, _, conditions in cell]
        shadowed = any(earlier <= later for earlier, later in combinations(condition_sets, 2))
        if shadowed or condition_sets[-1]:
            raise TypeError(f"{subject} has a lost row, or no plain one")
    initial = next(state.value for state in declaration.states if state.initial)
    cells = {
        key: Cell(cell[0][1], tuple((conditions, target) for target, _, conditions in cell))
        for key, cell in rows.items()
    }
    return Chart(name, declaration, states, events, initial, cells)


def _rows(
    declaration: type[StateMachine], events: type[E]
) -> Iterator[tuple[Any, E, Any, tuple[Callable[[Any], None], ...], tuple[Any, ...]]]:
    events_by_name = {event.value: event for event in events}
    for state in declaration.states:
        for transition in state.transitions:
            if any(spec.expected_value is False for spec in transition.cond):
                raise TypeError(f"{transition}: `unless` is not walked; write a cond")
            for event in map(str, transition.events):
                if event not in events_by_name:
                    raise TypeError(f"{event}: not an event of {events.__name__}")
                yield (
                    state.value,
                    events_by_name[event],
                    transition.target.value,
                    tuple(spec.func for spec in transition.validators),
                    tuple(spec.func for spec in transition.cond),
                )


class _Charts(Mapping[str, Chart[Any, Any]]):
    """The charts of all kinds that have one; a chart is loaded when it is asked for."""

    def __init__(self) -> None:
        self._kinds = {
            kind.name.lower(): kind for kind in RecordKind if kind.value.chart is not None
        }

    def __getitem__(self, name: str) -> Chart[Any, Any]:
        chart: Chart[Any, Any] = self._kinds[name].chart
        return chart

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


CHARTS: Mapping[str, Chart[Any, Any]] = _Charts()
"""Every chart by its name."""
