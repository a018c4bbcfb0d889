"""
Charts: compile a declared machine, step through it, and show it as a table and a diagram.

`step`, the docs and the tests read the same rows.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any, Generic, TypeVar

import attrs
from statemachine import StateMachine

from counterseal.errors import WrongState

S = TypeVar("S", bound=enum.Enum)
E = TypeVar("E", bound=enum.Enum)


@attrs.frozen
class Row:
    """
    One row of a chart's table.

    Attributes:
        validators: Names of the rules that may refuse the event, in the order they run.
        conds: Names of the rules that choose this row's target; none in the last row of a cell.
    """

    source: str
    event: str
    target: str
    validators: tuple[str, ...]
    conds: tuple[str, ...]


@attrs.frozen
class Cell:
    """
    The rows of one state and event, compiled.

    Attributes:
        validators: What may refuse the event, in order.
        choices: Conditions and target of each row, in order; the last has no conditions.
    """

    validators: tuple[Callable[[Any], None], ...]
    choices: tuple[tuple[tuple[Callable[[Any], bool], ...], Any], ...]


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
        leaving = {state for state, _ in self.cells}
        return frozenset(state for state in self.states if state not in leaving)


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
    for conds, target in cell.choices:
        for cond in conds:
            if not cond(facts):
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
            conds=tuple(rule.__name__ for rule in conds),
        )
        for source, event, target, validators, conds in _rows(chart.declaration, chart.events)
    )


def markdown(chart: Chart[Any, Any]) -> str:
    """Return the chart's table as Markdown."""
    lines = ["| state | event | next | refused by | chosen by |", "|---|---|---|---|---|"]
    for row in table(chart):
        rules = " ".join(f"`{name}`" for name in row.validators)
        conds = " ".join(f"`{name}`" for name in row.conds)
        lines.append(f"| {row.source} | {row.event} | {row.target} | {rules} | {conds} |")
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
            a cell has no unconditional row, a rule is not a function or stands under `unless`,
            or the states or events differ from those of *states* and *events*.
    """
    if [state.value for state in declaration.states] != list(states):
        message = f"{name}: the chart's states are not those of {states.__name__}"
        raise TypeError(message)
    rows: dict[tuple[S, E], list[tuple[Any, ...]]] = {}
    for source, event, target, validators, conds in _rows(declaration, events):
        if not all(map(callable, (*validators, *conds))):
            message = f"{name}: {event.value} in {source.value} has a rule that is no function"
            raise TypeError(message)
        rows.setdefault((source, event), []).append((target, validators, conds))
    if {event for _, event in rows} != set(events):
        message = f"{name}: the chart's events are not those of {events.__name__}"
        raise TypeError(message)
    for (source, event), cell in rows.items():
        if len({validators for _, validators, _ in cell}) != 1:
            message = f"{name}: {event.value} in {source.value} has rows with other validators"
            raise TypeError(message)
        choices = [frozenset(conds) for _, _, conds in cell]
        shadowed = any(earlier <= later for earlier, later in combinations(choices, 2))
        if shadowed or choices[-1]:
            message = f"{name}: {event.value} in {source.value} has a lost row, or no plain one"
            raise TypeError(message)
    initial = next(state.value for state in declaration.states if state.initial)
    cells = {
        key: Cell(cell[0][1], tuple((conds, target) for target, _, conds in cell))
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
                message = f"{transition}: `unless` is not walked; write a cond"
                raise TypeError(message)
            for event in map(str, transition.events):
                if event not in events_by_name:
                    message = f"{event}: not an event of {events.__name__}"
                    raise TypeError(message)
                yield (
                    state.value,
                    events_by_name[event],
                    transition.target.value,
                    tuple(spec.func for spec in transition.validators),
                    tuple(spec.func for spec in transition.cond),
                )
